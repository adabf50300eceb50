"""A disk that is full: refused with 503, nothing acknowledged is lost, well again with space.

Two ways to be full: the size that the server's files may have (RLIMIT_FSIZE, works anywhere), and a
small file system (tmpfs, where this user may mount one).
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from thence.lifecycle.ids import format_id

from . import ledger as afterwards
from .functions import ECHO, QUICK
from .program import Program

PATH = "/v1/functions/quick/invocations"
POSTS_MAX = 5000
ROOM_BYTES = 2_000_000
LARGE_POSTS, LARGE_BYTES = 10, 500_000
Space = Callable[[], None]


def post(program: Program, n: int, size: int = 8000) -> tuple[int, dict[str, str], dict[str, str]]:
    body = json.dumps({"n": n, "pad": "x" * size}).encode()
    return program.ask("POST", PATH, body)


@pytest.mark.slow
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
def small_file_system(where: Path, size: str = "24m") -> Iterator[None]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "thence-test", str(where)],
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


# ---------------------------------------------------------------- what helps, and what is said

DISK = "80m"
BOX = "/v1/mailbox/queue/done"
ROOM_BYTES_NEEDED = 25 * 1024 * 1024  # a quarter of DISK, and a quarter of that
DELIVERED = 500  # with 8 kB there and back: 8 MB of mail


def free_address() -> str:
    """One that is still free when it is taken, and taken again: the system gives ports from its own
    range to whoever asks for any, and to every connection."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, max(lowest, 10_100)), 100):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return f"127.0.0.1:{port}"
    raise AssertionError("no port is free")


def fill(folder: Path, left: int) -> Path:
    """A file that leaves `left` bytes of the file system free, and stays."""
    ballast = folder / "ballast"
    with ballast.open("ab", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass  # full
        file.truncate(max(0, file.tell() - left))
    return ballast


def fill_beside_the_reserve(program: Program) -> None:
    """A disk with no room but the reserve's. Given up while others fill the disk, it is theirs: then
    the service could not even delete, and a start would wait."""
    reserve = program.data / "reserve"
    try:
        held = reserve.stat().st_size
    except FileNotFoundError:
        return
    ballast = fill(program.data, 0)
    if not reserve.exists():
        os.truncate(ballast, max(0, ballast.stat().st_size - held))


def start_with_mail(program: Program) -> str:
    """A service that has delivered; an invocation of it."""
    program.start()
    program.deploy("quick", ECHO, on_success="queue:done", concurrency=2)
    id: str = post(program, 0)[2]["id"]
    for n in range(1, DELIVERED):
        assert post(program, n)[0] == 202
    program.until_done()
    return id


def begin_full(program: Program, begin: Callable[[], None] = lambda: None) -> str:
    """A service with mail, on a disk that others have filled; an invocation of it. begin: called when
    all is done and there is room."""
    id = start_with_mail(program)
    begin()
    log, reserve = program.data / "store.db-wal", program.data / "reserve"

    def full_to_stay() -> bool:
        # Until the log, which is emptied at each refusal, has no more to give back either.
        fill_beside_the_reserve(program)
        status = post(program, 1)[0]
        # The log is looked at first: emptied between the two it counts twice, which is only too much.
        # By its blocks, for its size is nothing before its space is free.
        logged, left = log.stat().st_blocks * 512, os.statvfs(program.data)
        room = logged + left.f_bavail * left.f_frsize
        return status == 503 and not reserve.exists() and room < ROOM_BYTES_NEEDED

    program.until(full_to_stay, 60, "the disk is full")
    refused(program)
    return id


def refused(program: Program) -> None:
    """Nothing new is taken, in every way, and it is said how much is free where; all can be read."""
    status, headers, answer = post(program, 1)
    assert (status, answer["code"]) == (503, "store_unavailable")
    assert int(headers["retry-after"]) >= 1
    assert re.search(r"[\d,]+ bytes are free in " + re.escape(str(program.data)), answer["detail"])
    assert answer["free_bytes"] < answer["needed_bytes"]
    assert post(program, 1, LARGE_BYTES)[0] == 503
    code = json.dumps({"runtime": "python", "code": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}).encode()
    assert program.ask("PUT", "/v1/functions/new", code)[0] in (400, 503)
    status, _, answer = program.ask("GET", "/readyz")
    assert status == 503 and "bytes are free" in answer["detail"]
    assert program.ask("GET", "/livez")[0] == 200


def goes_on(program: Program) -> None:
    program.until(lambda: post(program, 1)[0] == 202, 60, "it accepts again, by itself")
    assert program.until_done()["conservation_difference"] == 0
    assert program.ask("GET", "/readyz")[0] == 200


def test_on_a_full_disk_mail_can_be_deleted_and_that_is_enough(
    make_program: Callable[..., Program],
) -> None:
    program = make_program()
    program.data.mkdir(mode=0o700)
    with small_file_system(program.data, DISK):
        id = begin_full(program)
        assert program.get(f"/v1/invocations/{id}")["state"] == "succeeded"
        assert not (program.data / "reserve").exists()
        status, _, answer = program.ask("DELETE", f"{BOX}?all=true")
        assert status == 200 and answer["deleted"] >= DELIVERED, answer
        goes_on(program)
        assert (program.data / "reserve").stat().st_size > 0
        assert program.terminate() == 0
        program.verify()


def test_what_deletes_finds_the_disk_full_as_what_writes_does(
    make_program: Callable[..., Program],
) -> None:
    """After a start the log is short, so the first write of an idle service needs room."""
    program = make_program(
        leases_lease_seconds=60
    )  # which writes nothing while others fill the disk
    program.data.mkdir(mode=0o700)
    with small_file_system(program.data, DISK):
        start_with_mail(program)
        assert program.terminate() == 0
        program.start()
        fill(program.data, 0)
        assert (program.data / "reserve").exists()
        status, _, answer = program.ask("DELETE", f"{BOX}?all=true")
        assert status == 200, answer
        goes_on(program)
        assert program.terminate() == 0
        assert "store lost" in program.said
        program.verify()


def test_a_disk_that_large_bodies_filled_is_said_to_be_full(
    make_program: Callable[..., Program],
) -> None:
    program = make_program()
    program.data.mkdir(mode=0o700)
    with small_file_system(program.data):
        program.start()
        program.deploy("quick", QUICK, concurrency=2)
        found = (202, {}, {})
        for n in range(POSTS_MAX):
            found = post(program, n, LARGE_BYTES)
            if found[0] != 202:
                break
        assert (found[0], found[2]["code"]) == (503, "store_unavailable")
        assert "The disk is full" in found[2]["detail"]
        program.until(lambda: "store lost" in program.said, 10, "it says so")
        # What the refused body had taken is free again, so that it may have healed since.
        reserve = program.data / "reserve"
        program.until(
            lambda: not reserve.exists() or "store back" in program.said,
            10,
            "the reserve is given up",
        )


@pytest.mark.slow
def test_a_start_on_a_full_disk_serves_reads_and_a_shorter_retention_makes_room(
    make_program: Callable[..., Program],
) -> None:
    program = make_program()
    program.data.mkdir(mode=0o700)
    with small_file_system(program.data, DISK):
        id = begin_full(program)
        program.kill()
        program.start()
        assert program.get(f"/v1/invocations/{id}")["state"] == "succeeded"
        refused(program)
        assert program.terminate() == 0
        shorter = make_program(
            **dict.fromkeys(
                ("retention_payload_days", "retention_result_days", "retention_history_days"), 1e-6
            )
        )
        shorter.start()
        goes_on(shorter)
        assert shorter.ask("GET", f"/v1/invocations/{id}")[0] == 404
        assert shorter.terminate() == 0
        shorter.verify()


@pytest.mark.slow
def test_a_disk_without_a_free_byte_is_waited_for_and_can_be_verified(
    make_program: Callable[..., Program],
) -> None:
    address = free_address()
    program = make_program(listen=address)
    program.data.mkdir(mode=0o700)
    with small_file_system(program.data, DISK):
        begin_full(program)
        program.kill()
        ballast = fill(program.data, 0)
        program.verify()  # SQLite needs room to open it as a service does
        fill(program.data, 0)  # verify may have moved the log into the file
        program.spawn()
        program.port = int(address.rpartition(":")[2])
        program.until_answers("/readyz", status=503, says="bytes are free")
        assert program.terminate() == 0
        assert "told to stop before the service had started" in program.said
        program.spawn()
        program.port = int(address.rpartition(":")[2])
        program.until_answers("/readyz", status=503, says="bytes are free")
        assert program.ask("GET", "/livez")[0] == 200
        status, _, answer = program.ask("GET", "/v1/functions")
        assert status == 503 and "bytes are free" in answer["detail"]
        ballast.unlink()
        program.until_answers("/readyz")
        goes_on(program)
        assert program.terminate() == 0
        program.verify()


HELD = """\
import os, time

def handler(event, context):
    while not os.path.exists(os.environ['GO']):
        time.sleep(0.02)
    return {'n': event['n']}
"""


LARGE = HELD.replace("{'n': event['n']}", f"'x' * {LARGE_BYTES}")


def test_what_ends_while_a_service_leaves_a_full_disk_is_not_found_as_lost(
    make_program: Callable[..., Program], tmp_path: Path
) -> None:
    program = make_program(grace_seconds=3)
    program.data.mkdir(mode=0o700)
    go, ids = tmp_path / "go", {}
    functions = {"held": HELD, "large": LARGE, "cut": HELD}

    def hold() -> None:
        for name, source in functions.items():
            file = tmp_path / "later" if name == "cut" else go
            program.deploy(name, source, environment={"GO": str(file)})
            body = json.dumps({"n": 1}).encode()
            ids[name] = program.ask("POST", f"/v1/functions/{name}/invocations", body)[2]["id"]
        program.until(lambda: program.get("/v1/stats")["running"] == 3, 30, "all run")

    with small_file_system(program.data, DISK):
        begin_full(program, hold)
        go.touch()
        assert program.terminate() == 0  # one takes the whole grace period, and more
        assert "in the reserve's space" in program.said and "lost by" not in program.said
        (program.data / "ballast").unlink()
        (tmp_path / "later").touch()
        program.start()
        program.until_done()
        for name, id in ids.items():
            view = program.get(f"/v1/invocations/{id}")
            outcomes = [attempt["outcome"] for attempt in view["attempts"]]
            # On a busy machine what was to end in time may be cut off, too.
            ended = name != "cut" and outcomes == ["ok"]
            assert ended or outcomes == ["drained", "ok"], (name, view)
        assert program.terminate() == 0
        program.verify()


def test_on_a_full_disk_what_runs_and_waits_is_stopped_and_stays_so_after_a_kill(
    make_program: Callable[..., Program], tmp_path: Path
) -> None:
    program = make_program()
    program.data.mkdir(mode=0o700)
    path, ids = "/v1/functions/held/invocations", []

    def hold() -> None:
        go = str(tmp_path / "never")
        program.deploy("held", HELD, environment={"GO": go}, concurrency=2, max_retries=3)
        for n in range(3):
            ids.append(program.ask("POST", path, json.dumps({"n": n}).encode())[2]["id"])
        program.until(lambda: program.get("/v1/stats")["running"] == 2, 30, "two run")

    def stop(id: str) -> str:
        status, _, answer = program.ask("POST", f"/v1/invocations/{id}/stop", b"")
        assert status == 200, answer
        return answer["state"]

    with small_file_system(program.data, DISK):
        begin_full(program, hold)
        assert [stop(ids[2]), stop(ids[0])] == ["stopped", "stopping"]
        off = json.dumps({"limit": None, "disabled": "runaway", "abort": True}).encode()
        status, _, answer = program.ask("PUT", "/v1/functions/held/control", off)
        assert status == 200, answer
        none = re.compile(rb"^thence_node_instances_held 0(\.0)?$", re.MULTILINE)
        program.until(lambda: bool(none.search(program.get("/metrics"))), 30, "none runs")
        states = [program.get(f"/v1/invocations/{id}")["state"] for id in ids]
        assert states == ["stopping", "stopping", "stopped"]
        refused(program)
        program.kill()
        (program.data / "ballast").unlink()
        program.start()
        program.until_done()
        for id, reason in zip(
            ids, ("stopped_by_caller", "function_disabled", "stopped_by_caller"), strict=True
        ):
            view = program.get(f"/v1/invocations/{id}")
            assert (view["state"], view["reason"]) == ("stopped", reason), view
            assert len(view["attempts"]) <= 1
        assert program.terminate() == 0
        program.verify()


def test_what_cannot_be_written_before_a_service_leaves_is_said(
    make_program: Callable[..., Program], tmp_path: Path
) -> None:
    program = make_program(grace_seconds=1)
    program.start()
    go = tmp_path / "go"
    program.deploy("held", HELD, environment={"GO": str(go)})
    id = program.ask("POST", "/v1/functions/held/invocations", b'{"n": 1}')[2]["id"]
    program.until(lambda: program.get("/v1/stats")["running"] == 1, 30, "it runs")
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    go.touch()
    assert program.terminate() == 0
    assert "1 ending was not written" in program.said, program.said
    program.start()
    program.until_done()
    view = program.get(f"/v1/invocations/{id}")
    assert [attempt["outcome"] for attempt in view["attempts"]] == ["lost", "ok"]
    assert program.terminate() == 0
    program.verify()
