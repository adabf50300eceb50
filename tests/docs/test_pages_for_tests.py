"""The page about testing runs as it is pasted, and names what a test can look at; so does that of
handlers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from thence.engine.why import Why
from thence.lifecycle.decide import Spent
from thence.runtimes.python.function.contracts.native import Context
from thence.store.records import AttemptView, InvocationView

DOCS = Path(__file__).parents[2] / "docs"
TESTING = (DOCS / "testing.md").read_text("utf-8")
HIDDEN = {"function_id", "meta", "fault"}  # told by other names: function, qualifier, error_type


@pytest.mark.parametrize("kind", [InvocationView, AttemptView, Spent, Why])
def test_what_a_test_can_look_at_is_on_the_page(kind: type) -> None:
    for name in kind.__struct_fields__:
        assert name in HIDDEN or f"`{name}`" in TESTING, name


def test_the_native_context_is_on_the_page_of_handlers() -> None:
    page = (DOCS / "handlers.md").read_text("utf-8")
    names = {name for name in dir(Context) if not name.startswith("_")}
    assert len(names) > 15
    for name in names:
        assert f"`{name}`" in page or f"`{name}()`" in page, name


@pytest.mark.slow
def test_the_page_runs_as_it_is_pasted(tmp_path: Path) -> None:
    blocks = re.findall(r"```(toml|python)\n(.*?)```", TESTING, re.S)
    settings = [text for kind, text in blocks if kind == "toml"]
    examples = [text for kind, text in blocks if kind == "python"]
    assert len(settings) == 1 and len(examples) >= 5
    (tmp_path / "pyproject.toml").write_text(settings[0])
    for number, text in enumerate(examples):
        (tmp_path / f"test_{number}.py").write_text(text)
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-3000:]
    assert f"{len(re.findall(r'async def test_', TESTING))} passed" in told.stdout
