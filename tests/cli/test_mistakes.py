"""What people do by mistake, and what they are told: nothing false, nothing cut, no traceback."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from thence.cli import app
from thence.cli.answers import Unreachable


@pytest.mark.parametrize(
    "command",
    [
        "function show f@1", "function limit f@prod 3", "function disable f@1", "function enable f@1",
        "function delete f@1", "version publish f@1", "version ls f@1", "alias ls f@1",
        "async-config ls f@1", "delivery ls --function f@1",
        "ls --function f@1", "redrive --function f@1", "dead-letters --function f@1",
        "tail --function f@1",
    ],
)  # fmt: skip
def test_a_qualifier_where_a_function_is_meant_is_refused_as_one(thence: Any, command: str) -> None:
    ran = thence(*command.split(), "--url", "http://127.0.0.1:9")
    assert ran.status == 2
    assert "with all its versions; write f." in ran.err


@pytest.mark.parametrize(
    "command",
    [
        "function delete NAME --yes", "version delete NAME@1 --yes", "alias delete NAME@a",
        "async-config delete NAME@latest", "trigger delete NAME t",
    ],
)  # fmt: skip
@pytest.mark.parametrize("body", [b"{}", b"", b"<html>"])
def test_what_another_service_says_ok_to_is_not_told_as_deleted(
    scripted: Any, thence: Any, command: str, body: bytes
) -> None:
    scripted.answers[:] = [(200, {}, body)]
    ran = thence(*command.replace("NAME", "f").split(), "--url", scripted.url)
    assert (ran.status, ran.out) == (3, "") and "not Thence" in ran.err
    assert "deleted." not in ran.err


def test_the_answer_of_another_service_is_not_given_out_as_a_functions(
    scripted: Any, thence: Any
) -> None:
    scripted.answers[:] = [(200, {}, b'{"looks": "well"}')]
    ran = thence("invoke", "f", "--sync", "--url", scripted.url)
    assert (ran.status, ran.out) == (3, "") and "not Thence" in ran.err


@pytest.mark.parametrize("typed", ["", "perhaps\n"])
def test_where_nobody_answers_nothing_is_deleted_and_it_is_said_how(
    thence: Any, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    ran = thence("function", "delete", "f", "--url", "http://127.0.0.1:9")
    assert ran.status == 1
    assert "--yes does not ask" in ran.err and "Nothing was deleted." in ran.err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Unreachable("It broke.")])
def test_who_no_longer_waits_learns_that_the_call_goes_on(
    scripted: Any, thence: Any, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def interrupted(*_: Any) -> Any:
        raise error

    scripted.answers[:] = [(202, {}, b'{"id": "the-id"}')]
    monkeypatch.setattr("thence.cli.invoke.wait_for_end", interrupted)
    ran = thence("invoke", "f", "--wait", "--url", scripted.url)
    assert ran.status == (3 if isinstance(error, Unreachable) else app.INTERRUPTED)
    assert "the-id goes on: look later with  thence show the-id" in ran.err


def test_ctrl_c_while_a_command_is_loaded_ends_it_without_a_traceback(tmp_path: Path) -> None:
    slow = tmp_path / "click.py"
    # Whoever runs the tests in the background has the signal ignored.
    slow.write_text(
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "print('loading', flush=True)\nsignal.pause()\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "thence", "ls"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"loading\n"
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (app.INTERRUPTED, b"Interrupted.\n")


def test_what_a_redrive_was_refused_is_not_told_as_redriven_before(
    scripted: Any, thence: Any
) -> None:
    scripted.answers[:] = [
        (
            200,
            {},
            b'{"matched": 3, "redriven": 0, "skipped": 1, "invocations": [], "seconds": 0, '
            b'"errors": [{"id": "a", "detail": "It is disabled."}, {"id": "b", "detail": "Gone."}]}',
        )
    ]
    ran = thence("redrive", "--all", "--url", scripted.url)
    assert ran.status == 1
    assert "0 redriven; 2 refused; 1 skipped (redriven before)." in ran.err
    assert "No dead letter matches" not in ran.out + ran.err and "a: It is disabled." in ran.err


def test_an_empty_mailbox_is_not_told_as_one_that_never_held_anything(
    scripted: Any, thence: Any
) -> None:
    scripted.answers[:] = [(200, {}, b'{"items": []}')]
    ran = thence("mailbox", "ls", "--url", scripted.url)
    assert "The mailbox holds nothing now." in ran.out + ran.err


def test_an_address_that_is_none_is_a_wrong_command_line(
    thence: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = thence("ls", "--url", "ftp://127.0.0.1")
    assert ran.status == 2 and "is not the address of a service" in ran.err
    monkeypatch.setenv("THENCE_URL", "127.0.0.1:7")
    ran = thence("ls")
    assert "Error: A setting is not valid" in ran.err
    assert ran.status == 2 and "write it like http://127.0.0.1:7411" in ran.err


def test_a_secure_address_of_a_plain_service_says_what_to_write(scripted: Any, thence: Any) -> None:
    ran = thence("ls", "--url", scripted.url.replace("http:", "https:"))
    assert ran.status == 3 and "Write http:// where" in ran.err


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("ls functions", "The first 1 are shown"),
        ("ls invocations", "The newest 1 are shown"),
        ("dead-letters", "The newest 1 are shown"),
        ("delivery ls --state dead", "The newest 1 are shown"),
        ("version ls f", "The newest 1 are shown"),
        ("mailbox read queue/f", "The oldest 1 are shown"),
    ],
)
def test_a_list_that_ends_at_its_limit_says_so_and_to_programs_too(
    scripted: Any, thence: Any, command: str, says: str
) -> None:
    page = json.dumps({"items": [{"seq": 1}], "cursor": "more"}).encode()
    scripted.answers[:] = [(200, {}, page)]
    command = f"{command} --json --url {scripted.url}"
    ran = thence(*command.split(), "--limit", "1")
    assert (ran.status, ran.json) == (0, {"items": [{"seq": 1}]}) and says in ran.err
    scripted.answers[:] = [(200, {}, page.replace(b'"more"', b"null"))]
    ran = thence(*command.split(), "--limit", "2")
    assert (ran.status, ran.err) == (0, "")


def test_a_table_that_ends_at_its_limit_says_so(
    at_service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "4000")  # other tests' functions may have long names
    file = tmp_path / "lists.py"
    file.write_text("def handler(event, context): ...")
    for name in ("lists-1", "lists-2"):
        assert at_service("deploy", str(file), "--name", name).status == 0
    assert "The first 1 are shown" in at_service("ls", "functions", "--limit", "1").err
    assert at_service("ls", "functions", "--limit", "1000").err == ""


# ---------------------------------------------------------------- output that cannot be written


def listed(scripted: Any, shell: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`thence ls functions` of one function, in a shell that does something with its streams."""
    one = {
        "name": "f", "revision": 1, "handler": "h", "concurrency": 1, "max_retries": 1,
        "timeout_seconds": 1, "code_bytes": 1, "on_success": None, "on_failure": None,
        "disabled": "umzug ünd ☃", "limit": None,
    }  # fmt: skip
    scripted.answers[:] = [(200, {}, json.dumps({"items": [one], "cursor": None}).encode())]
    program = f"'{sys.executable}' -m thence ls functions --url {scripted.url}"
    return subprocess.run(
        ["/bin/sh", "-c", f"{program} {shell}"],
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_full_disk_behind_the_output_is_told_in_a_sentence(scripted: Any) -> None:
    for more in ("", "--json"):
        ran = listed(scripted, f"{more} > /dev/full")
        assert (ran.returncode, ran.stderr) == (
            1,
            "Error: The output could not be written: No space left on device.\n",
        )


def test_a_terminal_that_has_not_every_character_gets_them_escaped(scripted: Any) -> None:
    ran = listed(scripted, "", PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "umzug \\xfcnd \\u2603" in ran.stdout


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_do_no_harm(scripted: Any, closed: str) -> None:
    ran = listed(scripted, closed)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_first_wait_over_the_longest_is_told_with_both(at_service: Any, tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text("def handler(event, context):\n    return 1\n")
    deploy = ("deploy", str(tmp_path / "waits.py"))
    ran = at_service(*deploy, "--retry-first", "2m")
    assert ran.status == 1
    assert "retry_wait.first_seconds: 120 is longer than retry_wait.cap_seconds, 60" in ran.err
    assert "--retry-cap" in ran.err
    assert at_service(*deploy, "--retry-first", "2m", "--retry-cap", "3m").status == 0
    ran = at_service("async-config", "set", "waits@latest", "--retry-first", "61s")
    assert ran.status == 1 and "61 is longer than retry_wait.cap_seconds, 60" in ran.err


# ---------------------------------------------------------------- what was meant, and not said

UNREAD = "The call has no payload: what waits on stdin was not read; --data - takes it."


def with_stdin(scripted: Any, stdin: Any, *more: str) -> str:
    """What `thence invoke f` says aside. It must not wait for anything on its stdin."""
    scripted.answers[:] = [(202, {}, b'{"id": "the-id"}')]
    ran = subprocess.run(
        [sys.executable, "-m", "thence", "invoke", "f", "--url", scripted.url, *more],
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (0, "the-id\n")
    return ran.stderr


@pytest.mark.parametrize("ends", [True, False])
def test_a_payload_that_was_piped_in_and_not_asked_for_is_told(scripted: Any, ends: bool) -> None:
    ours, writer = os.pipe()
    os.write(writer, b'{"name": "Ada"}')
    if ends:
        os.close(writer)
    assert UNREAD in with_stdin(scripted, ours)
    assert scripted.requests[-1][3] == b""
    assert UNREAD not in with_stdin(scripted, ours, "--data", "1")
    assert os.read(ours, 100) == b'{"name": "Ada"}', "it was somebody else's"
    for descriptor in (ours,) if ends else (ours, writer):
        os.close(descriptor)


def test_a_payload_in_a_file_on_stdin_is_told_as_well(scripted: Any, tmp_path: Path) -> None:
    (tmp_path / "payload").write_text("{}")
    with (tmp_path / "payload").open() as file:
        assert UNREAD in with_stdin(scripted, file)
        file.read()  # as a shell has that reads its script from there
        assert UNREAD not in with_stdin(scripted, file)


def test_the_rest_of_a_file_that_a_loop_reads_is_not_told(scripted: Any, tmp_path: Path) -> None:
    (tmp_path / "names").write_text("one\ntwo\nthree\n")
    with (tmp_path / "names").open("rb", buffering=0) as file:
        assert file.read(4) == b"one\n"
        assert UNREAD not in with_stdin(scripted, file)
        assert file.read() == b"two\nthree\n", "it is the loop's"


def test_a_stdin_from_which_nothing_comes_is_neither_waited_for_nor_told(scripted: Any) -> None:
    """A cron job has none, a CI often a pipe that stays open and empty, a person a terminal."""
    ours, writer = os.pipe()
    master, terminal = pty.openpty()
    left, right = socket.socketpair()
    for stdin in (subprocess.DEVNULL, ours, terminal, left):
        assert UNREAD not in with_stdin(scripted, stdin)
    os.close(writer)
    assert UNREAD not in with_stdin(scripted, ours)
    for descriptor in (ours, master, terminal):
        os.close(descriptor)
    left.close()
    right.close()


def test_a_dry_run_of_ids_is_told_as_what_it_is(thence: Any) -> None:
    for more, says in (
        ("--dry-run", "--dry-run shows what a filter chooses"),
        ("--rate 0", "--rate and --limit are of a filter"),
        ("--limit 3", "--rate and --limit are of a filter"),
        ("--function f", "IDs or a filter, not both"),
        ("--all", "IDs or a filter, not both"),
    ):
        ran = thence("redrive", "an-id", *more.split(), "--url", "http://127.0.0.1:9")
        assert ran.status == 2 and says in ran.err


def test_json_that_is_nested_too_deeply_is_sent_as_it_is(
    scripted: Any, thence: Any, tmp_path: Path
) -> None:
    (tmp_path / "deep").write_bytes(b"[" * 50_000 + b"]" * 50_000)
    scripted.answers[:] = [(202, {}, b'{"id": "the-id"}')]
    ran = thence("invoke", "f", "--data", f"@{tmp_path / 'deep'}", "--url", scripted.url)
    assert (ran.status, ran.out) == (0, "the-id\n")
    assert len(scripted.requests[-1][3]) == 100_000


def test_of_several_ids_one_that_is_refused_does_not_keep_the_others(
    scripted: Any, thence: Any
) -> None:
    gone = b'{"title": "No", "status": 404, "detail": "There is no invocation two.", "code": "x"}'
    answers = [
        (200, {}, b'{"id": "one-again", "replayed": false}'),
        (404, {}, gone),
        (200, {}, b'{"id": "three-again", "replayed": true}'),
    ]
    scripted.answers[:] = answers
    ran = thence("redrive", "one", "two", "three", "--url", scripted.url)
    assert (ran.status, ran.out) == (1, "one-again\nthree-again\n")
    assert "There is no invocation two." in ran.err and "2 of 3 are redriven" in ran.err
    scripted.answers[:] = [answers[0], (503, {}, gone.replace(b"404", b"503")), answers[2]]
    ran = thence("redrive", "one", "two", "three", "--json", "--url", scripted.url)
    assert ran.status == 3 and [item["id"] for item in ran.json["items"]] == ["one-again"]
    scripted.answers[:] = answers
    ran = thence("redrive", "one", "two", "three", "--json", "--url", scripted.url)
    assert ran.status == 1
    assert [item["id"] for item in ran.json["items"]] == ["one-again", "three-again"]
    scripted.answers[:] = [(503, {}, gone.replace(b"404", b"503"))]
    assert thence("redrive", "one", "two", "--url", scripted.url).status == 3, "none is asked now"


def test_who_deploys_while_a_function_is_held_back_is_told(at_service: Any, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def handler(event, context):\n    return 1\n")
    ran = at_service("deploy", str(tmp_path / "main.py"))
    assert ran.status == 0 and "state" not in ran.out
    assert "called 'main' as its file is, and so is every other main.py" in ran.err
    deploy = ("deploy", str(tmp_path), "--name", "held-back")
    ran = at_service(*deploy)
    assert ran.status == 0 and "every other" not in ran.err and "state" not in ran.out
    at_service("function", "limit", "held-back", "0")
    assert "paused (limit 0)" in at_service(*deploy).out
    ran = at_service("invoke", "held-back", "--wait", "--for", "1ms")
    assert ran.status == 1
    assert "is queued after 1.0 ms: paused: the limit of all versions is 0. Look" in ran.err
    at_service("function", "disable", "held-back", "--reason", "it moves")
    assert "disabled: it moves" in at_service(*deploy).out
    for name in ("main", "held-back"):
        assert at_service("function", "delete", name, "--yes").status == 0


def test_an_object_of_a_bucket_written_as_a_box_is_told_how_to_be_had(thence: Any) -> None:
    ran = thence("mailbox", "read", "bucket/reports/2026/a.json", "--url", "http://127.0.0.1:9")
    assert ran.status == 2
    assert "thence mailbox read bucket/reports --prefix 2026/a.json" in ran.err


BOX = b'{"items": [{"kind": "queue", "name": "dead"}], "cursor": null}'
EMPTY = b'{"items": [], "cursor": null}'


@pytest.mark.parametrize("command", ["read BOX", "receive BOX", "delete BOX all"])
def test_a_box_that_is_not_there_is_not_told_as_an_empty_one(
    scripted: Any, thence: Any, command: str
) -> None:
    nothing = b'{"deleted": 0}' if "delete" in command else EMPTY
    scripted.answers[:] = [(200, {}, nothing), (200, {}, BOX)]
    ran = thence("mailbox", *command.replace("BOX", "queue/daed").split(), "--url", scripted.url)
    assert ran.status == 0 and "There is no queue/daed now" in ran.err
    assert "There are queue/dead." in ran.err
    scripted.answers[:] = [(200, {}, nothing), (200, {}, BOX)]
    ran = thence("mailbox", *command.replace("BOX", "queue/dead").split(), "--url", scripted.url)
    assert ran.status == 0 and "There is no queue" not in ran.err
    scripted.answers[:] = [(200, {}, nothing), (200, {}, EMPTY)]
    ran = thence("mailbox", *command.replace("BOX", "queue/dead").split(), "--url", scripted.url)
    assert "There are no boxes." in ran.err
