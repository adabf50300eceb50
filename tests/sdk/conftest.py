"""One service for all SDK tests: the real program, with credentials, a region and an account."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# These run inside the SDKs' environments, not here.
collect_ignore = ["alibaba", "huawei"]

ACCESS_KEY_ID, ACCESS_KEY_SECRET = "test-key-id", "test-key-secret"
ACCOUNT_ID, REGION = "123456789", "cn-hangzhou"
LISTENING = "listening on http://"


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`127.0.0.1:PORT` of a service that runs until the last test has ended."""
    folder: Path = tmp_path_factory.mktemp("sdk")
    kept = {name: text for name, text in os.environ.items() if not name.startswith("THENCE_")}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "thence", "serve"],
            env=kept
            | {
                "THENCE_DATA_DIR": str(folder / "data"),
                "THENCE_LISTEN": "127.0.0.1:0",
                "THENCE_ROOT_ACCESS_KEY_ID": ACCESS_KEY_ID,
                "THENCE_ROOT_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
                "THENCE_ACCOUNT_ID": ACCOUNT_ID,
                "THENCE_REGION": REGION,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith(LISTENING), line + (folder / "log").read_text()
    yield line.removeprefix(LISTENING).strip().rstrip("/")
    process.terminate()
    status = process.wait(60)
    process.stdout.close()
    assert status == 0, (folder / "log").read_text()[-4000:]
