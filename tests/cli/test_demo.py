"""The demo's parts, and all of it as a program."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from thence.catalog.function import parse_spec
from thence.cli.demo import promises
from thence.cli.demo.archives import archives, corrupt, listing
from thence.cli.demo.functions import flaky, unzip
from thence.cli.demo.receiver import Receiver
from thence.cli.demo.scenario import functions, sends


class Context:
    """As much of a context as the demo's functions use."""

    def __init__(self, retry_count: int = 0) -> None:
        import logging

        self.retry_count = retry_count
        self.logger = logging.getLogger("demo")


@pytest.mark.parametrize("name", archives())
def test_a_sound_archive_is_unpacked_to_what_was_packed(name: str) -> None:
    archive = archives()[name]
    assert unzip.handler(archive, Context())["files"] == listing(archive)


@pytest.mark.parametrize("name", archives())
def test_a_corrupt_archive_is_found_out(name: str) -> None:
    try:
        unzip.handler(corrupt(archives()[name]), Context())
    except (zipfile.BadZipFile, zipfile.zlib.error, EOFError):  # type: ignore[attr-defined]
        return
    pytest.fail("it was unpacked")


def test_one_archive_is_large_enough_to_be_kept_as_a_file() -> None:
    assert max(map(len, archives().values())) > 64 * 1024


def test_flaky_fails_twice_by_the_count_that_it_is_told() -> None:
    event = {"order": 1, "failures": 2}
    for retries in (0, 1):
        with pytest.raises(ConnectionError):
            flaky.handler(event, Context(retries))
    assert flaky.handler(event, Context(2))["after_retries"] == 2


def test_every_function_of_the_demo_is_a_valid_one_and_is_used() -> None:
    found = functions("http://127.0.0.1:1/hook", a_secret())
    for spec in found.values():
        parse_spec({name: value for name, value in spec.items() if name != "code"})
    assert {send.function for send in sends()} == set(found)


def a_secret() -> str:
    receiver = Receiver()
    receiver.close()
    return receiver.secret


def test_the_receiver_takes_only_what_is_rightly_signed_and_is_busy_once() -> None:
    receiver = Receiver()
    try:
        body, now = b'{"a":1}', int(time.time())
        from datetime import UTC, datetime

        when = datetime.fromtimestamp(now, UTC)
        signature = Webhook(receiver.secret).sign("d-1", when, body.decode())
        headers = {
            "webhook-id": "d-1",
            "webhook-timestamp": str(now),
            "webhook-signature": signature,
        }
        assert receiver.take({**headers, "webhook-signature": "v1,AAAA"}, body) == 401
        assert receiver.take(headers, b'{"a":2}') == 401
        assert receiver.take({**headers, "webhook-timestamp": str(now - 3600)}, body) == 401
        assert receiver.take(headers, body) == 503
        assert receiver.take(headers, body) == 204
        assert (receiver.records, receiver.refused) == ({"d-1": {"a": 1}}, 3)
    finally:
        receiver.close()


def test_a_wrong_end_breaks_a_promise() -> None:
    everything = sends()
    for number, send in enumerate(everything):
        send.id = str(number)
    views: dict[str, Any] = {
        send.id: {"state": send.state, "attempts": [{"outcome": "ok"}] * send.attempts}
        for send in everything
    }
    views["0"]["state"] = "failed"
    held = {promise: held for promise, held, _ in promises._ends(everything, views)}
    assert held["everything accepted reached a final state"]
    assert not held["and it is the right one"]
    views["0"]["state"] = "running"
    held = {promise: held for promise, held, _ in promises._ends(everything, views)}
    assert not held["everything accepted reached a final state"]


@pytest.mark.slow
def test_the_demo_keeps_every_promise_and_leaves_nothing_running(
    service: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    ran = subprocess.run(
        [sys.executable, "-m", "thence", "demo", "--data-dir", str(folder)],
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Every promise held" in ran.stdout
    assert "✗ " not in ran.stdout.split("attempts:")[1].partition("\n")[2]
    assert "thence invoke hello" in ran.stdout
    assert processes_in(folder) == []


def processes_in(folder: Path) -> list[str]:
    """Command lines of processes whose working folder is there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inside = (process / "cwd").resolve().is_relative_to(folder.resolve())
            if inside:
                found.append((process / "cmdline").read_text())
        except OSError:
            continue  # it ended meanwhile, or is not ours
    return found


def test_a_folder_that_is_not_empty_is_left_alone(thence: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(json.dumps({}))
    ran = thence("demo", "--data-dir", str(tmp_path))
    assert ran.status == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
