"""What strangers send cannot fill the memory, nor keep the others from being answered."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from typing import Any

import pytest
from tests.doors.wire import Port, listening

from thence.api.native import stats
from thence.api.protocol import limits, turns
from thence.catalog.code import pack
from thence.catalog.function import FunctionSpec
from thence.config.settings import Limits
from thence.signing import acs3, fc
from thence.signing.window import write_basic
from thence.testing.answers import Forever

from .wire import (
    FC_PATH,
    FG_PATH,
    KEY,
    KEYS,
    LAST,
    MIB,
    PATH,
    connections,
    get,
    half_sent,
    parse,
    request,
    statuses,
    until,
)

CODE = pack([("main.py", b"def handler(event, context): ...\n")])
HEAD_ROOM = 4096
SDK_HMAC = "SDK-HMAC-SHA256 Access=id, SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64


# ---------------------------------------------------------------- one request after the other


async def test_what_comes_behind_a_request_is_kept_unread_and_reading_pauses(server: Any) -> None:
    await server.deploy(answers=[Forever()])
    id = await server.accept()
    reader, writer = await server.connect()
    behind = 4000
    writer.write(get(f"/v1/invocations/{id}?wait=30") + get("/livez") * (behind - 1) + LAST)
    (held,) = await until(
        lambda: [connection for connection in connections(server) if connection._held]
    )
    assert held.flow.read_paused and not held.pipeline
    assert len(held._held) == server.service.context.unproven.bytes <= MIB
    assert (await server.get("/livez")).status == 200
    await server.post(f"/v1/invocations/{id}/stop")
    answers = parse(await asyncio.wait_for(reader.read(), 60))
    writer.close()
    assert [status for status, _, _ in answers] == [200] * (behind + 1)
    assert answers[0].json["id"] == id
    await until(lambda: server.service.context.unproven.bytes == 0)


async def test_at_most_one_request_of_a_connection_is_under_way(server: Any) -> None:
    await server.deploy()
    seen: list[int] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        behind = sum(len(connection.pipeline) for connection in listener.connections)
        seen.append(len(listener.tasks) + behind)
        await server.service.app(scope, receive, send)

    sent = (get("/livez") + request("POST", PATH, b"{}", "Prefer: wait=0")) * 100
    service = server.service
    async with listening(service.context, service.doors, watched) as listener:
        port = Port(listener, server.engine)
        found = statuses(await port.raw(sent + LAST))
        await port.close()
    assert found == [200, 202] * 100 + [200]
    # The one that is answered, one behind it, and the task of the one before, which is ending.
    assert len(seen) == 201 and max(seen) <= 3


@pytest.mark.parametrize("cut", [1, 5, 4096])
async def test_bodies_with_empty_lines_in_a_pipeline_stay_whole(
    server: Any, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    await server.deploy()
    monkeypatch.setattr(turns, "TURN_PIECES_MAX", cut)
    body = b"\r\n\r\nGET /livez HTTP/1.1\r\n\r\n\r\n" * 20
    slow = request("POST", PATH, body, "Prefer: wait=0")
    chunked = b"POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" % PATH.encode()
    sent = request(body=body) + slow + chunked + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answers = parse(await server.raw(sent * 3 + LAST))
    assert [status for status, _, _ in answers] == [202] * 9 + [200]
    for _, _, answer in answers[:9]:
        id = json.loads(answer)["id"]
        assert (await server.get(f"/v1/invocations/{id}/payload")).body == body


# ---------------------------------------------------------------- all together


async def test_bodies_that_nobody_vouches_for_have_one_bound_and_others_are_unhurt(
    make_server: Any,
) -> None:
    server = await make_server(limits=Limits(unproven_bytes_max=MIB))
    await server.deploy()
    body = b"x" * 600_000
    held = [await half_sent(server, request(body=body)[:-100_000], 500_000) for _ in range(2)]
    ((status, headers, answer),) = parse(await server.raw(request(body=body)[:-1]))
    assert status == 503 and headers["retry-after"]
    assert json.loads(answer)["code"] == "overloaded"
    assert (await server.get("/livez")).status == 200
    await server.accept()
    for reader, writer in held:
        writer.write(body[-100_000:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 202 ")
        writer.close()
    await until(lambda: server.service.context.unproven.bytes == 0)
    assert server.service.context.unproven.refused == 1


@pytest.mark.parametrize(
    ("path", "lines", "keys"),
    [
        (PATH, [], {}),
        (PATH, ["Prefer: wait=0"], {}),
        (FC_PATH, ["x-fc-invocation-type: Async"], {}),
        (FC_PATH, [], {}),
        (FG_PATH + "-async", [], {}),
        (FG_PATH, [], {}),
        (FG_PATH + "-async", [f"Authorization: {SDK_HMAC}", "X-Sdk-Date: %s"], KEYS),
        (FG_PATH, [f"Authorization: {SDK_HMAC}", "X-Sdk-Date: %s"], KEYS),
    ],
)
async def test_every_door_counts_what_it_keeps_before_it_knows_who_asks(
    make_server: Any, path: str, lines: list[str], keys: dict[str, Any]
) -> None:
    server = await make_server(limits=Limits(unproven_bytes_max=MIB), **keys)
    if not keys:
        await server.deploy()
    unproven = server.service.context.unproven
    now = server.service.context.clock.now()
    lines = [line.replace("%s", write_basic(now).decode()) for line in lines]
    body = b"x" * 120_000
    sent = request("POST", path, body, *lines)
    _, writer = await half_sent(server, sent[:-1], len(body) - 1)
    unproven.take(MIB - unproven.bytes)  # others
    reader, refused = await server.connect()
    refused.write(sent[:-1])
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    assert head.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after: 1\r\n" in head
    refused.close()
    assert (await server.get("/livez")).status == 200
    writer.transport.abort()
    await until(lambda: unproven.bytes <= MIB - len(body) + 1)


@pytest.mark.parametrize("kind", ["Async", "Sync"])
@pytest.mark.parametrize("how", ["head", "url"])
async def test_a_head_that_was_seen_and_is_sent_again_keeps_no_more_than_one_that_is_not_proven(
    make_server: Any, kind: str, how: str
) -> None:
    """The scheme `FC` and signed URLs have no nonce; ACS3 has."""
    server = await make_server(limits=Limits(unproven_bytes_max=MIB), **KEYS)
    await server.service.engine.functions.put("s$f", FunctionSpec(), CODE)
    unproven, now = server.service.context.unproven, server.service.context.clock.now()
    path, body = "/2016-08-15/services/s/functions/f/invocations", b"x" * 120_000
    given = [(b"x-fc-invocation-type", kind.encode())]
    target, lines = path.encode(), given
    if how == "head":
        lines = fc.sign("POST", target, b"", given, KEY, now=now)
    else:
        target += b"?" + fc.sign_url("POST", target, b"", given, KEY, expires_at=now + 60_000)
    sent = request(
        "POST", target.decode(), body, *(f"{n.decode()}: {v.decode()}" for n, v in lines)
    )
    _, writer = await half_sent(server, sent[:-1], len(body) - 1)
    unproven.take(MIB - unproven.bytes - HEAD_ROOM)  # others
    reader, refused = await server.connect()
    refused.write(sent[:-1])
    assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 503 ")
    given += [(b"host", b"h"), (b"connection", b"close")]
    once = acs3.sign("POST", path.encode(), b"", given, body, KEY, now=now, nonce="n")
    lines = [entry for entry in once if entry[0] != b"host"]
    whole = request("POST", path, body, *(f"{n.decode()}: {v.decode()}" for n, v in lines))
    assert statuses(await server.raw(whole)) == [202 if kind == "Async" else 200]
    for item in (writer, refused):
        item.transport.abort()


async def test_headers_that_do_not_end_are_counted_and_given_back(make_server: Any) -> None:
    server = await make_server(limits=Limits(unproven_bytes_max=MIB))
    unproven = server.service.context.unproven
    head = b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100
    reader, writer = await server.connect()
    writer.write(head)
    # What a header costs is more than its bytes.
    await until(lambda: unproven.bytes >= len(head) + 99 * limits.HEADER_BYTES)
    unproven.take(MIB - unproven.bytes)
    assert statuses(await server.raw(head)) == [503]
    writer.transport.abort()
    await until(lambda: unproven.bytes < MIB - len(head))
    assert reader


async def test_what_waits_behind_a_request_is_refused_in_its_turn_when_it_is_too_much(
    make_server: Any,
) -> None:
    server = await make_server(limits=Limits(unproven_bytes_max=MIB))
    server.service.context.unproven.take(MIB)
    answers = parse(await server.raw(get("/livez") + get("/livez") * 50))
    found = [status for status, _, _ in answers]
    assert found[0] == 200 and found[-1] == 503 and set(found[:-1]) == {200}


async def test_a_request_with_very_many_headers_is_refused(server: Any) -> None:
    lines = ["a: b"] * (limits.HEADERS_MAX + 1)
    ((status, _, body),) = parse(await server.raw(get("/livez", *lines)))
    assert status == 431 and json.loads(body)["limit"] == limits.HEADERS_MAX


# ---------------------------------------------------------------- in time


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (PATH, []),
        (PATH, ["Prefer: wait=0"]),
        (FC_PATH, []),
        (FG_PATH, []),
        (FG_PATH + "-async", []),
    ],
)
async def test_a_body_that_drips_is_ended_though_it_never_stops(
    server: Any, monkeypatch: pytest.MonkeyPatch, path: str, lines: list[str]
) -> None:
    reader, writer = await server.connect()
    writer.write(request("POST", path, b"x" * 100, *lines)[:-50])
    (connection,) = await until(lambda: [item for item in connections(server) if item.busy()])
    await until(lambda: not connection._in_head)
    for _ in range(3):
        writer.write(b"x")
        connection._heard_at = connection.loop.time()  # something has just come
        connection.look()
        assert not connection._deaf
    monkeypatch.setattr(limits, "BODY_SECONDS", -1.0)
    connection._heard_at = connection.loop.time()
    connection.look()
    ((status, headers, _),) = parse(await reader.read())
    assert status == 408 and headers["connection"] == "close"
    writer.close()
    assert await server.accepted() == 0


async def test_a_large_body_that_comes_steadily_has_time_for_its_size(server: Any) -> None:
    await server.deploy()
    _, writer = await server.connect()
    writer.write(request(body=b"x" * 900_000)[:-1])
    (connection,) = await until(lambda: [item for item in connections(server) if item.busy()])
    await until(lambda: connection._fast.size > 800_000)
    due = connection._body_due() - connection._body_since
    assert due > limits.BODY_SECONDS + 800_000 / limits.BODY_BYTES_PER_SECOND_MIN
    writer.close()


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize("paused", [True, False])
async def test_a_connection_whose_answers_nobody_reads_is_ended(
    server: Any, monkeypatch: pytest.MonkeyPatch, paused: bool
) -> None:
    number = 3000 if paused else 1
    for name in range(80):
        await server.deploy(f"f{name}")  # an answer that is larger than what sockets keep
    await server.session.close()
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    caller.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(caller, ("127.0.0.1", server.port))
    (connection,) = await until(lambda: connections(server))
    connection.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_SNDBUF, 2048
    )
    sending = loop.create_task(loop.sock_sendall(caller, get("/v1/functions?limit=80") * number))
    unread = connection.transport.get_write_buffer_size
    await until(lambda: connection.flow.write_paused if paused else unread())
    if not paused:
        await until(lambda: not connection.busy())
    assert connection.idle_since() is None, "nor does it make room for others while it is young"
    connection.look()
    assert not connection.transport.is_closing()
    for name in ("IDLE_SECONDS", "READ_SECONDS"):
        monkeypatch.setattr(limits, name, -1000.0)
    connection._read_by -= 1000
    connection.look()
    await until(lambda: not len(server.service.context.places))
    sending.cancel()
    caller.close()


@pytest.mark.parametrize("path", ["/metrics", "/v1/stats"])
async def test_what_is_told_of_all_functions_is_written_beside_the_event_loop(
    server: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    await server.deploy()
    await server.ended(await server.accept())
    reached, go_on = threading.Event(), threading.Event()
    read = stats._function

    def slowly(one: Any, now: int) -> Any:
        reached.set()
        assert go_on.wait(20), "the event loop goes on meanwhile"
        return read(one, now)

    def series(found: Any, tally: Any) -> Any:
        for function in found.functions:
            slowly(function, 0)
        assert tally is not metrics.tally and tally.begun == {"f": 1}, "it does not change any more"
        yield from ()

    metrics = server.service.context.metrics
    metrics.by_function.append(series)
    monkeypatch.setattr(stats, "_function", slowly)
    asked = asyncio.ensure_future(server.get(path))
    await until(reached.is_set)
    await server.ended(await server.accept())
    assert (await server.get("/livez")).status == 200
    go_on.set()
    found = await asked
    assert found.status == 200 and b'"f"' in found.body


async def test_a_copy_of_what_was_counted_stays_as_it_is(server: Any) -> None:
    await server.deploy()
    await server.ended(await server.accept())
    tally = server.service.context.metrics.tally
    copy = await tally.copy()
    await server.ended(await server.accept())
    assert copy.begun == {"f": 1} and tally.begun == {"f": 2}
    assert sum(copy.durations["f"].counts) == 1 and sum(tally.durations["f"].counts) == 2
    assert sum(copy.commit_size.counts) < sum(tally.commit_size.counts)
