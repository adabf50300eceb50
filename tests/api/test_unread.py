"""Large answers that their callers do not read cannot fill the memory."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest
from starlette.responses import FileResponse

from thence.api import unread
from thence.config.settings import Limits
from thence.testing import Ok

from .test_overload import FC_PATH, FG_PATH, connections, until
from .test_protocol import get, parse, request

MIB = 1024 * 1024
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
    (connection,) = await until(lambda: [one for one in connections(server) if one not in known])
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
    kept = server.service.door.unread
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
    kept = server.service.door.unread
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
    kept = server.service.door.unread
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
    kept = server.service.door.unread
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
    kept = server.service.door.unread
    assert 700_000 < kept.bytes <= MIB, "it is counted once"
    blobs = server.engine.blobs
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


async def test_what_was_counted_is_given_back_when_the_caller_goes(make_server: Any) -> None:
    server = await begin(make_server)
    kept = server.service.door.unread
    caller = await silent(server, ask(SYNC[0], "POST"))
    caller.close()
    await until(lambda: not kept.bytes)
    text = (await server.get("/metrics")).body.decode()
    assert "thence_unread_bytes 0.0" in text and "thence_unread_refused_total 0.0" in text


async def test_an_answer_that_is_larger_than_the_bound_goes_out_alone(make_server: Any) -> None:
    server = await begin(make_server)
    server.service.door.unread.bytes_max = 1000
    assert (await server.post(SYNC[0], data=b"{}")).json == RESULT
    await until(lambda: not server.service.door.unread.bytes)


async def test_the_answer_to_head_is_not_counted(make_server: Any) -> None:
    server = await begin(make_server)
    id = await server.accept()
    await server.ended(id)
    await silent(server, ask(SYNC[0], "POST"))
    answer = await server.request("HEAD", f"/v1/invocations/{id}/result")
    assert answer.status == 200 and int(answer.headers["content-length"]) > 700_000


def test_files_are_sent_in_pieces_that_are_not_counted() -> None:
    assert FileResponse.chunk_size <= unread.COUNTED_BYTES


def test_the_one_that_holds_its_answer_for_longest_is_cut_off_first() -> None:
    class Caller:
        cut = False

        def answers(self, size: int) -> None: ...

        def cut_off(self) -> None:
            self.cut = True

    kept = unread.Unread(100)
    callers = [Caller() for _ in range(3)]
    for now, caller in enumerate(callers):
        kept.take(caller, 30, now)
    with pytest.raises(unread.Overloaded):
        kept.take(Caller(), 30, unread.READ_SECONDS)
    kept.take(Caller(), 60, unread.READ_SECONDS + 1.5)
    assert [one.cut for one in callers] == [True, True, False] and kept.bytes == 90
