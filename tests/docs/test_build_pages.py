"""The pages in docs/build stay true while the code moves: what they name is there, and the architecture
names every room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "docs/build"
PAGES = sorted(BUILD.rglob("*.md"))
ARCHITECTURE = (BUILD / "architecture.md").read_text("utf-8")
# `src/thence/api/doors.py`, `tests/engine/` and so on; one that is new on a page is in capitals or
# is written whole on it (`<!-- file: … -->`, or "this is the whole of").
NAMED = re.compile(r"`((?:src|tests|docs|examples|changes)/[^`\s]*)`")
MADE_BY_THE_PAGE = re.compile(r"<!-- file: (\S+) -->|[Tt]his is the whole of `(\S+)`")


def named(page: str) -> set[str]:
    """Files and folders that are spoken of as being there."""
    made = {name for match in MADE_BY_THE_PAGE.findall(page) for name in match if name}
    found = {name for name in NAMED.findall(page) if not re.search(r"[A-Z]{2}|[<>{}*…]|NNNN", name)}
    return {name for name in found if not any(path.startswith(name) for path in made)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(BUILD).as_posix())
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    gone = sorted(name for name in named(page.read_text("utf-8")) if not (ROOT / name).exists())
    assert not gone


def test_every_room_is_in_the_architecture() -> None:
    package = ROOT / "src/thence"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    table = set(re.findall(r"^\| `(\w+)/` \|", ARCHITECTURE, re.M))
    assert table == rooms


def test_every_verb_of_the_engine_is_on_its_way() -> None:
    verbs = "accept dispatch run settle deliver expire stop retire rescue redrive prune end"
    for verb in verbs.split():
        assert f"`src/thence/engine/{verb}.py`" in ARCHITECTURE, verb


def test_the_index_lists_every_page_and_every_decision() -> None:
    for folder in (BUILD, BUILD / "decisions"):
        listed = set(re.findall(r"\(([\w-]+\.md)\)", (folder / "README.md").read_text("utf-8")))
        pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
        assert listed >= pages, pages - listed


@pytest.mark.parametrize("note", sorted((BUILD / "decisions").glob("2*.md")), ids=lambda p: p.stem)
def test_a_decision_has_its_date_and_says_what_why_and_what_it_costs(note: Path) -> None:
    text = note.read_text("utf-8")
    assert text.splitlines()[2] == note.name[:10]
    for part in ("**Decided.**", "**Why.**", "**What it costs.**", "**We would think again**"):
        assert part in text, part
    assert 15 <= len(text.splitlines()) <= 45


def test_a_file_that_is_gone_is_noticed() -> None:
    page = "`src/thence/gone.py` `src/thence/api/NAME/` <!-- file: src/thence/new.py --> `src/thence/new.py`"
    assert named(page) == {"src/thence/gone.py"}
