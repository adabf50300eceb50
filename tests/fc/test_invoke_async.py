"""Asynchronous calls: 202 and what comes with it, in all three generations, the fast path and the slow
way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from thence.api.fc.section import FcSettings
from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.catalog.control import Control

V3 = "/2023-03-30/functions/f/invocations"
V2 = "/2021-04-06/services/s/functions/f/invocations"
OLD = "/2016-08-15/services/s/functions/f/invocations"
ASYNC = {"x-fc-invocation-type": "Async"}
TASK = "x-fc-async-task-id"
STATEFUL = "x-fc-stateful-async-invocation-id"
ENABLE = "x-fc-stateful-async-invocation-enable"
DELAY = "x-fc-async-delay"
WAYS = [(V3, "f"), (V2, "s$f"), (OLD, "s$f")]
LIMIT = 128 * 1024
each_generation = pytest.mark.parametrize(("path", "name"), WAYS)


async def deploy(wire: Any, name: str = "f", listed: bool = False, **spec: Any) -> None:
    await wire.service.function(name, **spec)
    if listed:
        await wire.engine.functions.put_async_config(name, "latest", AsyncConfig(listed=True))


async def task(wire: Any, path: str, id: str) -> Any:
    """The task record of that id."""
    word = "async-tasks" if path == V3 else "stateful-async-invocations"
    return await wire.door.get(path.replace("invocations", f"{word}/{id}"))


async def refused(
    wire: Any, path: str, headers: dict[str, str], **more: Any
) -> tuple[int, str, str]:
    """The error of a request that must store nothing."""
    before = await wire.accepted()
    answer = await wire.post(path, headers={**ASYNC, **headers}, **more)
    assert await wire.accepted() == before
    found: tuple[int, str, str] = answer.error()
    return found


# ---------------------------------------------------------------- accepted


@each_generation
async def test_headers_may_be_written_as_json_texts(wire: Any, path: str, name: str) -> None:
    """As older clients for Java do."""
    await deploy(wire, name)
    headers = {
        "x-fc-invocation-type": '"Async"',
        "x-fc-log-type": '"None"',
        "x-fc-async-task-id": '"task-1"',
        "x-fc-stateful-async-invocation-enable": '"true"',
        "x-fc-async-delay": '"60"',
        "x-fc-account-id": '"1"',
    }
    answer = await wire.post(path, headers=headers)
    assert (answer.status, answer.headers["x-fc-async-task-id"]) == (202, "task-1")
    assert (await task(wire, path, "task-1")).json["status"] == "Enqueued"
    for wrong in ('"Async', 'Async"', '""Async""', '"async"'):
        assert (await refused(wire, path, {"x-fc-invocation-type": wrong}))[0] == 400


@each_generation
async def test_an_accepted_call_is_202_with_its_id_and_runs(
    wire: Any, path: str, name: str
) -> None:
    await deploy(wire, name, answers=["done"])
    answer = await wire.post(path, data=b'{"a":1}', headers=ASYNC)
    assert answer.status == 202 and answer.body == b"", answer.body
    id = answer.headers["x-fc-request-id"]
    await wire.service.settle()
    view = await wire.service.show(id)
    assert view.state == "succeeded" and view.function == name
    assert wire.service.scripts.starts[0].payload == b'{"a":1}'
    assert answer.headers.get(TASK) == (id if path == V3 else None)
    assert answer.headers["content-length"] == "0" and answer.headers["cache-control"] == "no-store"


@each_generation
async def test_the_task_is_there_in_the_same_instant(wire: Any, path: str, name: str) -> None:
    await deploy(wire, name, listed=True)
    accepted = await wire.post(path, headers={**ASYNC, TASK: "t-1"})
    found = await task(wire, path, "t-1")
    assert found.status == 200 and accepted.headers[TASK] == "t-1"
    assert found.json["requestId"] == accepted.headers["x-fc-request-id"]


@each_generation
async def test_the_request_id_is_the_task_id_where_none_was_given(
    wire: Any, path: str, name: str
) -> None:
    await deploy(wire, name, listed=True)
    id = (await wire.post(path, headers=ASYNC)).headers["x-fc-request-id"]
    found = (await task(wire, path, id)).json
    assert found["requestId"] == found["taskId" if path == V3 else "invocationId"] == id


@each_generation
@pytest.mark.parametrize("header", [TASK, STATEFUL, STATEFUL.upper()])
async def test_a_task_id_is_taken_under_the_names_of_both_generations(
    wire: Any, path: str, name: str, header: str
) -> None:
    await deploy(wire, name, listed=True)
    id = "_a-B9" + "x" * 123
    answer = await wire.post(path, headers={**ASYNC, header: id})
    assert answer.status == 202 and answer.headers[TASK] == id
    assert (await task(wire, path, id)).status == 200
    both = {TASK: "same", STATEFUL: "same"}
    assert (await wire.post(path, headers={**ASYNC, **both})).headers[TASK] == "same"


@pytest.mark.parametrize("id", ["1a", "-a", "a b", "a.b", "x" * 129, "ä"])
async def test_a_task_id_against_the_rule_is_refused(wire: Any, id: str) -> None:
    await deploy(wire)
    status, code, message = await refused(wire, V3, {TASK: id})
    assert (status, code) == (400, "InvalidArgument") and "128" in message


async def test_two_task_ids_are_refused(wire: Any) -> None:
    await deploy(wire)
    status, code, message = await refused(wire, V3, {TASK: "a", STATEFUL: "b"})
    assert (status, code) == (400, "InvalidArgument") and "'a'" in message and "'b'" in message


async def test_a_header_that_comes_twice_is_refused_however_it_is_written(wire: Any) -> None:
    await deploy(wire, listed=True)
    request = (
        f"POST {V3} HTTP/1.1\r\nhost: x\r\nx-fc-invocation-type: Async\r\n{TASK}: a\r\n"
        f"{TASK.upper()}: b\r\nconnection: close\r\ncontent-length: 2\r\n"
        f"{'prefer: nothing' if wire.way == 'slow' else 'accept: */*'}\r\n\r\n{{}}"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(request.encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ") and b"came more than once" in answer
    assert await wire.accepted() == 0


@each_generation
async def test_a_task_id_is_taken_once(wire: Any, path: str, name: str) -> None:
    await deploy(wire, name, listed=True)
    first = await wire.post(path, data=b"1", headers={**ASYNC, TASK: "t"})
    status, code, message = await refused(wire, path, {TASK: "t"}, data=b"2")
    of = "AsyncTask" if path == V3 else "StatefulAsyncInvocation"
    assert (status, code) == (409, f"{of}AlreadyExists") and "'t'" in message
    assert (await task(wire, path, "t")).json["requestId"] == first.headers["x-fc-request-id"]
    assert (await wire.post(path, headers={**ASYNC, TASK: "u"})).status == 202


async def test_outside_of_task_mode_an_id_is_kept_and_may_come_again(wire: Any) -> None:
    await deploy(wire)
    answers = [await wire.post(V3, headers={**ASYNC, TASK: "t"}) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 202]
    ids = {answer.headers["x-fc-request-id"] for answer in answers}
    assert len(ids) == 2
    for id in ids:
        assert (await wire.service.show(id)).meta.caller_id == "t"
    assert (await task(wire, V3, "t")).error()[:2] == (404, "AsyncTaskNotFound")


@each_generation
async def test_task_mode_can_be_asked_for_one_call(wire: Any, path: str, name: str) -> None:
    await deploy(wire, name)
    for id, word in (("on", "true"), ("ON", "True"), ("off", "false"), ("none", "")):
        answer = await wire.post(path, headers={**ASYNC, STATEFUL: id, ENABLE: word})
        assert answer.status == 202
        listed = await task(wire, path, id)
        assert listed.status == (200 if id.lower() == "on" else 404)
    assert (await refused(wire, path, {ENABLE: "yes"}))[:2] == (400, "InvalidArgument")


async def test_a_word_that_says_no_does_not_end_task_mode(wire: Any) -> None:
    await deploy(wire, listed=True)
    await wire.post(V3, headers={**ASYNC, TASK: "t", ENABLE: "false"})
    assert (await task(wire, V3, "t")).status == 200


@pytest.mark.parametrize("seconds", [0, 1, 3600, 3601, 30 * 86_400])
async def test_a_delay_is_waited_for(wire: Any, seconds: int) -> None:
    await deploy(wire)
    answer = await wire.post(V3, headers={**ASYNC, DELAY: str(seconds)})
    view = await wire.service.show(answer.headers["x-fc-request-id"])
    assert view.due_at - view.accepted_at == seconds * 1000
    if seconds <= 3600:
        await wire.service.clock.advance(seconds)
        assert wire.service.starts("f") == [seconds]


@pytest.mark.parametrize("text", ["-1", "1.5", "one", "2592001", "0x1", "١"])
async def test_a_delay_that_is_none_is_refused(wire: Any, text: str) -> None:
    await deploy(wire)
    status, code, message = await refused(wire, V3, {DELAY: text.encode().decode("latin-1")})
    assert (status, code) == (400, "InvalidArgument") and "2592000" in message


async def test_the_trace_and_the_chain_of_destinations_go_on(wire: Any) -> None:
    await deploy(wire)
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    chain = "01890a5d-ac96-774b-bcce-b302099a8057;hops=%d"
    headers = {**ASYNC, "traceparent": trace, "thence-lineage": chain % 3}
    answer = await wire.post(V3, headers=headers)
    meta = (await wire.service.show(answer.headers["x-fc-request-id"])).meta
    assert meta.traceparent == trace and meta.lineage.hops == 3
    # A webhook that leads back here ends.
    assert (await refused(wire, V3, {"thence-lineage": chain % 17}))[:2] == (400, "InvalidArgument")


# ---------------------------------------------------------------- qualifiers


async def with_versions(wire: Any, name: str) -> None:
    await deploy(wire, name)
    await wire.engine.functions.publish_version(name)
    await wire.engine.functions.put_alias(name, Alias("prod", "1"), create=True)


@each_generation
@pytest.mark.parametrize(
    ("theirs", "version", "qualifier"),
    [
        ("LATEST", "latest", "latest"),
        ("1", "1", "1"),
        ("prod", "1", "prod"),
        ("", "latest", "latest"),
    ],
)
async def test_a_qualifier_chooses_what_runs(
    wire: Any, path: str, name: str, theirs: str, version: str, qualifier: str
) -> None:
    await with_versions(wire, name)
    if path == OLD and theirs:
        path = path.replace("/s/", f"/s.{theirs}/")
    elif path != OLD:
        path += f"?qualifier={theirs}"
    answer = await wire.post(path, headers=ASYNC)
    view = await wire.service.show(answer.headers["x-fc-request-id"])
    assert (view.version, view.qualifier) == (version, qualifier)


async def test_the_configuration_of_the_qualifier_decides_on_task_mode(wire: Any) -> None:
    await with_versions(wire, "f")
    await wire.engine.functions.put_async_config("f", "prod", AsyncConfig(listed=True))
    for query, status in (("?qualifier=prod", 200), ("?qualifier=1", 404), ("", 404)):
        id = (await wire.post(V3 + query, headers=ASYNC)).headers["x-fc-request-id"]
        found = await wire.door.get(f"/2023-03-30/functions/f/async-tasks/{id}{query}")
        assert found.status == status


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        (V3.replace("/f/", "/g/"), "FunctionNotFound", "function 'g' does not exist"),
        (V2.replace("/s/", "/t/"), "ServiceNotFound", "service 't' does not exist"),
        (OLD.replace("/s/", "/t.1/"), "ServiceNotFound", "service 't' does not exist"),
        (
            V2.replace("/f/", "/g/"),
            "FunctionNotFound",
            "function 'g' does not exist in service 's'",
        ),
        (f"{V3}?qualifier=7", "VersionNotFound", "version '7' of function 'f' does not exist"),
        (f"{V3}?qualifier=x", "AliasNotFound", "alias 'x' of function 'f' does not exist"),
        (f"{V2}?qualifier=7", "VersionNotFound", "version '7' of service 's' does not exist"),
        (f"{V2}?qualifier=x", "AliasNotFound", "alias 'x' of service 's' does not exist"),
        (OLD.replace("/s/", "/s.x/"), "AliasNotFound", "alias 'x' of service 's' does not exist"),
        (OLD.replace("/s/", "/s$x/"), "AliasNotFound", "alias 'x' of service 's' does not exist"),
        (OLD.replace("/s/", "/s%24x/"), "AliasNotFound", "alias 'x' of service 's' does not exist"),
    ],
)
async def test_what_is_not_there_is_said_in_the_vendors_words(
    wire: Any, path: str, code: str, message: str
) -> None:
    await deploy(wire)
    await deploy(wire, "s$f")
    await wire.engine.functions.put_entry("fc.service", "", "s", b"{}")
    assert await refused(wire, path, {}) == (404, code, message)


@pytest.mark.parametrize(
    "path",
    [
        V3.replace("/f/", "/1f/"),
        V3.replace("/f/", "/%E4%BD%A0/"),
        V3.replace("/f/", "/a%2Fb/"),
        V2.replace("/s/", "/-s/"),
        V2.replace("/s/", "/s.prod/"),
        V2.replace("/s/", "/s$prod/"),
        OLD.replace("/s/", "/s$a.b/"),
        OLD.replace("/s/", "/s.a$b/"),
        f"{V3}?qualifier=a%20b",
        f"{V3}?qualifier=latest",
        OLD.replace("/s/", "/s.latest/"),
    ],
)
async def test_a_name_against_the_rule_is_refused(wire: Any, path: str) -> None:
    await deploy(wire)
    assert (await refused(wire, path, {}))[:2] == (400, "InvalidArgument")


async def test_a_name_may_be_percent_encoded(wire: Any) -> None:
    await deploy(wire)
    assert (await wire.post(V3.replace("/f/", "/%66/"), headers=ASYNC)).status == 202


# ---------------------------------------------------------------- refused


@each_generation
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"x-fc-invocation-type": "Task"},
            "InvocationType is set to an invalid value (allowed: Sync | Async, actual: 'Task')",
        ),
        (
            {"x-fc-log-type": "Tail"},
            "LogType is set to an invalid value (allowed: None, actual: 'Tail')",
        ),
        (
            {"x-fc-log-type": "Invalid"},
            "LogType is set to an invalid value (allowed: Tail | None, actual: 'Invalid')",
        ),
    ],
)
async def test_a_header_of_no_meaning_is_refused_in_the_vendors_sentence(
    wire: Any, path: str, name: str, headers: dict[str, str], message: str
) -> None:
    await deploy(wire, name)
    assert await refused(wire, path, headers) == (400, "InvalidArgument", message)


async def test_the_log_type_none_is_taken(wire: Any) -> None:
    await deploy(wire)
    assert (await wire.post(V3, headers={**ASYNC, "x-fc-log-type": "None"})).status == 202


@each_generation
async def test_128_kib_are_taken_and_no_byte_more(wire: Any, path: str, name: str) -> None:
    await deploy(wire, name)
    assert (await wire.post(path, data=b"x" * LIMIT, headers=ASYNC)).status == 202
    too_large = (
        400,
        "EntityTooLarge",
        "payload size exceeds maximum allowed size (131072 bytes)",
    )
    assert await refused(wire, path, {}, data=b"x" * (LIMIT + 1)) == too_large

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * LIMIT
        yield b"x"

    assert await refused(wire, path, {}, data=pieces()) == too_large


async def test_a_body_in_pieces_is_put_together(wire: Any) -> None:
    await deploy(wire)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"c"

    assert (await wire.post(V3, data=pieces(), headers=ASYNC)).status == 202
    await wire.service.settle()
    assert wire.service.scripts.starts[0].payload == b"abc"


async def test_the_limit_is_a_setting(make_wire: Any) -> None:
    wire = await make_wire(fc=FcSettings(async_payload_bytes_max=3))
    await deploy(wire)
    assert (await wire.post(V3, data=b"abc", headers=ASYNC)).status == 202
    assert "(3 bytes)" in (await refused(wire, V3, {}, data=b"abcd"))[2]


async def test_a_disabled_function_takes_no_call(wire: Any) -> None:
    await deploy(wire)
    await wire.engine.functions.put_control("f", Control(disabled="maintenance"))
    status, code, message = await refused(wire, V3, {})
    assert (status, code) == (403, "AccessDenied") and "maintenance" in message


async def test_a_full_backlog_is_429(make_wire: Any) -> None:
    wire = await make_wire({"waiting_max": 1})
    await deploy(wire, concurrency=0)
    assert (await wire.post(V3, headers=ASYNC)).status == 202
    assert (await refused(wire, V3, {}))[:2] == (429, "ResourceExhausted")


async def test_a_store_that_cannot_write_is_503(wire: Any) -> None:
    await deploy(wire)
    wire.service.disk_full(10)
    answer = await wire.post(V3, headers=ASYNC)
    assert answer.error()[:2] == (503, "ResourceThrottled")


async def test_a_service_that_shuts_down_is_503(wire: Any) -> None:
    await deploy(wire)
    wire.engine.parts.accept.closed = True
    assert (await refused(wire, V3, {}))[:2] == (503, "ResourceThrottled")


async def test_many_calls_on_many_connections_are_all_accepted(wire: Any) -> None:
    await deploy(wire, listed=True)
    work = [wire.post(V3, headers={**ASYNC, TASK: f"t{number}"}) for number in range(50)]
    answers = await asyncio.gather(*work)
    assert {answer.status for answer in answers} == {202}
    assert [answer.headers[TASK] for answer in answers] == [f"t{number}" for number in range(50)]
    assert len({answer.headers["x-fc-request-id"] for answer in answers}) == 50
