"""Functions of FC 3.0: create, get, list, update, delete."""

from __future__ import annotations

import base64
from typing import Any

import fastcrc
import pytest

from thence.catalog.code import pack

FUNCTIONS = "/2023-03-30/functions"
ARCHIVE = pack([("index.py", b"def handler(event, context):\n    return event\n")])
OTHER = pack([("index.py", b"def handler(event, context):\n    return 'other'\n")])
ZIP = base64.b64encode(ARCHIVE).decode()
INPUT = {
    "functionName": "f",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"zipFile": ZIP},
}


def crc(archive: bytes) -> str:
    return str(fastcrc.crc64.xz(archive))


async def create(door: Any, **fields: Any) -> Any:
    answer = await door.post(FUNCTIONS, json={**INPUT, **fields})
    assert answer.status == 200, answer.body
    return answer.json


async def update(door: Any, **fields: Any) -> Any:
    answer = await door.put(f"{FUNCTIONS}/f", json=fields)
    assert answer.status == 200, answer.body
    return answer.json


async def refused(door: Any, **fields: Any) -> str:
    """The message of an InvalidArgument; nothing was created."""
    answer = await door.post(FUNCTIONS, json={**INPUT, **fields})
    status, code, message = answer.error()
    assert (status, code) == (400, "InvalidArgument"), message
    assert door.engine.functions() == []
    return str(message)


async def test_a_function_is_created_shown_and_deleted(door: Any) -> None:
    created = await door.post(FUNCTIONS, json={**INPUT, "description": "d"})
    assert created.status == 200, created.body
    found = await door.get(f"{FUNCTIONS}/f")
    assert found.json == created.json and found.headers["etag"] == created.headers["etag"]
    assert (await door.delete(f"{FUNCTIONS}/f")).status == 204
    assert (await door.get(f"{FUNCTIONS}/f")).error() == (
        404, "FunctionNotFound", "function 'f' does not exist",
    )  # fmt: skip


async def test_what_is_not_said_has_the_vendors_defaults(door: Any) -> None:
    shown = await create(door)
    assert shown["timeout"] == 3 and shown["memorySize"] == 512 and shown["cpu"] == 0.35
    assert shown["instanceConcurrency"] == 1 and shown["internetAccess"] is True
    spec = door.engine.function("f").spec
    assert (spec.contract, spec.event, spec.concurrency) == ("fc", "bytes", 100)
    assert (spec.max_retries, spec.max_event_age_seconds) == (3, 86_400)
    assert spec.on_success is None and spec.on_failure is None
