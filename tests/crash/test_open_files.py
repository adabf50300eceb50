"""A service that may have few files open answers all the same."""

from __future__ import annotations

import socket
from collections.abc import Callable

from .program import Program

SOFT, HARD = 128, 320
FEW = 64  # the fewest that are enough
STREAM = b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
LIMITS = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
SOURCE = (
    "import resource\n"
    "def handler(event, context):\n"
    "    return list(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
)


def test_more_idle_clients_than_files_do_not_keep_it_from_answering(
    make_program: Callable[..., Program],
) -> None:
    program = make_program(runtime_instances_max=64)
    program.under = ["sh", "-c", f'ulimit -Sn {SOFT}; ulimit -Hn {HARD}; exec "$@"', "sh"]
    program.start()
    said = program.said
    assert "runtime.instances_max = 64 cannot be met" in said
    assert "limits.connections_max = 10000 cannot be met" in said
    program.deploy("f", SOURCE)
    idle = [socket.create_connection(("127.0.0.1", program.port)) for _ in range(2 * HARD)]
    try:
        for _ in range(5):
            assert program.ask("GET", "/livez")[0] == 200
        status, _, answer = program.ask("POST", "/v1/functions/f/invoke", b"{}")
        assert status == 200 and max(answer) <= 1024, "an instance has a limit of its own"
        for _ in range(20):
            assert program.ask("POST", "/v1/functions/f/invocations", b"{}")[0] == 202
        program.until_done()
    finally:
        for item in idle:
            item.close()
    assert "Too many open files" not in program.said


def test_with_the_fewest_files_that_are_enough_it_answers_while_all_places_are_in_use(
    make_program: Callable[..., Program],
) -> None:
    program = make_program()
    program.under = ["sh", "-c", f'ulimit -n {FEW}; exec "$@"', "sh"]
    program.start()
    program.deploy("f", SOURCE)
    assert program.ask("POST", "/v1/functions/f/invoke", b"{}")[0] == 200, "it has an instance"
    readers = []
    try:
        for _ in range(2 * FEW):
            readers.append(socket.create_connection(("127.0.0.1", program.port), timeout=60))
            readers[-1].sendall(STREAM)
        assert {answer(reader) for reader in readers} >= {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert program.ask("GET", "/livez")[0] == 200
        status, headers, _ = program.ask("GET", "/v1/functions")
        assert status == 503 and "retry-after" in headers
    finally:
        for reader in readers:
            reader.close()
    program.until(
        lambda: program.ask("POST", "/v1/functions/f/invocations", b"{}")[0] == 202,
        60,
        "their places are free again",
    )
    program.until_done()
    assert "Too many open files" not in program.said


def answer(caller: socket.socket) -> bytes:
    """The first word of the answer; empty where it was closed on one that had not been read."""
    try:
        return caller.recv(12)
    except ConnectionResetError:
        return b""
