"""The page that says how to add a kind of trigger: what it shows works as it stands there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from thence.testing import Service
from thence.triggers import kinds
from thence.triggers.interface import Kind
from thence.triggers.trigger import Trigger
from thence.triggers.triggers import Triggers

LINES = Path(kinds.__file__).read_text()
PAGE = Path(__file__).parents[2] / "docs/build/triggers.md"


def _blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def ticks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example of the page, as a file of the package."""
    path = tmp_path / "ticks.py"
    path.write_text(_blocks()[0])
    name = "thence.triggers.ticks"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


async def test_the_example_fires(s: Service, ticks: ModuleType):
    line = _blocks()[1]
    found: dict[str, object] = {"Kind": Kind, "ticks": ticks}
    exec(line, found)
    assert found["KINDS"] == (ticks.KIND,)
    assert line.partition(" = ")[0] in LINES
    scope = {"Triggers": Triggers, "Trigger": Trigger, "ticks": ticks, "Service": Service}
    exec(_blocks()[2], scope)
    await scope["test_a_tick_each_minute"](s)  # type: ignore[operator]
