"""The package's own imports: no circles, also not those that only types need."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import thence

ROOT = Path(thence.__file__).parent


def modules() -> dict[str, Path]:
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = ["thence", *path.relative_to(ROOT).with_suffix("").parts]
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(name: str, path: Path, known: set[str]) -> Iterator[str]:
    """The modules that a file names in its imports, wherever they stand in it."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                whole = ".".join([*base, alias.name])
                yield whole if whole in known else ".".join(base)


def test_no_module_imports_itself_through_others() -> None:
    known = modules()
    graph = {
        name: {item for item in imported(name, path, set(known)) if item in known and item != name}
        for name, path in known.items()
    }
    assert graph["thence.server"], "imports are found"
    # A package's front collects names of its modules, which import each other past it.
    packages = {name for name, path in known.items() if path.name == "__init__.py"}
    for name in graph:
        graph[name] -= packages
    TopologicalSorter(graph).prepare()  # CycleError names the circle
