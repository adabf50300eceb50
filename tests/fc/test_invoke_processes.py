"""Synchronous calls of real instances: what only those can show."""

from __future__ import annotations

import asyncio
import base64
import io
import zipfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.doors import asking

from thence.catalog.function import parse_spec
from thence.config import Settings
from thence.server import build

from .conftest import Answer

ask = partial(asking.ask, answer=Answer)

V3 = "/2023-03-30/functions/f/invocations"
MAIN = """
import os, sys
def handler(event, context):
    print("hello", file=sys.stderr)
    if event == b"raise":
        raise ValueError("no")
    if event == b"exit":
        os._exit(3)
    if event == b"wait":
        import time
        time.sleep(30)  # until its caller goes
    return event if len(event) < 100 else str(len(event))
"""


def archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("main.py", MAIN)
    return data.getvalue()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Any]:
    service = build(Settings(data_dir=str(tmp_path / "data"), listen="127.0.0.1:0"))
    await service.start()
    spec = {"contract": "fc", "handler": "main.handler", "event": "bytes", "concurrency": 6}
    await service.engine.functions.put("f", parse_spec(spec), archive())
    yield service
    await service.stop(0)


async def test_a_call_shows_its_instance_its_memory_and_its_log(service: Any) -> None:
    answer = await ask(service.app, "POST", V3, data=b"event", headers={"x-fc-log-type": "Tail"})
    assert answer.status == 200 and answer.body == b"event", answer.body
    headers = answer.headers
    assert headers["x-fc-instance-id"] and float(headers["x-fc-max-memory-usage"]) > 1
    assert int(headers["x-fc-invocation-duration"]) >= 0
    log = base64.b64decode(headers["x-fc-log-result"]).decode()
    id = headers["x-fc-request-id"]
    assert f"FC Invoke Start RequestId: {id}" in log and "hello" in log
    assert f"FC Invoke End RequestId: {id}" in log


async def test_an_exception_is_the_error_json(service: Any) -> None:
    answer = await ask(service.app, "POST", V3, data=b"raise", headers={"x-fc-log-type": "Tail"})
    assert answer.status == 200 and answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    found = answer.json
    assert (found["errorMessage"], found["errorType"]) == ("no", "ValueError")
    assert found["stackTrace"][-1][3] == 'raise ValueError("no")'
    assert b"hello" in base64.b64decode(answer.headers["x-fc-log-result"])


async def test_an_exit_says_how_long_it_ran_and_what_it_used(service: Any) -> None:
    answer = await ask(service.app, "POST", V3, data=b"exit")
    assert answer.status == 200 and answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    message = answer.json["errorMessage"]
    assert message.startswith("Process exited unexpectedly before completing request (duration: ")
    assert (await ask(service.app, "POST", V3, data=b"again")).body == b"again"


async def test_a_payload_of_32_mib_reaches_the_function(service: Any) -> None:
    size = 32 * 1024 * 1024
    answer = await ask(service.app, "POST", V3, data=b"x" * size)
    assert answer.status == 200 and answer.body == str(size).encode(), answer.body[:500]


async def test_calls_below_the_ceiling_wait_for_their_instances(service: Any) -> None:
    work = [ask(service.app, "POST", V3, data=b"%d" % number) for number in range(6)]
    answers = await asyncio.gather(*work)
    assert [answer.body for answer in answers] == [b"%d" % number for number in range(6)]


async def test_the_call_over_the_ceiling_is_429_at_once(service: Any) -> None:
    gone = asyncio.Event()
    held = [
        asyncio.ensure_future(ask(service.app, "POST", V3, data=b"wait", gone=gone))
        for _ in range(6)
    ]
    lane = service.engine.parts.catalogue.lane("f")
    async with asyncio.timeout(20):
        while True:
            if lane.under_way + len(lane.sync_waiters) >= 6:
                break
            await asyncio.sleep(0)  # they are on their way through the loop
    answer = await ask(service.app, "POST", V3, data=b"more")
    assert answer.error()[:2] == (429, "ResourceExhausted")
    gone.set()
    assert {item.status for item in await asyncio.gather(*held)} == {0}
