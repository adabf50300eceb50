"""A store driver that this version does not have, as docs/build/store-drivers.md shows it: in the list of
drivers, a service runs on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thence.cli.verify import check
from thence.errors import StoreMissing
from thence.store import drivers
from thence.store.driver import Wanted
from thence.store.drivers import DRIVERS, make_store

MakeServer = Callable[..., Any]
PAGE = (Path(__file__).parents[2] / "docs/build/store-drivers.md").read_text("utf-8")
CODE, LINE = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The driver of the page, in the list as the page says."""
    module: dict[str, Any] = {}
    exec(CODE, module)
    begin = LINE.removesuffix(", AUDIT)\n")
    assert begin != LINE and begin in Path(drivers.__file__).read_text("utf-8")
    monkeypatch.setattr(drivers, "DRIVERS", (*DRIVERS, module["DRIVER"]))
    return module["DRIVER"]


async def test_verify_looks_at_the_store_that_the_setting_means(audit: Any, tmp_path: Path) -> None:
    store = make_store(Wanted("audit://kept", tmp_path))
    await store.open()
    await store.close()
    report = await check(tmp_path, "audit://kept")
    assert report["problems"] == [] and report["accepted"] == 0
    with pytest.raises(StoreMissing):
        await check(tmp_path)


async def test_a_service_runs_on_a_driver_that_is_in_the_list(
    audit: Any, make_server: MakeServer, tmp_path: Path
) -> None:
    server = await make_server(store="audit://kept")
    await server.deploy()
    id = await server.accept()
    assert (await server.ended(id))["state"] == "succeeded"
    folder = tmp_path / "data"
    assert (folder / "kept" / "audit.db").exists() and not (folder / "store.db").exists()
    lines = (folder / "kept" / "transitions.txt").read_text().splitlines()
    assert lines == [f"{id} {state}" for state in ("queued", "running", "succeeded")]
