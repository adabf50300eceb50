"""Requests as the client was recorded to write them (reference 15: SDK 3.1.219), with their signatures;
and what each trap of its parsing asks of the answers (reference 16)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thence.config.settings import Secret
from thence.signing import sdk_hmac
from thence.signing.interface import Key
from thence.testing.answers import Error, Forever, Ok

from .conftest import PROJECT, REGION, Answer, urn

KEY = Key("smoke-ak", "smoke-sk")
NAME = "smoke-async-359804601"
U = f"urn%3Afss%3A{REGION}%3A{PROJECT}%3Afunction%3Adefault%3A{NAME}%3Alatest"
BASE = f"/v2/{PROJECT}/fgs/functions"
SETTINGS = (
    '{"max_async_event_age_in_seconds": 3600, "max_async_retry_attempts": 1, "destination_config": '
    '{"on_success": {"destination": "OBS", "param": "{\\"bucket\\": \\"smoke-results\\", \\"prefix\\": '
    '\\"ok/\\", \\"expires\\": 1}"}, "on_failure": {"destination": "SMN", "param": "{\\"topic_urn\\": '
    f'\\"urn:smn:{REGION}:{PROJECT}:smoke-failures\\"}}"}}}}, "enable_async_status_log": true}}'
)


@pytest.fixture
async def signed(make_door: Any) -> Any:
    """A door that asks who calls, with the function of the recording."""
    door = await make_door(root_access_key_id="smoke-ak", root_access_key_secret=Secret("smoke-sk"))
    await door.function(NAME, answers=lambda run: _answer(json.loads(run.payload)))
    return door


def _answer(event: dict[str, Any]) -> Any:
    if event.get("fail"):
        return Error("asked to fail", type="RuntimeError")
    return Forever() if event.get("sleep") else Ok(event)


async def send(
    door: Any, method: str, path: str, body: str = "", *, key: Key = KEY, **more: str
) -> Answer:
    """With the headers of the client (reference 1.2), those that it signs signed."""
    headers = [
        (b"host", b"127.0.0.1:18998"),
        (b"user-agent", b"huaweicloud-usdk-python/3.0; os/Linux#5.10; app/0b6c1b0e"),
        (b"content-type", b"application/json"),
        (b"x-project-id", PROJECT.encode()),
        *((name.replace("_", "-").encode(), value.encode()) for name, value in more.items()),
    ]
    raw, _, query = path.partition("?")
    sent = sdk_hmac.sign(
        method, raw.encode(), query.encode(), headers, body.encode(), key, now=door.clock.now()
    )
    unsigned = {"accept-encoding": "gzip, deflate", "accept": "*/*", "connection": "keep-alive"}
    given = {name.decode(): value.decode() for name, value in sent} | unsigned
    found: Answer = await door.request(method, path, data=body.encode(), headers=given)
    await door.service.settle()
    return found


# ---------------------------------------------------------------- the recording


async def test_the_recorded_session(signed: Any) -> None:
    one = f"{BASE}/{U}"
    put = await send(signed, "PUT", f"{one}/async-invoke-config", SETTINGS)
    assert put.status == 200 and put.json["func_urn"] == urn(NAME)
    assert (await send(signed, "GET", f"{one}/async-invoke-config")).json == put.json
    listed = await send(signed, "GET", f"{one}/async-invoke-configs?limit=10")
    assert listed.json["async_invoke_configs"] == [put.json]
    enabled = await send(signed, "POST", f"{BASE}/enable-async-status-logs")
    assert enabled.status == 200
    detail = await send(signed, "GET", f"{BASE}/async-status-log-detail")
    assert set(detail.json) == {"group_name", "group_id", "stream_id", "stream_name"}
    ids = []
    for body in ('{"k": "v"}', '{"fail": true}', '{"sleep": 25}'):
        found = await send(signed, "POST", f"{one}/invocations-async", body)
        assert found.status == 202
        ids.append(found.json["request_id"])
    sync = await send(
        signed, "POST", f"{one}/invocations", '{"k": "v"}',
        x_cff_log_type="tail", x_cff_request_version="v1",
    )  # fmt: skip
    assert (sync.status, sync.json["result"]) == (200, '{"k":"v"}')
    active = await send(
        signed, "GET", f"{one}/active-async-invocations?limit=100&requests={ids[2]}"
    )
    assert [each["status"] for each in active.json["invocations"]] == ["RUNNING"]
    body = json.dumps({"request_id": ids[2], "type": "force"})
    assert (await send(signed, "POST", f"{one}/cancel", body)).body == b""
    await signed.clock.advance(600)
    records = await send(signed, "GET", f"{one}/async-invocations?limit=100&marker=0")
    assert [(each["status"], each["error_code"]) for each in records.json["invocations"]] == [
        ("FAIL", 4208),
        ("FAIL", 4002),
        ("SUCCESS", 0),
    ]
    single = await send(signed, "GET", f"{one}/async-invocations?request_id={ids[0]}")
    assert [each["request_id"] for each in single.json["invocations"]] == [ids[0]]
    assert len(await signed.service.mail("bucket:smoke-results")) == 1
    assert len(await signed.service.mail("topic:smoke-failures")) == 2
    nobody = U.replace(NAME, "no-such-function")
    missing = await send(signed, "GET", f"{BASE}/{nobody}/config")
    assert missing.error() == (404, "FSS.1051")
    assert (await send(signed, "DELETE", f"{one}/async-invoke-config")).status == 204
    whole = U.removesuffix("%3Alatest")
    assert (await send(signed, "DELETE", f"{BASE}/{whole}")).status == 204


async def test_another_key_opens_nothing_and_changes_nothing(signed: Any) -> None:
    other = Key("smoke-ak", "other")
    for method, path, body in (
        ("PUT", "async-invoke-config", SETTINGS),
        ("POST", "invocations-async", '{"k": "v"}'),
        ("POST", "invocations", '{"k": "v"}'),
        ("GET", "async-invocations", ""),
        ("POST", "cancel", '{"request_id": "x"}'),
    ):
        found = await send(signed, method, f"{BASE}/{U}/{path}", body, key=other)
        assert found.error() == (401, "FSS.0401")
    assert (await signed.engine.stats()).accepted == 0
    assert signed.engine.functions.async_config(NAME, "latest") is None


# ---------------------------------------------------------------- the traps


async def test_codes_and_markers_of_records_are_numbers_and_never_empty_texts(door: Any) -> None:
    await door.function(answers=[Ok(1), Forever()], concurrency=1)
    for _ in range(3):
        await door.start()
    found = (await door.get(f"{BASE}/{urn()}/async-invocations")).json
    assert [invocation["status"] for invocation in found["invocations"]] == [
        "WAIT",
        "RUNNING",
        "SUCCESS",
    ]
    assert all(type(invocation["error_code"]) is int for invocation in found["invocations"])
    assert type(found["next_marker"]) is int and type(found["count"]) is int


async def test_times_of_records_are_texts_without_an_offset_and_null_where_there_is_none(
    door: Any,
) -> None:
    await door.function(answers=[Forever()], concurrency=1)
    running, waiting = await door.start(), await door.start()
    assert (await door.record(running))["start_time"] == "2026-01-01T00:00:00"
    assert (await door.record(running))["end_time"] is None
    assert (await door.record(waiting))["start_time"] is None


async def test_a_429_says_it_by_its_status_and_has_a_request_id(door: Any) -> None:
    await door.function(concurrency=0)
    found = await door.post(f"{BASE}/{urn()}/invocations", data=b"{}")
    assert found.error() == (429, "FSS.0429")


@pytest.mark.parametrize("value", [None, 1, "text", [1], {"a": {"b": [None]}}, ""])
async def test_the_result_of_v1_is_always_a_text(door: Any, value: Any) -> None:
    await door.function(answers=[Ok(value)])
    headers = {"x-cff-request-version": "v1"}
    found = await door.post(f"{BASE}/{urn()}/invocations", data=b"{}", headers=headers)
    assert isinstance(found.json["result"], str) and type(found.json["status"]) is int
    assert json.loads(found.json["result"]) == value


async def test_a_cancel_is_answered_without_a_body(door: Any) -> None:
    """The vendor's page says `null`, on which its client for Node.js throws."""
    await door.function(answers=[Forever()])
    id = await door.start()
    found = await door.post(f"{BASE}/{urn()}/cancel", json={"request_id": id})
    assert (found.status, found.body, found.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/config/", "//config"])
async def test_nothing_is_ever_redirected(door: Any, path: str) -> None:
    await door.function()
    found = await door.get(f"{BASE}/{urn()}{path}")
    assert found.status == 404 and found.error()[1] == "FSS.0404"


async def test_times_of_settings_are_texts(door: Any) -> None:
    await door.function()
    found = (await door.settings_of()).json
    assert isinstance(found["created_time"], str) and isinstance(found["last_modified"], str)
