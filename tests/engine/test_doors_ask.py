"""The doors ask the engine by subject, and never reach into it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import thence
from thence.testing import Service

ROOT = Path(thence.__file__).parent
OUTSIDE = ("api", "cli", "console", "triggers", "bench", "server.py", "serve.py")
FILES = sorted(
    file
    for place in OUTSIDE
    for file in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
)
SUBJECTS = {
    "accept", "accepted", "invoke", "stop", "sources", "redrive",
    "functions", "invocations", "deliveries", "mailbox", "events", "minutes", "stats", "health",
    "start", "drain", "end_runs", "close", "held_up", "tend", "also_sweep", "space", "new_id",
    "clock", "notices", "options",
}  # fmt: skip


def _reached(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every attribute of an engine, with its line."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        of = node.value
        name = of.id if isinstance(of, ast.Name) else getattr(of, "attr", "")
        if name.lstrip("_") == "engine":
            yield node.lineno, node.attr


def test_nobody_outside_reaches_into_the_engine() -> None:
    reached = [
        f"{file.relative_to(ROOT)}:{line} engine.{name}"
        for file in FILES
        for line, name in _reached(ast.parse(file.read_text()))
        if name not in SUBJECTS
    ]
    assert len(FILES) > 100 and not reached


def test_the_rule_sees_a_reach() -> None:
    tree = ast.parse("def f(call):\n    return call.engine.parts.store, self._engine.lanes")
    assert {name for _, name in _reached(tree)} == {"parts", "lanes"}


async def test_the_subjects_are_what_the_engine_has(s: Service) -> None:
    public = {name for name in dir(s.engine) if not name.startswith("_")}
    assert public - {"parts"} == SUBJECTS


def test_the_room_names_all_its_files() -> None:
    files = {file.stem for file in (ROOT / "engine").glob("*.py")} - {"__init__"}
    docstring = ast.get_docstring(ast.parse((ROOT / "engine/__init__.py").read_text())) or ""
    named = set(re.findall(r"[a-z_]{3,}", docstring))
    assert not files - named
