"""Which files of the data directory other users may read: none, as docs/security.md says."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from thence.api.fc.upload import BUCKET
from thence.signing import acs3, oss
from thence.signing.interface import Key

from .conftest import CODE
from .wire import KEY, KEYS, MIB

NATIVE = {"Authorization": "Bearer id:secret"}


def wrong_modes(folder: Path) -> list[str]:
    """What has another mode than the documentation says."""
    found = []
    for path in below(folder):
        parts = path.relative_to(folder).parts
        deep = len(parts) if parts[:1] == ("code",) else 0
        is_unpacked = deep > 2 or (deep == 2 and path.is_dir())
        wanted = (0o755, 0o644) if is_unpacked else (0o700, 0o600)
        with contextlib.suppress(FileNotFoundError):  # a temporary one
            mode = stat.S_IMODE(path.lstat().st_mode)
            if mode != wanted[0 if path.is_dir() else 1]:
                found.append(f"{mode:o} {path}")
    return found


def below(folder: Path) -> Iterator[Path]:
    for here, _, files in os.walk(folder):
        yield Path(here)
        yield from (Path(here) / name for name in files)


@pytest.fixture
def careless() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


async def fc(server: Any, method: str, path: str, nonce: str) -> Any:
    now = server.service.context.clock.wall()
    given = [(b"host", b"127.0.0.1")]
    lines = acs3.sign(method, path.encode(), b"", given, b"", KEY, now=now, nonce=nonce)
    headers = {name.decode(): value.decode() for name, value in lines}
    return await server.request(method, path, headers=headers)


async def upload(server: Any) -> None:
    made = (await fc(server, "GET", "/2016-08-15/tempBucketToken", "1")).json
    its, object = made["credentials"], f"1234567890/{made['objectName']}"
    key = Key(
        *(its["AccessKeyId"], its["AccessKeySecret"], its["SecurityToken"]), algorithm=oss.ALGORITHM
    )
    now = server.service.context.clock.wall()
    given = [(b"content-type", b"application/zip")]
    lines = oss.sign("PUT", BUCKET.encode(), object.encode(), given, key, now=now)
    headers = {name.decode(): value.decode() for name, value in lines}
    sent = await server.request("PUT", f"/{BUCKET}/{object}", headers=headers, data=b"zip")
    assert sent.status == 200, sent.body


@pytest.mark.usefixtures("careless")
async def test_every_file_and_folder_has_the_mode_that_the_documentation_says(
    make_server: Any, tmp_path: Path
) -> None:
    server = await make_server(**KEYS)
    put = await server.request("PUT", "/v1/functions/f", json={"code": CODE}, headers=NATIVE)
    assert put.status == 201, put.body
    path = "/v1/functions/f/invocations"
    assert (await server.post(path, data=b"x" * MIB, headers=NATIVE)).status == 202
    await upload(server)
    folder = tmp_path / "data"
    there = {path.relative_to(folder).parts[0] for path in below(folder) if path != folder}
    assert there >= {"store.db", "store.db-wal", "store.db-shm", "code", "blobs", "nonces"}
    assert there >= {"uploads", "reserve", "store.db.lock", "identity"}
    assert wrong_modes(folder) == []
