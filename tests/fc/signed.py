"""A service with credentials behind its port, at the instant when the vendor's clients were
recorded; requests are the bytes of the wire, and so are the answers.

What the clients sent is in the reference, sections 1.4, 1.5 and 14 (alibabacloud_fc20230330 4.8.3,
alibabacloud_fc_open20210406 2.0.12 and aliyun-fc2 2.5.2, on 2026-11-22).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

from tests.doors.served import Served, served

from thence.config import Settings
from thence.config.settings import Secret
from thence.lifecycle.ids import parse_id
from thence.notices import AttemptStarted
from thence.signing import acs3, fc
from thence.signing.interface import Key
from thence.testing.clock import VirtualClock

from .conftest import Answer

ACS3_NOW = 1_795_359_253_000  # 2026-11-22T14:54:13Z
FC_NOW = 1_795_359_271_000  # 2026-11-22T14:54:31Z
HOST = "127.0.0.1:18901"
SECRETS = {"test-key-id": "test-key-secret", "AK": "SK"}
ACS3_KEY, FC_KEY = (Key(*pair) for pair in SECRETS.items())
TEA = "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"
PY2 = "aliyun-fc-sdk-v2.5.2.python-3.11.7.Linux-5.15"

Head = list[tuple[str, str]]  # as on the wire, in order


class Port(Served):
    """`send` sends bytes and reads one answer, over a connection of its own each time."""

    answer = Answer
    _nonces = 0

    def nonce(self) -> str:
        """32 hex digits, each time others."""
        self._nonces += 1
        return sha256(str(self._nonces).encode()).hexdigest()[:32]

    async def send(self, method: str, target: str, headers: Head, body: bytes = b"") -> Answer:
        answer = await self.first(on_the_wire(method, target, headers, body))
        assert answer is not None, "the connection ended without an answer"
        assert parse_id(answer.headers["x-fc-request-id"]) is not None, answer.headers
        return answer

    async def first(self, data: bytes) -> Answer | None:
        """The first answer to these bytes, None where the connection ends without one."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return await asyncio.wait_for(_read(reader), 20)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def started(self) -> asyncio.Future[AttemptStarted]:
        """The next attempt that begins."""
        return asyncio.ensure_future(self.notices.wait_for(AttemptStarted))


def on_the_wire(method: str, target: str, headers: Head, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + body


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in head[1:] if line]
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(head[0].split()[1]), headers, body)


@contextlib.asynccontextmanager
async def serving(folder: Path, key: Key, now: int, account: str) -> AsyncIterator[Port]:
    """A service whose clock stands still at `now` (ms)."""
    settings = Settings(
        data_dir=str(folder / "data"),
        listen="127.0.0.1:0",
        root_access_key_id=key.access_key_id,
        root_access_key_secret=Secret(SECRETS[key.access_key_id]),
        region="cn-hangzhou",
        account_id=account,
    )
    async with served(Port, settings, VirtualClock(now)) as port:
        yield port


# ---------------------------------------------------------------- as the clients write it


def acs3_head(
    action: str,
    *,
    nonce: str,
    version: str = "2023-03-30",
    body: bytes | None = None,
    content_type: str | None = None,
    date: str = "2026-11-22T14:54:13Z",
    host: str = HOST,
    more: Head | None = None,
) -> Head:
    """The headers of the OpenAPI clients without their signature. body None: a request that says
    nothing of its length."""
    return [
        ("Accept-Encoding", "identity"),
        *([] if body is None else [("Content-Length", str(len(body)))]),
        ("host", host),
        ("x-acs-version", version),
        ("x-acs-action", action),
        ("user-agent", TEA),
        ("x-acs-date", date),
        ("x-acs-signature-nonce", nonce),
        ("accept", "application/json"),
        *(more or []),
        *([] if content_type is None else [("content-type", content_type)]),
        ("x-acs-content-sha256", sha256(body or b"").hexdigest()),
        ("x-acs-credentials-provider", "static_ak"),
    ]


def lowered(headers: Head) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]


def signed_acs3(
    method: str, target: str, headers: Head, body: bytes = b"", key: Key = ACS3_KEY
) -> Head:
    path, _, query = target.partition("?")
    found = acs3.sign(
        method, path.encode(), query.encode(), lowered(headers), body, key, now=0, nonce=""
    )
    return [*headers, ("Authorization", found[-1][1].decode())]


def fc_head(
    *,
    body: bytes | None = None,
    content_type: str = "application/json",
    date: str = "Sun, 22 Nov 2026 14:54:31 GMT",
    host: str = HOST,
    more: Head | None = None,
) -> Head:
    """The headers of `aliyun-fc2` without their signature."""
    return [
        ("user-agent", PY2),
        ("Accept-Encoding", "gzip, deflate"),
        ("Accept", "*/*"),
        ("Connection", "keep-alive"),
        ("host", host),
        ("date", date),
        ("content-type", content_type),
        *([] if body is None else [("Content-Length", str(len(body)))]),
        *(more or []),
    ]


def signed_fc(
    method: str, target: str, headers: Head, key: Key = FC_KEY, *, with_query: bool = False
) -> Head:
    path, _, query = target.partition("?")
    found = fc.sign(
        method,
        path.encode(),
        query.encode(),
        lowered(headers),
        key,
        now=0,
        with_query=with_query,
    )
    return [*headers, ("authorization", found[-1][1].decode())]
