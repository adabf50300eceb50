"""Every door of the list stands alone: it imports no other one, and nothing that serves all names it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import thence
from thence.api import doors
from thence.api.doors import DOORS, installed, sections
from thence.errors import StartupError

PACKAGE = Path(thence.__file__).parent


def imports(file: Path) -> Iterator[str]:
    """The modules that a file of the package imports, with their whole names; of `from M import n` both
    M and M.n."""
    package = ["thence", *file.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def of(package: str, module: str) -> bool:
    return module == package or module.startswith(package + ".")


@pytest.mark.parametrize("door", DOORS)
def test_a_door_imports_no_other_door(door: str) -> None:
    spec = find_spec(door)
    assert spec is not None and spec.submodule_search_locations
    files = list(Path(spec.submodule_search_locations[0]).rglob("*.py"))
    assert len(files) > 1
    others = [other for other in DOORS if other != door]
    found = [
        (file.name, module)
        for file in files
        for module in imports(file)
        if any(of(other, module) for other in others)
    ]
    assert not found


def test_what_serves_all_doors_imports_none() -> None:
    """Only the command line, which foretells what Function Compute's door would say, knows one."""
    folders = [Path("api") / package.rpartition(".")[2] for package in DOORS]
    files = [
        file
        for file in PACKAGE.rglob("*.py")
        if not any(file.relative_to(PACKAGE).is_relative_to(folder) for folder in (*folders, "cli"))
    ]
    found = [
        (str(file.relative_to(PACKAGE)), module)
        for file in files
        for module in imports(file)
        if any(of(door, module) for door in DOORS)
    ]
    assert len(files) > 100 and not found


def test_a_door_has_the_name_of_its_folder() -> None:
    assert [door.name for door in installed()] == [name.rpartition(".")[2] for name in DOORS]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "'wrong_door' cannot be loaded: No module named 'wrong_door'"),
        ({"__init__": ""}, "'wrong_door' cannot be loaded: No module named 'wrong_door.door'"),
        ({"__init__": "", "door": "import no_such"}, "cannot be loaded: No module named 'no_such'"),
        (
            {"__init__": "", "door": ""},
            "its module 'door' must have a class DOOR that derives from",
        ),
        ({"__init__": "", "section": "SECTION = 1"}, "'section' must have a class SECTION that"),
    ],
)
def test_a_door_that_cannot_be_used_stops_the_start_with_a_sentence(
    files: dict[str, str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if files:
        (tmp_path / "wrong_door").mkdir()
    for name, text in files.items():
        (tmp_path / "wrong_door" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doors, "DOORS", (*DOORS, "wrong_door"))
    with pytest.raises(StartupError) as refused:
        sections(), installed()
    assert says in refused.value.detail
    for module in [name for name in sys.modules if name.partition(".")[0] == "wrong_door"]:
        del sys.modules[module]
