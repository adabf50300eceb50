"""A real HTTP receiver on the loopback whose answer the test changes, and parcels to send to it."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from thence.catalog.destination import Destination
from thence.catalog.kinds import parse_destination
from thence.destinations.interface import Parcel
from thence.lifecycle.ids import IdSource
from thence.lifecycle.lineage import Lineage

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
NOW = 1_767_323_045_678  # 2026-01-02T03:04:05.678Z


def then_set(event: asyncio.Event, method: Callable[..., None]) -> Callable[..., None]:
    """The method, and the event set after it."""

    def told(*args: Any) -> None:
        method(*args)
        event.set()

    return told


@dataclass
class Seen:
    headers: dict[str, str]
    body: bytes
    path: str
    peer: tuple[str, int]


@dataclass
class Receiver:
    """Answers `status` with `headers` and `body`; `silent` never answers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thanks"
    silent: bool = False
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    hang_up: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        peer = request.transport.get_extra_info("peername")
        self.seen.append(Seen(headers, body, request.path_qs, peer))
        if self.hang_up:
            request.transport.abort()
        if self.silent:
            await self.released.wait()
        return web.Response(status=self.status, headers=self.headers, body=self.body)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    it = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", it.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.port = runner.addresses[0][1]
    yield it
    it.released.set()
    await runner.cleanup()


@pytest.fixture
def own_certificate(tmp_path: Path) -> ssl.SSLContext:
    """An SSL context with a certificate that nobody vouches for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout", key, "-out"]
    try:
        subprocess.run([*command, certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed: no certificate can be made")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.fixture
def parcel() -> Callable[..., Parcel]:
    ids = IdSource()

    def make(
        written: object,
        *,
        now: int | None = None,
        record: bytes = b'{"hello":"w\xc3\xb6rld"}',
        lineage: Lineage | None = None,
        traceparent: str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ) -> Parcel:
        destination: Destination = (
            parse_destination(written) if isinstance(written, str | dict) else written  # type: ignore[assignment]
        )
        return Parcel(
            delivery_id=ids.next(NOW),
            invocation_id=ids.next(NOW),
            function="unzip",
            attempt=1,
            destination=destination,
            record=record,
            content_type="application/json",
            record_type="thence.invocation.succeeded",
            traceparent=traceparent,
            lineage=lineage,
            # The reference verifier of signatures compares with the machine's clock.
            now=now if now is not None else time.time_ns() // 1_000_000,
        )

    return make
