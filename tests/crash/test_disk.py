"""A disk that is full: refused with 503, nothing acknowledged is lost, well again with space.

Two ways to be full: the size that the server's files may have (RLIMIT_FSIZE, works anywhere), and a
small file system (tmpfs, where this user may mount one).
"""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from thence.lifecycle.ids import format_id

from . import ledger as afterwards
from .functions import QUICK
from .program import Program

PATH = "/v1/functions/quick/invocations"
POSTS_MAX = 5000
ROOM_BYTES = 2_000_000
LARGE_POSTS, LARGE_BYTES = 10, 500_000
Space = Callable[[], None]


def post(program: Program, n: int, size: int = 8000) -> tuple[int, dict[str, str], dict[str, str]]:
    body = json.dumps({"n": n, "pad": "x" * size}).encode()
    return program.ask("POST", PATH, body)


def test_a_limit_on_file_sizes_is_answered_503_and_recovered_from(
    make_program: Callable[..., Program],
) -> None:
    program = make_program()
    program.start()

    def fill() -> Space:
        largest = max(file.stat().st_size for file in program.data.rglob("*") if file.is_file())
        limit = (largest + ROOM_BYTES, resource.RLIM_INFINITY)
        before = resource.prlimit(program.pid, resource.RLIMIT_FSIZE, limit)
        return lambda: _ignore(resource.prlimit(program.pid, resource.RLIMIT_FSIZE, before))

    refuse_and_recover(program, fill)


def test_a_full_file_system_is_answered_503_and_recovered_from(
    make_program: Callable[..., Program],
) -> None:
    program = make_program()
    program.data.mkdir(mode=0o700)
    with small_file_system(program.data):
        program.start()
        ballast = program.data / "ballast"

        def fill() -> Space:
            with ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(b"x" * 65536):
                        pass
                except OSError:
                    pass  # full
                file.truncate(max(0, file.tell() - ROOM_BYTES))
            return ballast.unlink

        refuse_and_recover(program, fill)


def refuse_and_recover(program: Program, fill: Callable[[], Space]) -> None:
    program.deploy("quick", QUICK, on_success="queue:done", concurrency=2)
    accepted = [post(program, 0)[2]["id"]]
    free = fill()
    refusal = None
    for n in range(1, POSTS_MAX):
        status, headers, answer = post(program, n)
        if status == 503:
            refusal = headers, answer
            break
        assert status == 202, answer
        accepted.append(answer["id"])
    assert refusal is not None, f"{POSTS_MAX} posts were accepted by a full disk"
    headers, answer = refusal
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["retry-after"]) >= 1
    assert answer["code"] == "store_unavailable"
    # What is on disk can be read while nothing can be written.
    assert program.get(f"/v1/invocations/{accepted[0]}")["id"] == accepted[0]
    assert program.ask("GET", "/livez")[0] == 200
    # Large bodies are files of their own, which may or may not find room: told is told.
    for n in range(LARGE_POSTS):
        status, _, answer = post(program, POSTS_MAX + n, LARGE_BYTES)
        assert status in (202, 503), answer
        accepted += [answer["id"]] if status == 202 else []
    free()
    found: list[str] = []

    def takes_again() -> bool:
        status, _, answer = post(program, POSTS_MAX)
        assert status in (202, 503), answer
        found.extend([answer["id"]] if status == 202 else [])
        return status == 202

    program.until(takes_again, 60, "it accepts again")
    accepted += found
    stats = program.until_done()
    assert stats["conservation_difference"] == 0
    assert program.terminate() == 0
    views = {format_id(view.id): view for view in afterwards.ids_of(program.data)}
    assert set(accepted) <= set(views)
    assert {str(view.state) for view in views.values()} == {"succeeded"}
    print(f"accepted {len(accepted)}, stored {len(views)}")
    program.verify()


@contextmanager
def small_file_system(where: Path) -> Iterator[None]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "thence-test", str(where)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a tmpfs; the limit on file sizes tests the same")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=True)


def _ignore(_: object) -> None:
    """prlimit gives back the limits before; they are ours."""
