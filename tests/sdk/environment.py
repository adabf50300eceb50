"""An environment of its own for each set of clients, made once and kept until its lock file changes:
a virtual environment for a vendor's Python clients, a folder of packages for those of Node.js.

Where one cannot be made (no network, no Node.js) its tests are skipped at home and fail in continuous
integration.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
GUARD = HERE / "guard"
NODE = HERE / "node"
INSTALL_SECONDS = 600
NODE_VERSION_MIN = 18  # the first with the test runner that the files use


def python_of(name: str) -> Path:
    """The interpreter of the environment `name` with everything of `<name>.lock` installed."""
    lock = HERE / f"{name}.lock"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    folder = _kept(name, lock.read_bytes() + version.encode(), lambda at: _venv(at, lock))
    return folder / "bin" / "python"


def node_packages() -> Path:
    """The folder that NODE_PATH names, with everything of node/package-lock.json."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _missing("Node.js with npm is not installed: apt-get install nodejs npm")
    version = _output(node, "--version").strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE_VERSION_MIN:
        _missing(f"Node.js is {version}; these tests need {NODE_VERSION_MIN} or newer")
    text = (NODE / "package-lock.json").read_bytes() + version.encode()
    return _kept("node", text, lambda at: _packages(at, npm)) / "node_modules"


def _kept(name: str, text: bytes, make: Callable[[Path], None]) -> Path:
    """The folder made for that text; several runs of the tests may want it at once."""
    digest = hashlib.sha256(text).hexdigest()[:12]
    folder = ROOT / ".sdk" / f"{name}-{digest}"
    folder.parent.mkdir(exist_ok=True)
    with open(folder.parent / f"{name}.busy", "w") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            (folder / "complete").touch()
    return folder


def _venv(folder: Path, lock: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=INSTALL_SECONDS)
    _install(
        lock.stem,
        *(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"),
        *("--disable-pip-version-check", "--require-hashes", "-r", str(lock)),
    )


def _packages(folder: Path, npm: str) -> None:
    """`npm ci` installs what the lock file says, by its hashes; no package runs a script."""
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(NODE / name, folder / name)
    _install("Node.js", npm, "ci", "--ignore-scripts", "--prefix", str(folder), cwd=folder)


def _install(what: str, *command: str, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, cwd=cwd
        )
    except subprocess.TimeoutExpired:
        _missing(f"the clients of {what} were not installed within {INSTALL_SECONDS} s")
    if done.returncode != 0:
        _missing(f"the clients of {what} cannot be installed:\n{done.stderr[-2000:]}")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def _missing(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
