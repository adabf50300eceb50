"""An environment of its own for a vendor's SDK, made once and kept until its lock file changes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
INSTALL_SECONDS = 600


def python_of(name: str) -> Path:
    """The interpreter of the environment `name` with everything of `<name>.lock` installed. Where
    that cannot be installed the test is skipped at home and fails in continuous integration."""
    lock = HERE / f"{name}.lock"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    digest = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:12]
    folder = ROOT / ".sdk" / f"{name}-{digest}"
    python = folder / "bin" / "python"
    folder.parent.mkdir(exist_ok=True)
    with open(folder.parent / f"{name}.busy", "w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)  # several runs of the tests may want it at once
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder, python, lock)
            (folder / "complete").touch()
    return python


def _make(folder: Path, python: Path, lock: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=INSTALL_SECONDS)
    installed = subprocess.run(
        [
            *(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-input", "--require-hashes", "-r", str(lock)),
        ],
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
    )
    if installed.returncode == 0:
        return
    why = f"the SDK of {lock.stem} cannot be installed:\n{installed.stderr[-2000:]}"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
