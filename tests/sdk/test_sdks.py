"""Runs the tests of `alibaba/` and `huawei/`, each file inside its SDK's environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID, REGION
from .environment import HERE, python_of

FILES = sorted(
    str(path.relative_to(HERE))
    for vendor in ("alibaba", "huawei")
    for path in (HERE / vendor).glob("test_*.py")
)


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_the_unmodified_sdk_works(file: str, address: str) -> None:
    python = python_of(Path(file).parts[0])
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    ran = subprocess.run(
        [
            *(str(python), "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"),
            *("--confcutdir", str(HERE / file).rpartition("/")[0], "--rootdir", str(HERE)),
            *("-c", os.devnull, str(HERE / file)),
        ],
        env=kept
        | {
            "SERVICE": address,
            "ACCESS_KEY_ID": ACCESS_KEY_ID,
            "ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
            "ACCOUNT_ID": ACCOUNT_ID,
            "REGION": REGION,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
