"""The glossary's words are the ones in use: what it says is not said stands nowhere, neither in code,
names of files and comments nor in the documents; and loop variables say what they hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/concepts/glossary.md"
# Words are looked for in these; what is history (changes/) keeps the words of its time.
FOLDERS = ("src", "tests", "docs", "examples")
ENDINGS = {".py", ".md", ".sql", ".toml", ".js", ".c", ".sh", ".yaml", ".yml", ".json"}
MORE = ("README.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml")
# GATE, gate, isGate and gate_of all say gate; gateway and delegate do not.
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def banned() -> list[tuple[str, ...]]:
    """The first column of the glossary's second table, each as its words."""
    section = GLOSSARY.read_text().partition("\n## Not said\n")[2]
    rows = re.findall(r"^\| (?!not \||---)(.+?) \|", section, re.M)
    return [tuple(phrase.split()) for row in rows for phrase in row.replace("*", "").split(", ")]


BANNED = banned()
FIRST = {phrase[0] for phrase in BANNED}


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in ENDINGS and "node_modules" not in path.parts:
                yield path
    for name in MORE:
        if (ROOT / name).exists():
            yield ROOT / name


def said(text: str) -> list[str]:
    """Where a text says what is not said: `line: phrase`."""
    words = [(match[0].lower(), match.start()) for match in WORD.finditer(text)]
    found = []
    for index, (word, start) in enumerate(words):
        if word not in FIRST:
            continue
        for phrase in BANNED:
            if tuple(known for known, _ in words[index : index + len(phrase)]) == phrase:
                found.append(f"{text.count(chr(10), 0, start) + 1}: {' '.join(phrase)}")
    return found


def named_one(text: str) -> list[int]:
    """The lines of loops, comprehensions and lambdas whose variable is called `one`."""
    lines = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            names = [name for name in ast.walk(node.target) if isinstance(name, ast.Name)]
            lines += [name.lineno for name in names if name.id == "one"]
        elif isinstance(node, ast.Lambda):
            lines += [node.lineno for argument in node.args.args if argument.arg == "one"]
    return lines


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


LEFT_OUT = (GLOSSARY, Path(__file__))


def test_what_the_glossary_says_is_not_said_stands_nowhere() -> None:
    found = []
    for path in files():
        if path in LEFT_OUT:
            continue
        found += [f"{shown(path)} (its name)" for _ in said(shown(path))]
        found += [f"{shown(path)}:{place}" for place in said(path.read_text())]
    assert not found, "\n".join(found)


def test_loop_variables_say_what_they_hold() -> None:
    found = [
        f"{shown(path)}:{line}: one"
        for path in files()
        if path.suffix == ".py"
        for line in named_one(path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("the nursery", 1),
        ("class NurseryPool:\n    hot_way = 1", 2),
        ("HOT_WAY", 1),
        ("by the hot\n# way", 1),
        ("delegate to the gateway of a package", 0),
        ("it speaks to the wall clock", 0),
    ],
)
def test_names_are_taken_apart_into_their_words(text: str, lines: int) -> None:
    assert len(said(text)) == lines


def test_a_loop_over_one_is_found_wherever_it_stands() -> None:
    text = "for one in a: pass\n[1 for x, one in b]\nf(lambda one: one)\none = 1\ndef f(one): ...\n"
    assert named_one(text) == [1, 2, 3]


def test_the_glossary_lists_at_least_the_words_that_the_code_once_had() -> None:
    assert {("nursery",), ("hot", "way"), ("wishes",), ("gate",), ("dice",)} <= set(BANNED)
