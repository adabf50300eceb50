"""What contributors are told is how it is: the checks before a commit are those of `make lint`, every
`make` target that a page names is there, every test has an end, and the notes are listed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from .changes_index import CHANGES, index

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
COMMAND = [
    *(sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-o", "timeout=1"),
    *("-p", "no:cacheprovider", "-p", "no:schemathesis"),
]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]


def commands(target: str) -> list[str]:
    section = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    assert section is not None
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in section[1].splitlines()]


def test_the_hooks_before_a_commit_are_the_commands_of_make_lint_and_fetch_nothing() -> None:
    (found,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert found["repo"] == "local"
    assert [hook["entry"] for hook in found["hooks"]] == commands("lint")
    assert {hook["language"] for hook in found["hooks"]} == {"system"}


def test_every_make_target_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text("utf-8"), re.M))
        assert named <= targets, f"{page}: {named - targets}"


def test_the_notes_of_changes_are_listed() -> None:
    listed = (CHANGES / "README.md").read_text("utf-8")
    assert listed == index(), "changes/README.md is not up to date: make index"


def test_every_test_has_a_limit() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert 0 < settings["tool"]["pytest"]["ini_options"]["timeout"] <= 300


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_test_that_hangs_is_ended_and_named_and_the_others_go_on(
    tmp_path: Path, processes: str
) -> None:
    """With the settings of this project, but for a limit that is soon over."""
    (tmp_path / "test_hangs.py").write_text(
        "import threading\n\n"
        "def test_it_hangs():\n    threading.Event().wait()\n\n"
        "async def test_it_hangs_on_the_loop():\n"
        "    import asyncio\n    await asyncio.Event().wait()\n\n"
        "def test_it_ends():\n    pass\n"
    )
    ran = subprocess.run(
        [*COMMAND, "--rootdir", tmp_path, "-n", processes, tmp_path],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_ADDOPTS": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "2 failed, 1 passed" in ran.stdout, ran.stdout + ran.stderr
    for name in ("test_it_hangs", "test_it_hangs_on_the_loop"):
        assert re.search(rf"FAILED .*{name} - Failed: Timeout", ran.stdout), ran.stdout
    assert "threading.Event().wait()" in ran.stdout, "where it was"
