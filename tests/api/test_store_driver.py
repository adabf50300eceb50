"""A store driver that this version does not have, as docs/build/store-drivers.md shows it: in the list of
drivers, a service runs on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thence.store import drivers
from thence.store.drivers import DRIVERS
from thence.store.sqlite.driver import DRIVER as SQLITE

MakeServer = Callable[..., Any]
PAGE = (Path(__file__).parents[2] / "docs/build/store-drivers.md").read_text("utf-8")
CODE, LINE = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


async def test_a_service_runs_on_a_driver_that_is_in_the_list(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: dict[str, Any] = {}
    exec(CODE, module)
    listed = {"SQLITE": SQLITE, "AUDIT": module["DRIVER"], "Driver": module["Driver"]}
    exec(LINE, listed)
    assert listed["DRIVERS"] == (*DRIVERS, module["DRIVER"]), "the page shows another list"
    monkeypatch.setattr(drivers, "DRIVERS", listed["DRIVERS"])
    server = await make_server(store="audit://kept")
    await server.deploy()
    id = await server.accept()
    assert (await server.ended(id))["state"] == "succeeded"
    folder = tmp_path / "data"
    assert (folder / "kept" / "audit.db").exists() and not (folder / "store.db").exists()
    lines = (folder / "kept" / "transitions.txt").read_text().splitlines()
    assert lines == [f"{id} {state}" for state in ("queued", "running", "succeeded")]
