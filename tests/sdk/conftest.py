"""One service for all SDK tests: the real program, with credentials, a region and an account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..crash.program import Program

# These run inside the SDKs' environments, not here.
collect_ignore = ["alibaba", "huawei"]

ACCESS_KEY_ID, ACCESS_KEY_SECRET = "test-key-id", "test-key-secret"
ACCOUNT_ID, REGION = "123456789", "cn-hangzhou"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = Program(
        tmp_path_factory.mktemp("sdk"),
        root_access_key_id=ACCESS_KEY_ID,
        root_access_key_secret=ACCESS_KEY_SECRET,
        account_id=ACCOUNT_ID,
        region=REGION,
    )
    program.start()
    yield program
    assert program.terminate() == 0, program.said
