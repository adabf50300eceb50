"""The page that says how to add a runtime: its example is `shell/`, and added to a copy of the sources as the
page says it runs, with no other file touched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/build/runtimes.md").read_text()
SHELL = Path(__file__).with_name("shell")
FOLDER = "src/thence/runtimes/shell"
FILES = ("kind.py", "launcher.py", "program.py")


def block(kind: str, file: str) -> str:
    """What the page says to put into that file."""
    (found,) = re.findall(rf"<!-- {kind}: {re.escape(file)} -->\n```\w+\n(.*?)```", PAGE, re.S)
    return str(found)


def replace_line(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("file", FILES)
def test_the_page_shows_the_example_as_it_is(file: str) -> None:
    assert block("file", f"{FOLDER}/{file}") == (SHELL / file).read_text()


def test_a_runtime_is_added_by_touching_the_files_that_the_page_names(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    tests = tmp_path / "tests/runtimes"
    tests.mkdir(parents=True)
    for name in ("tests/runtimes/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / FOLDER).mkdir()
    for name in ("__init__.py", *FILES):
        (tmp_path / FOLDER / name).write_text(block("file", f"{FOLDER}/{name}"))
    (tests / "test_shell.py").write_text(block("file", "tests/runtimes/test_shell.py"))
    imported, _, listed = block("line", "src/thence/runtimes/kinds.py").splitlines()
    kinds = tmp_path / "src/thence/runtimes/kinds.py"
    replace_line(
        kinds, "from .python.kind import PYTHON", f"from .python.kind import PYTHON\n{imported}"
    )
    begin = listed.removesuffix(", SHELL)")  # behind it others may stand
    assert begin != listed
    replace_line(kinds, begin, f"{begin}, SHELL")
    layers, side = block("line", "pyproject.toml").splitlines()
    project = tmp_path / "pyproject.toml"
    assert layers == '    "pool | python | shell",'
    replace_line(project, '    "pool | python', '    "pool | python | shell')
    function_side = '    "thence.runtimes.python.function",'
    replace_line(project, function_side, f"{function_side}\n{side}")
    for command in (
        ("ruff", "check", "--fix", "--select", "I", "src/thence/runtimes/kinds.py"),
        ("ruff", "format", "src/thence/runtimes/kinds.py"),
        ("pytest", "-q", "-p", "no:cacheprovider", "tests/runtimes/test_shell.py"),
        ("ruff", "check", FOLDER, "src/thence/runtimes/kinds.py", "tests"),
        ("ruff", "format", "--check", FOLDER, "src/thence/runtimes/kinds.py", "tests"),
    ):
        check(tmp_path, sys.executable, "-m", *command)
    lint = "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"
    check(tmp_path, sys.executable, "-c", lint)


def check(folder: Path, *command: str) -> None:
    ran = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
