"""The page that says how to add a kind of destination: what it shows works as it stands there, as a file of
ours and as the package that test_package.py installs."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from thence.catalog import kinds as catalog
from thence.catalog.kinds import installed, types_of
from thence.destinations import kinds

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/build/destinations.md").read_text("utf-8")
PACKAGE = Path(__file__).parent / "package"
LIST = Path(kinds.__file__).read_text("utf-8")
LINE = "    lines.KIND,\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example of the page as a file of the package, and its kind in the list."""
    path = tmp_path / "lines.py"
    path.write_text(blocks("python")[0])
    name = "thence.destinations.lines"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(catalog, "_installed", installed())
    return module


async def test_the_example_of_the_page_is_a_kind_like_ours(lines, parcel, tmp_path, monkeypatch):
    assert blocks("python")[1] == LINE and LINE.replace("lines", "webhook") in LIST
    # It may be in the list already, where somebody has tried the page.
    others = [kind for kind in kinds.KINDS if "lines" not in types_of(kind)]
    monkeypatch.setattr(kinds, "KINDS", (*others, lines.KIND))
    kinds.install_kinds()
    test = {"LinesSender": lines.LinesSender}
    exec(blocks("python")[2], test)
    await test["test_a_record_becomes_a_line"](parcel, tmp_path)


def test_the_page_and_the_package_that_is_installed_are_the_same():
    assert blocks("python")[0] == (PACKAGE / "thence_lines.py").read_text("utf-8")
    assert blocks("toml")[0] == (PACKAGE / "pyproject.toml").read_text("utf-8")
