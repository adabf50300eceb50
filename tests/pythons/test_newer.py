"""Thence on a newer Python than the one that runs these tests: what the standard library changed.

zipfile, for one, names members otherwise since 3.12. The newest interpreter of this machine is taken;
where there is none newer, the test is skipped. The environment is made once and kept.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LOCK = ROOT / "requirements-dev.lock"
INSTALL_SECONDS = 600
RUN_SECONDS = 240
TESTS = ("tests/catalog", "tests/lifecycle", "tests/runtimes/test_code.py", "tests/store")


def version_of(python: Path) -> tuple[int, int] | None:
    """None where that does not run."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        asked = subprocess.run(
            [str(python), "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    except OSError:
        return None
    words = asked.stdout.split()
    return (int(words[0]), int(words[1])) if asked.returncode == 0 and len(words) == 2 else None


def newest() -> tuple[Path, str] | None:
    """The newest Python on the path or installed beside this one, if it is newer than this one."""
    names = [shutil.which(f"python3.{minor}") for minor in range(12, 20)]
    found = [Path(name) for name in names if name is not None]
    found += Path(sys.base_prefix).parent.glob("*/bin/python3")
    versions = [(version, python) for python in found if (version := version_of(python))]
    version, python = max(versions, default=((0, 0), Path()))
    return (python, f"{version[0]}.{version[1]}") if version > sys.version_info[:2] else None


def environment(python: Path, version: str) -> Path:
    digest = hashlib.sha256(LOCK.read_bytes() + str(python).encode()).hexdigest()[:12]
    folder = ROOT / ".sdk" / f"python-{version}-{digest}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([str(python), "-m", "venv", str(folder)], check=True, timeout=120)
        installed = subprocess.run(
            [
                *(str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-input"),
                *("--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)),
            ],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
        if installed.returncode:
            why = f"the lock file cannot be installed on {version}:\n{installed.stderr[-2000:]}"
            pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
        (folder / "complete").touch()
    return folder / "bin/python"


@pytest.mark.slow
@pytest.mark.timeout(INSTALL_SECONDS + RUN_SECONDS + 180)
def test_what_depends_on_the_standard_library_holds_on_the_newest_python() -> None:
    found = newest()
    if found is None:
        pytest.skip("no Python newer than the one that runs the tests is installed")
    python = environment(*found)
    run = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
