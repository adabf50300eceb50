"""Runs the vendors' unmodified clients against one service, each file inside its clients' environment:
the newest version of each and the oldest that its registry still has. None of them may connect to
anything but loopback (guard/)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from thence.catalog.code import pack

from .conftest import ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID, REGION
from .environment import GUARD, HERE, INSTALL_SECONDS, NODE, node_packages, python_of

FILE_SECONDS = 240
# The first test of an environment makes it, and others may have to wait for that.
TEST_SECONDS = 2 * INSTALL_SECONDS + FILE_SECONDS
HUAWEI = ("async", "functions", "invocation", "resources", "versions")
PYTHON = [  # environment, file
    *(("alibaba", f"alibaba/test_{name}.py") for name in ("async", "fc2", "fc3", "old", "upload")),
    *(("huawei", f"huawei/test_{name}.py") for name in HUAWEI),
    ("alibaba-older", "alibaba/test_older.py"),
    ("alibaba-oldest", "alibaba/test_older.py"),
    *(("huawei-oldest", f"huawei/test_{name}.py") for name in HUAWEI),
]
CLIENTS = ["fc2", "fc2-old", "fc3", "fc3-old", "fc-open", "fc-open-old"]
CLIENTS += ["functiongraph", "functiongraph-old"]


def test_every_file_of_clients_is_run() -> None:
    found = {str(path.relative_to(HERE)) for path in HERE.glob("*/test_*.py")}
    assert {file for _, file in PYTHON} == found
    assert {name.removesuffix("-old") for name in CLIENTS} == {
        path.name.removesuffix(".test.js") for path in NODE.glob("*.test.js")
    }


def test_the_page_about_clients_names_the_versions_that_are_run() -> None:
    page = (HERE.parent.parent / "docs" / "clients.md").read_text("utf-8")
    page = page.partition("\nThese were run by hand")[0]
    rows = {
        cells[1].split("`")[1]: cells[3]
        for line in page.splitlines()
        if (cells := line.split("|")) and line.startswith("| `")
    }
    run: dict[str, set[str]] = {}
    for name in ("alibaba", "alibaba-older", "alibaba-oldest", "huawei", "huawei-oldest"):
        for line in (HERE / f"{name}.in").read_text("utf-8").splitlines():
            if line.startswith(("alibaba", "aliyun", "oss", "huawei")):
                client, _, version = line.partition("==")
                run.setdefault(client, set()).add(version)
    packages = json.loads((NODE / "package.json").read_text("utf-8"))["dependencies"]
    for wanted in packages.values():
        if wanted.startswith("npm:"):
            client, _, version = wanted.removeprefix("npm:").rpartition("@")
            run.setdefault(client, set()).add(version)
    assert {client: set(cell.strip().split(", ")) for client, cell in rows.items()} == run


@pytest.mark.slow
@pytest.mark.timeout(TEST_SECONDS)
@pytest.mark.parametrize(("environment", "file"), PYTHON)
def test_the_unmodified_client_for_python_works(environment: str, file: str, address: str) -> None:
    python = python_of(environment)
    _run(
        address,
        *(str(python), "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-rs"),
        *("--confcutdir", str(HERE / file).rpartition("/")[0], "--rootdir", str(HERE)),
        *("-c", os.devnull, str(HERE / file)),
        ENVIRONMENT=environment,
        PYTHONPATH=str(GUARD),
        PYTHONDONTWRITEBYTECODE="1",
    )


@pytest.mark.slow
@pytest.mark.timeout(TEST_SECONDS)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_unmodified_client_for_node_works(client: str, address: str) -> None:
    packages = node_packages()
    base = client.removesuffix("-old")
    source = HERE / ("huawei" if base == "functiongraph" else "alibaba") / "function.py"
    _run(
        address,
        *(shutil.which("node") or "", "--test", str(NODE / f"{base}.test.js")),
        CLIENT=client,
        CODE=base64.b64encode(pack([("index.py", source.read_bytes())])).decode(),
        NODE_PATH=str(packages),
        NODE_OPTIONS=f"--require {GUARD / 'loopback.js'}",
    )


def _run(address: str, *command: str, **more: str) -> None:
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    ran = subprocess.run(
        command,
        env=kept
        | {
            "SERVICE": address,
            "ACCESS_KEY_ID": ACCESS_KEY_ID,
            "ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
            "ACCOUNT_ID": ACCOUNT_ID,
            "REGION": REGION,
        }
        | more,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=FILE_SECONDS,
    )
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]


def test_the_guard_ends_a_client_that_dials_out() -> None:
    """127.0.0.2 is nobody's and leads nowhere, should the guard be broken."""
    env = {**os.environ, "PYTHONPATH": str(GUARD)}
    dials = "import socket; socket.create_connection(('127.0.0.2', 9999))"
    ran = subprocess.run([sys.executable, "-c", dials], env=env, capture_output=True, timeout=60)
    assert (ran.returncode, b"dials out: '127.0.0.2'" in ran.stderr) == (97, True)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize(
    "dials",
    [
        "require('net').connect(9999, '127.0.0.2')",
        "require('http').get('http://127.0.0.2:9999/')",
        "fetch('http://127.0.0.2:9999/')",
        "require('dns').lookup('127.0.0.2', () => {})",
    ],
)
def test_the_guard_ends_a_client_for_node_that_dials_out(dials: str) -> None:
    command = [shutil.which("node") or "", "--require", str(GUARD / "loopback.js"), "-e", dials]
    ran = subprocess.run(command, capture_output=True, timeout=60)
    assert (ran.returncode, b"dials out: 127.0.0.2" in ran.stderr) == (97, True)


@pytest.mark.parametrize(
    ("ci", "ends"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_without_node_its_clients_are_skipped_at_home_and_an_error_in_ci(
    ci: str, ends: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(ends, match=r"Node\.js with npm is not installed"):
        node_packages()


def test_no_lock_file_names_the_host_of_a_registry() -> None:
    text = (NODE / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text and '"integrity": "sha512-' in text
    for lock in HERE.glob("*.lock"):
        assert "://" not in lock.read_text("utf-8"), lock
