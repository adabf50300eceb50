"""`store`: an open store of every driver. `scene`: the same with a node and short words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from thence.store.interface import Store

from .drivers import DRIVERS
from .scene import Scene


@pytest.fixture(params=sorted(DRIVERS))
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes a store that is not open; every call means the same data."""
    return lambda: DRIVERS[request.param](tmp_path)


@pytest.fixture
async def store(make_store: Callable[[], Store]) -> AsyncIterator[Store]:
    made = make_store()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def scene(store: Store) -> Scene:
    made = Scene(store)
    await made.begin()
    return made
