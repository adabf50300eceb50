"""Bytes that are sent to the server of a test, and what one sees of it meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.doors import wire
from tests.doors.wire import LAST, get, parse, statuses

from thence.config import Secret
from thence.signing.interface import Key

__all__ = ["LAST", "get", "parse", "statuses"]

PATH = "/v1/functions/f/invocations"
FC_PATH = "/2023-03-30/functions/f/invocations"
FG_PATH = "/v2/thence/fgs/functions/f/invocations"
MIB = 1024 * 1024
KEYS = {"root_access_key_id": "id", "root_access_key_secret": Secret("secret")}
KEY = Key("id", "secret")


def request(
    method: str = "POST", path: str = PATH, body: bytes = b"{}", *lines: str, host: str = "h"
) -> bytes:
    return wire.request(path, *lines, body=body, first=f"{method} {{}} HTTP/1.1", host=host)


def one_problem(data: bytes) -> dict[str, Any]:
    ((status, headers, body),) = parse(data)
    found: dict[str, Any] = json.loads(body)
    assert headers["content-type"] == "application/problem+json" and found["status"] == status
    assert headers["connection"] == "close"
    return found


async def until(happened: Callable[[], Any]) -> Any:
    """What was sent is on its way through the loop."""
    async with asyncio.timeout(20):
        while True:
            if found := happened():
                return found
            await asyncio.sleep(0)


def connections(server: Any) -> list[Any]:
    return server.listener.connections  # type: ignore[no-any-return]


async def half_sent(
    server: Any, data: bytes, counted: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection whose bytes the service has, and counts."""
    before = server.service.context.unproven.bytes
    reader, writer = await server.connect()
    writer.write(data)
    await until(lambda: server.service.context.unproven.bytes >= before + counted)
    return reader, writer
