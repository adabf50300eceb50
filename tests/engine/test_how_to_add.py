"""The examples of docs/build/engine.md work as they stand there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import thence
from thence.catalog.alias import Alias
from thence.engine.life import Life
from thence.testing import Forever, Service

PAGE = (Path(__file__).parents[2] / "docs/build/engine.md").read_text("utf-8")
CHORE, SOURCE = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def module(name: str, text: str, folder: Path) -> Any:
    file = folder / f"{name.rpartition('.')[2]}.py"
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


async def test_the_chore_of_the_page_tells_once_of_what_is_overdue(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    overdue = module("thence.engine.overdue", CHORE, tmp_path)
    async with Service() as s:
        await s.function("f", answers=[Forever(), Forever()], concurrency=1, timeout_seconds=86_400)
        chore = overdue.Overdue(s.store, s.clock, s.notices)
        for _ in range(2):
            await s.invoke("f")
        chore.loop.start()
        await s.clock.advance(3500)
        assert "has been due" not in caplog.text
        await s.clock.advance(3700)
        assert caplog.text.count("something of 'f' has been due") == 1
        await chore.loop.stop()


def test_the_lines_that_the_page_adds_have_a_place() -> None:
    engine = Path(thence.__file__).parent / "engine"
    wiring = (engine / "wiring.py").read_text()
    chores = wiring[wiring.index("def _chores(") :]
    assert "store, clock, notices, options = given.store," in chores
    assert "self._parts.sweep.loop," in (engine / "life.py").read_text()
    assert hasattr(Life, "_chores")


async def test_the_source_of_the_page_fires_once_a_day(s: Service, tmp_path: Path) -> None:
    source = module("calendar_source", SOURCE, tmp_path)
    await s.function("report", answers=["ok"])
    await s.engine.functions.publish_version("report")
    await s.engine.functions.put_alias("report", Alias("prod", "1"), create=True)
    first = await source.fire(s.engine, "2026-01-01")
    assert await source.fire(s.engine, "2026-01-01") == first
    assert await source.fire(s.engine, "2026-01-02") != first
    assert (await s.show(first)).meta.source == "calendar"
