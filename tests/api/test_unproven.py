"""Large bodies that are signed without a nonce take turns within the bound of what is not proven."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
from typing import Any

import pytest

from thence.api.shared import unproven as module
from thence.api.shared.unproven import TURN_BYTES, Unproven
from thence.catalog.code import pack
from thence.config.settings import Limits
from thence.signing import fc

from .wire import KEY, KEYS, MIB, half_sent, request, statuses, until

HANDLER = b"def handler(event, context): return 1\n"
PATH = "/2016-08-15/services/s/functions"


def signed(server: Any, path: str, content: dict[str, Any]) -> bytes:
    body, now = json.dumps(content).encode(), server.service.context.clock.now()
    md5 = hashlib.md5(body).hexdigest().encode()
    given = [(b"content-md5", md5), (b"content-type", b"application/json")]
    lines = fc.sign("POST", path.encode(), b"", given, KEY, now=now)
    return request(
        "POST", path, body, "Connection: close", *(f"{n.decode()}: {v.decode()}" for n, v in lines)
    )


def upload(server: Any, name: str) -> bytes:
    """A function of some 1.5 MiB, 2 MiB in base64."""
    code = pack([("index.py", HANDLER), ("data", os.urandom(3 * MIB // 2))])
    return signed(
        server,
        PATH,
        {
            "functionName": name,
            "handler": "index.handler",
            "runtime": "python3",
            "code": {"zipFile": base64.b64encode(code).decode()},
        },
    )


async def test_uploads_that_have_no_room_beside_one_another_are_taken_one_after_the_other(
    make_server: Any,
) -> None:
    server = await make_server(limits=Limits(unproven_bytes_max=3 * MIB), **KEYS)
    unproven = server.service.context.unproven
    made = await server.raw(signed(server, "/2016-08-15/services", {"serviceName": "s"}))
    assert statuses(made) == [200]
    first = upload(server, "first")
    reader, writer = await half_sent(server, first[:-1], MIB)
    others = [
        asyncio.create_task(server.raw(upload(server, f"other{number}"))) for number in range(3)
    ]
    await until(lambda: len(unproven._line) == 3)
    writer.write(first[-1:])
    assert (await asyncio.wait_for(reader.readline(), 60)).startswith(b"HTTP/1.1 200 ")
    assert [statuses(answer) for answer in await asyncio.gather(*others)] == [[200]] * 3
    assert (unproven.bytes, unproven.refused, unproven._coming) == (0, 0, 0)
    writer.transport.abort()


async def test_small_bodies_do_not_wait() -> None:
    unproven = Unproven(2 * TURN_BYTES)
    async with unproven.turn(2 * TURN_BYTES), unproven.turn(TURN_BYTES):
        assert unproven._coming == 2 * TURN_BYTES


async def test_who_goes_while_it_waits_or_has_just_been_called_leaves_its_turn_to_the_next() -> (
    None
):
    unproven = Unproven(2 * TURN_BYTES)
    told: list[str] = []

    async def one(name: str) -> None:
        async with unproven.turn(2 * TURN_BYTES):
            told.append(name)

    async with unproven.turn(2 * TURN_BYTES):
        waits = [asyncio.create_task(one(name)) for name in "abc"]
        await until(lambda: len(unproven._line) == 3)
        waits[1].cancel()
        await asyncio.wait({waits[1]})
    waits[0].cancel()  # it was called, and has not gone on
    await asyncio.gather(*waits, return_exceptions=True)
    assert told == ["c"]
    assert (unproven._coming, len(unproven._line)) == (0, 0)


async def test_the_wait_for_a_turn_is_bounded_in_time_and_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who has waited in vain goes on, and is counted as anybody is."""
    monkeypatch.setattr(module, "TURN_SECONDS", 0.01)
    unproven = Unproven(2 * TURN_BYTES)
    async with unproven.turn(2 * TURN_BYTES), unproven.turn(2 * TURN_BYTES):
        assert unproven._coming == 4 * TURN_BYTES
        monkeypatch.setattr(module, "TURN_WAITING_MAX", 0)
        async with unproven.turn(2 * TURN_BYTES):
            assert unproven._coming == 4 * TURN_BYTES
    assert (unproven._coming, len(unproven._line)) == (0, 0)
