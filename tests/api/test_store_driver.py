"""A store driver that this version does not have: in the list of drivers, a service runs on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from thence.store import drivers
from thence.store.driver import Driver, Wanted
from thence.store.sqlite import SqliteStore

MakeServer = Callable[..., Any]


def _make(wanted: Wanted) -> SqliteStore:
    return SqliteStore(wanted.folder / wanted.setting.removeprefix("toy://") / "toy.db")


TOY = Driver("toy", "'toy://FOLDER'", lambda setting: setting.startswith("toy://"), _make)


async def test_a_service_runs_on_a_driver_that_is_in_the_list(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "DRIVERS", (*drivers.DRIVERS, TOY))
    server = await make_server(store="toy://inner")
    await server.deploy()
    ended = await server.ended(await server.accept())
    assert ended["state"] == "succeeded"
    folder = tmp_path / "data"
    assert (folder / "inner" / "toy.db").exists() and not (folder / "store.db").exists()
