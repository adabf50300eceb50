"""The noun of docs/build/commands.md is added as the page says, to a copy of the sources, and works there: its
own test, those of help and those of the reference, with no other file touched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "build" / "commands.md").read_text("utf-8")
COPIED = ("src/thence", "docs", "tests/cli", "tests/docs")
PARTS = ("README.md", "pyproject.toml", "tests/conftest.py")


def block(kind: str, file: str) -> str:
    """What the page says to put into that file."""
    (found,) = re.findall(rf"<!-- {kind}: {re.escape(file)} -->\n```\w+\n(.*?)```", PAGE, re.S)
    return str(found)


def test_a_noun_is_added_by_touching_the_files_that_the_page_names(tmp_path: Path) -> None:
    for folder in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for name in PARTS:
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("src/thence/cli/setting.py", "tests/cli/test_setting.py"):
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(block("file", name))
    put_after('"Service": {\n', block("line", "src/thence/cli/commands.py"), tmp_path)
    reference = tmp_path / "docs/reference/cli.md"
    rows = block("rows", "docs/reference/cli.md")
    text, head = reference.read_text(), "## Service\n\n| command | |\n|---|---|\n"
    assert text.count(head) == 1
    reference.write_text(text.replace(head, head + rows))
    tests = ["tests/cli/test_setting.py", "tests/cli/test_help.py"]
    tests += ["tests/docs/test_words_documented.py"]
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *tests,
            "-k",
            "command or help or setting",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for check in (["check"], ["format", "--check"]):
        files = ["src/thence/cli/setting.py", "tests/cli/test_setting.py"]
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *files],
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr


def put_after(place: str, line: str, root: Path) -> None:
    file = root / "src/thence/cli/commands.py"
    text = file.read_text()
    assert text.count(place) == 1
    file.write_text(text.replace(place, place + line))
