"""Backups of the real program while 50 calls a second come in, and what is restored from them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from thence.lifecycle.ids import format_id

from . import ledger as afterwards
from .functions import QUICK
from .program import Program

CALLS_PER_SECOND = 50
LARGE_EVERY = 10
BEFORE, BACKUP_SECONDS_MAX = 60, 60.0
PATH = "/v1/functions/quick/invocations"


class Calls:
    """50 calls a second, every tenth with a body that is a file of its own, from a thread."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._more = threading.Condition()
        self._stop = threading.Event()
        self.accepted: list[str] = []

    def wait_more(self, number: int) -> None:
        with self._more:
            wanted = len(self.accepted) + number
            assert self._more.wait_for(lambda: len(self.accepted) >= wanted, 60)

    def _drive(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._program.port, timeout=30)
        n = 0
        while not self._stop.wait(1 / CALLS_PER_SECOND):
            n += 1
            size = 100_000 if n % LARGE_EVERY == 0 else 500
            body = json.dumps({"n": n, "pad": "x" * size})
            try:
                connection.request("POST", PATH, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                data = answer.read()
            except (OSError, http.client.HTTPException):
                return  # it was killed
            assert answer.status == 202, data
            with self._more:
                self.accepted.append(json.loads(data)["id"])
                self._more.notify_all()

    @contextmanager
    def running(self) -> Iterator[Calls]:
        thread = threading.Thread(target=self._drive)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join(60)


def thence(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "thence", *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("THENCE_")},
        capture_output=True,
        text=True,
        timeout=BACKUP_SECONDS_MAX,
        check=False,
    )


def test_a_backup_under_load_holds_all_that_was_accepted_before_and_runs_when_restored(
    make_program: Callable[..., Program], tmp_path: Path
) -> None:
    program = make_program()
    program.start()
    program.deploy("quick", QUICK, on_success="queue:done", concurrency=2)
    with Calls(program).running() as calls:
        calls.wait_more(BEFORE)
        before = list(calls.accepted)
        target = tmp_path / "backup"
        # Killed at some moment of it: none, and the next is not in its way.
        cut_off = subprocess.Popen(
            [sys.executable, "-m", "thence", "backup", str(target), "--data-dir", str(program.data)]
        )
        calls.wait_more(5)
        cut_off.send_signal(signal.SIGKILL)
        cut_off.wait(30)
        done = thence("backup", str(target), "--data-dir", str(program.data), "--json")
        if (status := done.returncode) == 2:
            # It was not killed in time: then it is whole.
            assert "there already" in done.stderr
            done = thence("verify", "--data-dir", str(target), "--json")
            status = done.returncode
        assert status == 0, done.stderr
        made = json.loads(done.stdout)
        assert made["blobs"] >= BEFORE // LARGE_EVERY and made["problems"] == []
        calls.wait_more(10)  # the service goes on
        program.kill()
    assert [item.name for item in tmp_path.glob(".backup*")] == []
    checked = thence("verify", "--data-dir", str(target), "--json")
    assert (checked.returncode, json.loads(checked.stdout)["problems"]) == (0, [])
    refused = thence("restore", str(target), "--data-dir", str(program.data))
    assert refused.returncode == 2 and "not empty" in refused.stderr
    program.data.rename(tmp_path / "lost")
    restored = thence("restore", str(target), "--data-dir", str(program.data), "--json")
    assert restored.returncode == 0, restored.stderr
    program.start()
    stats = program.until_done()
    assert stats["conservation_difference"] == 0
    assert program.terminate() == 0
    views = {format_id(view.id): view for view in afterwards.ids_of(program.data)}
    assert set(before) <= set(views)
    assert {str(view.state) for view in views.values()} == {"succeeded"}
    program.verify()


@pytest.mark.slow
def test_a_backup_of_a_large_store_ends_under_load(
    make_program: Callable[..., Program], tmp_path: Path
) -> None:
    """The one that is described in old notes begins anew with every write, and never ended."""
    program = make_program(limits_inline_bytes_max=1 << 20)
    program.start()
    program.deploy("quick", QUICK, concurrency=2)
    body = json.dumps({"n": 0, "pad": "x" * 900_000}).encode()
    for _ in range(100):
        assert program.ask("POST", PATH, body)[0] == 202
    with Calls(program).running() as calls:
        calls.wait_more(5)
        accepted = len(calls.accepted)
        done = thence("backup", str(tmp_path / "b"), "--data-dir", str(program.data), "--json")
        assert done.returncode == 0, done.stderr
        during = len(calls.accepted) - accepted
    made = json.loads(done.stdout)
    assert made["store_bytes"] > 80_000_000
    assert during > 0, "nothing was written meanwhile: the test tests nothing"
    print(f"{made['store_bytes']} bytes in {made['seconds']} s, {during} calls meanwhile")
