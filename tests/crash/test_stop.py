"""SIGTERM under load; and starts that must be refused."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from . import ledger as afterwards
from .functions import QUICK, deploy_all
from .load import Load
from .program import GRACE_SECONDS, Program

CANNOT_START = 2


@pytest.mark.slow
def test_sigterm_under_load_ends_with_status_0_and_loses_nothing(
    make_program: Callable[..., Program], tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    program = make_program()
    program.start()
    deploy_all(program, tmp_path / "runs")
    with Load(program, seed) as ledger:
        for _ in range(3):
            ledger.wait_more(rng.randint(50, 200))
            assert program.terminate() == 0, program.said
            assert program.family() == []
            program.start()
        ledger.wait_more(20)
    stats = program.until_done()
    assert stats["conservation_difference"] == 0
    assert program.terminate() == 0
    program.verify()
    outcomes = afterwards.check(program.data, ledger)
    assert outcomes["lost"] == 0, "a drain is nobody's loss"


def test_sigterm_lets_a_running_attempt_end_and_keeps_what_waits(
    make_program: Callable[..., Program], tmp_path: Path
) -> None:
    program = make_program()
    program.start()
    mark = tmp_path / "running"
    source = (
        "import os, time\n"
        "def handler(event, context):\n"
        "    open(os.environ['MARK'], 'w').close()\n"
        "    time.sleep(1)\n"
        "    return 'done'\n"
    )
    program.deploy("slow", source, environment={"MARK": str(mark)}, concurrency=1)
    path = "/v1/functions/slow/invocations"
    running = program.ask("POST", path, b"{}")[2]["id"]
    waiting = program.ask("POST", path, b"{}")[2]["id"]
    program.until(mark.exists, 30, "the first runs")
    assert program.terminate() == 0
    assert "node stopped" in program.said.splitlines()[-1] and "cut_off=0" in program.said
    assert afterwards.stored(program.data, running).state == "succeeded"
    left = afterwards.stored(program.data, waiting)
    assert (left.state, left.attempt) == ("queued", 0)
    program.start()
    assert program.get(f"/v1/invocations/{waiting}?wait=30")["state"] == "succeeded"


def test_a_running_attempt_that_is_cut_off_runs_again_and_is_told(
    make_program: Callable[..., Program], tmp_path: Path
) -> None:
    program = make_program(grace_seconds=0)
    program.start()
    mark = tmp_path / "running"
    source = (
        "import os, signal\n"
        "def handler(event, context):\n"
        "    if context.attempt == 1:\n"
        "        open(os.environ['MARK'], 'w').close()\n"
        "        signal.pause()\n"
        "    return context.previous_attempt_may_have_run\n"
    )
    program.deploy("slow", source, environment={"MARK": str(mark)}, max_retries=0)
    id = program.ask("POST", "/v1/functions/slow/invocations", b"{}")[2]["id"]
    program.until(mark.exists, 30, "it runs")
    assert program.terminate() == 0
    assert "node stopped" in program.said.splitlines()[-1] and "cut_off=1" in program.said
    program.start()
    view = program.get(f"/v1/invocations/{id}?wait=30")
    outcomes = [
        (attempt["outcome"], (attempt["error"] or {}).get("type", ""))
        for attempt in view["attempts"]
    ]
    assert outcomes == [("drained", "NodeDrained"), ("ok", "")]
    assert program.get(f"/v1/invocations/{id}/result") is True


def test_a_second_server_on_the_same_data_directory_is_refused_and_the_first_goes_on(
    make_program: Callable[..., Program],
) -> None:
    first, second = make_program(), make_program()
    first.start()
    first.deploy("quick", QUICK)
    second.spawn()
    assert second.ended() == CANNOT_START
    assert f"in use by process {first.pid}" in " ".join(second.said.split()), second.said
    assert "Traceback" not in second.said
    id = first.ask("POST", "/v1/functions/quick/invocations", b'{"n": 1}')[2]["id"]
    assert first.get(f"/v1/invocations/{id}?wait=30")["state"] == "succeeded"


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(
    make_program: Callable[..., Program],
) -> None:
    program = make_program()
    program.start()
    assert program.terminate() == 0
    path = program.data / "store.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    before = path.read_bytes()
    program.spawn()
    assert program.ended() == CANNOT_START
    assert "newer version" in " ".join(program.said.split()), program.said
    assert "Traceback" not in program.said
    assert path.read_bytes() == before


def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(
    make_program: Callable[..., Program],
) -> None:
    program = make_program()
    program.data.mkdir(mode=0o700)
    path = program.data / "store.db"
    path.write_bytes(b"something else entirely" * 1000)
    before = path.read_bytes()
    program.spawn()
    assert program.ended(GRACE_SECONDS) == CANNOT_START
    assert "Traceback" not in program.said and str(path) in program.said.replace("\n", "")
    assert path.read_bytes() == before
