"""A service that may have few files open answers all the same."""

from __future__ import annotations

import socket
from collections.abc import Callable

from .program import Program

SOFT, HARD = 128, 320
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
        for one in idle:
            one.close()
    assert "Too many open files" not in program.said
