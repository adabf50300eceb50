"""The door of docs/build/doors.md is added as the page says to a copy of the sources: its own tests pass
there, and those that look its settings and metrics up, with no other file touched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/build/doors.md").read_text("utf-8")
FILE = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)^```", re.M | re.S)
ADDED = re.compile(r"<!-- (?:line|row): (\S+) -->\n```\w+\n(.*?)^```", re.M | re.S)
# What the row or line is put behind.
PLACES = {
    "src/thence/api/doors.py": '    "thence.api.functiongraph",\n',
    "tests/config/test_what_shows_it.py": "SHOWN = {\n",
    "tests/config/test_every_setting_acts.py": "ELSEWHERE = {\n",
    "docs/reference/settings.md": "Function Compute.\n\n| Name | Variable | Default | Unit | Meaning |\n|---|---|---|---|---|\n",
    "docs/reference/metrics.md": "## From the store\n\n| Name | Kind | Labels | Meaning |\n|---|---|---|---|\n",
}
TESTS = (
    "tests/toy",
    "tests/doors/test_doors_apart.py",
    "tests/config/test_what_shows_it.py",
    "tests/config/test_every_setting_acts.py",
    "tests/docs/test_settings_documented.py",
    "tests/api/test_service.py::test_metrics_count_what_happened_and_are_documented",
)


def run(folder: Path, *command: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_door_is_added_by_touching_the_files_that_the_page_names(tmp_path: Path) -> None:
    for name in ("src", "docs", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "toy")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    files = FILE.findall(PAGE)
    for name, text in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    added = ADDED.findall(PAGE)
    assert {name for name, _ in added} == PLACES.keys()
    for name, line in added:
        text, place = (tmp_path / name).read_text("utf-8").replace(line, ""), PLACES[name]
        assert text.count(place) == 1, name
        (tmp_path / name).write_text(text.replace(place, place + line))
    run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    python = [name for name, _ in files]
    run(tmp_path, "ruff", "check", *python)
    run(tmp_path, "ruff", "format", "--check", *python)
