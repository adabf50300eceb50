"""Large answers that their callers do not read cannot fill the memory."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from starlette.responses import FileResponse

from thence.api.protocol import limits
from thence.api.shared import unread
from thence.config.settings import Limits
from thence.notices import DeliveryEnded
from thence.testing import Ok
from thence.testing.answers import Forever

from .wire import FC_PATH, FG_PATH, MIB, connections, get, parse, request, until

RESULT = "x" * 700_000
SYNC = ["/v1/functions/f/invoke", FC_PATH, FG_PATH]


async def silent(server: Any, data: bytes) -> socket.socket:
    """A caller who asks and does not read; its answer is kept by the service when this returns."""
    known = set(connections(server))
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    caller.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(caller, ("127.0.0.1", server.port))
    (connection,) = await until(lambda: [item for item in connections(server) if item not in known])
    connection.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_SNDBUF, 2048
    )
    await loop.sock_sendall(caller, data)
    await until(lambda: connection.flow.write_paused)
    return caller


async def read(caller: socket.socket) -> tuple[int, bytes]:
    """What the service keeps for it, until the connection ends."""
    reader, writer = await asyncio.open_connection(sock=caller)
    ((status, _, body),) = parse(await asyncio.wait_for(reader.read(), 20))
    writer.close()
    return status, body


async def begin(make_server: Any, **limits: int) -> Any:
    server = await make_server(limits=Limits(unread_bytes_max=MIB, **limits))
    await server.deploy(answers=[Ok(RESULT)] * 20)
    return server


def ask(path: str, method: str = "GET") -> bytes:
    if method == "GET":
        return get(path, "Connection: close")
    return request("POST", path, b"{}", "Connection: close")


async def test_large_answers_that_nobody_reads_have_one_bound(make_server: Any) -> None:
    server = await begin(make_server)  # unread_bytes_max=MIB
    id = await server.accept()
    await server.ended(id)
    path = f"/v1/invocations/{id}/result"
    first = await silent(server, ask(path))
    kept = server.service.context.unread
    assert 700_000 < kept.bytes <= MIB
    refused = await server.get(path)
    assert refused.problem()["code"] == "overloaded" and refused.status == 503
    assert "limits.unread_bytes_max" in refused.json["detail"] and refused.headers["retry-after"]
    assert (await server.get("/livez")).status == 200
    assert (await server.get(f"/v1/invocations/{id}")).status == 200
    status, body = await read(first)
    assert status == 200 and json.loads(body) == RESULT
    await until(lambda: not kept.bytes)
    again = await server.get(path)
    assert again.status == 200 and again.json == RESULT
    await until(lambda: not kept.bytes)


@pytest.mark.parametrize("path", SYNC)
async def test_every_door_counts_the_answers_of_synchronous_calls(
    make_server: Any, path: str
) -> None:
    server = await begin(make_server)
    kept = server.service.context.unread
    first = await silent(server, ask(path, "POST"))
    assert 700_000 < kept.bytes <= MIB
    refused = await server.post(path, data=b"{}")
    assert refused.status == 503 and kept.refused == 1
    assert b"limits.unread_bytes_max" in refused.body
    assert (await read(first))[0] == 200
    await until(lambda: not kept.bytes)
    assert (await server.post(path, data=b"{}")).status == 200


@pytest.mark.parametrize("path", SYNC)
async def test_at_the_bound_a_synchronous_call_is_refused_before_it_runs(
    make_server: Any, path: str
) -> None:
    server = await begin(make_server)
    first = await silent(server, ask(path, "POST"))
    kept = server.service.context.unread
    ran = len(server.scripts.starts)
    kept.bytes_max = kept.bytes
    assert (await server.post(path, data=b"{}")).status == 503
    assert len(server.scripts.starts) == ran == 1
    first.close()
    await until(lambda: not kept.bytes)
    assert (await server.post(path, data=b"{}")).status == 200


async def test_at_the_bound_who_reads_too_slowly_is_cut_off(
    make_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "READ_SECONDS", -1000.0)
    server = await begin(make_server)
    first = await silent(server, ask(SYNC[0], "POST"))
    kept = server.service.context.unread
    assert kept.bytes and not kept.cut, "below the bound nobody is hurried"
    assert (await server.post(SYNC[0], data=b"{}")).status == 200
    assert kept.cut == 1 and not kept.refused
    await until(lambda: not kept.bytes)
    first.close()


async def test_what_is_refused_is_not_even_read(
    make_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await begin(make_server)
    id = await server.accept()
    await server.ended(id)
    path = f"/v1/invocations/{id}/result"
    first = await silent(server, ask(path))
    kept = server.service.context.unread
    assert 700_000 < kept.bytes <= MIB, "it is counted once"
    blobs = server.engine.parts.blobs
    monkeypatch.setattr(blobs, "get", None)  # whoever calls it fails
    assert (await server.get(path)).status == 503
    monkeypatch.undo()
    first.close()
    await until(lambda: not kept.bytes)
    monkeypatch.setattr(blobs, "get", None)
    assert (await server.get(path)).status == 500
    await until(lambda: not kept.bytes)
    monkeypatch.undo()
    assert (await server.get(path)).status == 200
    await until(lambda: not kept.bytes)


async def test_an_answer_is_counted_until_its_last_byte_has_gone(make_server: Any) -> None:
    server = await begin(make_server)
    size = unread.COUNTED_BYTES + 1  # with its head and what the system takes, no reason to pause
    await server.deploy(answers=[Ok(b"x" * size)])
    kept = server.service.context.unread
    known = set(connections(server))
    caller = await silent(server, request("POST", SYNC[0], b"{}") + get("/livez"))
    (connection,) = [item for item in connections(server) if item not in known]
    assert connection.transport.get_write_buffer_size() < size and kept.bytes == size
    reader, writer = await asyncio.open_connection(sock=caller)
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(size)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    await until(lambda: not kept.bytes and not connection.flow.write_paused)
    assert not connection._narrow, "what is small is written without waiting, as before"
    writer.close()


async def test_what_was_counted_is_given_back_when_the_caller_goes(make_server: Any) -> None:
    server = await begin(make_server)
    kept = server.service.context.unread
    caller = await silent(server, ask(SYNC[0], "POST"))
    caller.close()
    await until(lambda: not kept.bytes)
    text = (await server.get("/metrics")).body.decode()
    assert "thence_unread_bytes 0.0" in text and "thence_unread_refused_total 0.0" in text


async def test_an_answer_that_is_larger_than_the_bound_goes_out_alone(make_server: Any) -> None:
    server = await begin(make_server)
    server.service.context.unread.bytes_max = 1000
    assert (await server.post(SYNC[0], data=b"{}")).json == RESULT
    await until(lambda: not server.service.context.unread.bytes)


async def test_the_answer_to_head_is_not_counted(make_server: Any) -> None:
    server = await begin(make_server)
    id = await server.accept()
    await server.ended(id)
    await silent(server, ask(SYNC[0], "POST"))
    answer = await server.request("HEAD", f"/v1/invocations/{id}/result")
    assert answer.status == 200 and int(answer.headers["content-length"]) > 700_000


async def begin_with_result(make_server: Any, bytes_max: int) -> tuple[Any, str]:
    """A server, and the path of a large result."""
    server = await begin(make_server)
    server.service.context.unread.bytes_max = bytes_max
    id = await server.accept()
    await server.ended(id)
    return server, f"/v1/invocations/{id}/result"


# ---------------------------------------------------------------- many requests of one connection


async def test_of_a_caller_that_goes_on_reading_no_more_is_counted_than_is_kept(
    make_server: Any,
) -> None:
    server, path = await begin_with_result(make_server, 2 * MIB)
    caller = await silent(server, get(path) * 5 + ask(path))
    reader, writer = await asyncio.open_connection(sock=caller)
    answers = parse(await asyncio.wait_for(reader.read(), 30))
    writer.close()
    assert [status for status, _, _ in answers] == [200] * 6
    assert not server.service.context.unread.refused
    await until(lambda: not server.service.context.unread.bytes)


async def test_who_has_read_a_large_answer_may_wait_for_another_one(make_server: Any) -> None:
    server, path = await begin_with_result(make_server, MIB)
    await server.deploy("slow", answers=[Forever()])
    id = await server.accept("slow")
    caller = await silent(server, get(path) + get(f"/v1/invocations/{id}?wait=60"))
    kept = server.service.context.unread
    assert kept.bytes > 700_000
    reader, writer = await asyncio.open_connection(sock=caller)
    size = int((await reader.readuntil(b"\r\n\r\n")).split(b"content-length: ")[1].split()[0])
    assert len(await reader.readexactly(size)) == size > 700_000
    await until(lambda: not kept.bytes)
    assert (await server.get(path)).status == 200 and not kept.cut
    await server.post(f"/v1/invocations/{id}/stop")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_what_a_closing_connection_keeps_is_counted(
    make_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, path = await begin_with_result(make_server, 2 * MIB)
    invoke, begun, end = server.engine.invoke, asyncio.Event(), asyncio.Event()

    async def late(*arguments: Any, **more: Any) -> Any:
        begun.set()
        await end.wait()
        return await invoke(*arguments, **more)

    monkeypatch.setattr(server.engine, "invoke", late)
    known = set(connections(server))
    caller = await silent(server, get(path) + request("POST", SYNC[0], b"{}"))
    (connection,) = [item for item in connections(server) if item not in known]
    await begun.wait()
    caller.shutdown(socket.SHUT_WR)
    await until(connection.transport.is_closing)
    kept = server.service.context.unread
    assert 700_000 < kept.bytes < 1_400_000
    end.set()
    await until(lambda: kept.bytes > 1_400_000)
    caller.close()
    await until(lambda: not kept.bytes)


async def test_who_read_until_now_is_not_idle(make_server: Any) -> None:
    server, path = await begin_with_result(make_server, MIB)
    known = set(connections(server))
    caller = await silent(server, get(path))
    (connection,) = [item for item in connections(server) if item not in known]
    connection._idle_since -= 10 * limits.IDLE_SECONDS  # so long ago it was answered
    resumed = connection.resume_writing

    def watched() -> None:
        resumed()
        connection.look()

    connection.resume_writing = watched
    connection._read_by += 10_000.0
    connection.look()
    looks_at = connection._patience.when()
    assert looks_at <= asyncio.get_running_loop().time() + limits.IDLE_SECONDS
    reader, writer = await asyncio.open_connection(sock=caller)
    size = int((await reader.readuntil(b"\r\n\r\n")).split(b"content-length: ")[1].split()[0])
    assert len(await reader.readexactly(size)) == size
    writer.close()


# ---------------------------------------------------------------- what was done is told


def batch(count: int) -> bytes:
    return b"{}\n" * count


NDJSON = {"content-type": "application/x-ndjson", "idempotency-key": "k"}


async def test_a_batch_that_was_accepted_is_never_answered_503(make_server: Any) -> None:
    server = await begin(make_server, batch_max=2000)
    kept = server.service.context.unread
    first = await silent(server, ask(SYNC[0], "POST"))
    kept.bytes_max = kept.bytes + 1
    path = "/v1/functions/f/invocations:batch"
    answer = await server.post(path, data=batch(2000), headers=NDJSON)
    assert answer.status == 202 and answer.json["accepted"] == await server.accepted() == 2000
    assert len(answer.body) > unread.COUNTED_BYTES
    kept.bytes_max = kept.bytes
    refused = await server.post(path, data=batch(1500), headers={**NDJSON, "idempotency-key": "l"})
    assert refused.status == 503 and refused.problem()["code"] == "overloaded"
    assert await server.accepted() == 2000, "before anything of it is accepted"
    few = await server.post(path, data=batch(3), headers={**NDJSON, "idempotency-key": "m"})
    assert few.status == 202
    first.close()
    await until(lambda: not kept.bytes)


async def test_a_call_that_was_accepted_and_waited_for_is_never_answered_503(
    make_server: Any,
) -> None:
    server = await begin(make_server)
    kept = server.service.context.unread
    first = await silent(server, ask(SYNC[0], "POST"))
    kept.bytes_max = kept.bytes
    short = "x" * (unread.COUNTED_BYTES - 100)  # with what is told beside it, more than that
    await server.deploy("short", answers=[Ok(short)])
    path = "/v1/functions/short/invocations"
    answer = await server.post(path, data=b"{}", headers={"prefer": "wait=20"})
    assert answer.status == 200 and answer.json["result"] == short
    assert len(answer.body) > unread.COUNTED_BYTES
    first.close()
    await until(lambda: not kept.bytes)


async def test_messages_are_not_taken_when_they_could_not_be_told(make_server: Any) -> None:
    server = await begin(make_server)
    await server.deploy(answers=[Ok(RESULT)] * 20, on_success="queue:done")
    ended = server.next(DeliveryEnded)
    await server.accept()
    await ended
    kept = server.service.context.unread
    first = await silent(server, ask(SYNC[0], "POST"))
    path = "/v1/mailbox/queue/done:receive"
    kept.bytes_max = kept.bytes
    assert (await server.post(path, json={})).status == 503
    kept.bytes_max += 1
    answer = await server.post(path, json={})
    assert answer.status == 200 and len(answer.body) > unread.COUNTED_BYTES
    assert [item["receives"] for item in answer.json["items"]] == [1]
    first.close()
    await until(lambda: not kept.bytes)


async def test_at_the_bound_metrics_are_still_to_be_had(
    make_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await begin(make_server)
    metrics = server.service.context.metrics

    async def many() -> bytes:
        return b"# a line of many functions\n" * 10_000

    monkeypatch.setattr(metrics, "exposition", many)
    kept = server.service.context.unread
    callers = [await silent(server, ask(SYNC[0], "POST"))]
    kept.bytes_max = kept.bytes
    assert (await server.get("/metrics")).status == 200 and not kept.refused
    for _ in range(2):
        callers.append(await silent(server, ask("/metrics")))
    assert kept.bytes < 2 * kept.bytes_max
    assert (await server.get("/metrics")).status == 503, "they have a bound, too"
    for caller in callers:
        caller.close()
    await until(lambda: not kept.bytes)


def test_files_are_sent_in_pieces_that_are_not_counted() -> None:
    assert FileResponse.chunk_size <= unread.COUNTED_BYTES


class Caller:
    cut = False

    def reserve(self, size: int, *, spare: bool) -> None: ...

    def answers(self, size: int, *, done: bool) -> None: ...

    def cut_off(self) -> None:
        self.cut = True


def test_the_one_that_holds_its_answer_for_longest_is_cut_off_first() -> None:
    kept = unread.Unread(100)
    callers = [Caller() for _ in range(3)]
    for now, caller in enumerate(callers):
        kept.take(caller, 30, now)
    with pytest.raises(unread.Overloaded):
        kept.take(Caller(), 30, unread.READ_SECONDS)
    kept.take(Caller(), 60, unread.READ_SECONDS + 1.5)
    assert [item.cut for item in callers] == [True, True, False] and kept.bytes == 90


def test_a_large_answer_shields_no_slow_reader_of_a_small_one() -> None:
    kept = unread.Unread(100 * MIB)
    large, small, next_one = Caller(), Caller(), Caller()
    kept.take(large, 60 * MIB, 0.0)
    kept.take(small, 40 * MIB, 0.0)
    with pytest.raises(unread.Overloaded):
        kept.take(next_one, MIB, 0.0)
    kept.take(next_one, MIB, unread.READ_SECONDS + 40 * 4)
    assert (large.cut, small.cut) == (False, True) and kept.bytes == 61 * MIB


def test_what_was_read_leaves_nothing_behind() -> None:
    kept = unread.Unread(100 * MIB)
    stays = Caller()
    kept.take(stays, MIB, 0.0)
    for now in range(2000):
        one = Caller()
        kept.take(one, MIB, now)
        kept.read(one, MIB // 2, now)
        assert kept.bytes == MIB + MIB // 2
        kept.give(one)
        kept.give(one)
    assert kept.bytes == MIB and len(kept._line) <= 2 + unread.STALE_MAX + 2
    kept.take(Caller(), 100 * MIB, 3000.0)
    assert stays.cut
