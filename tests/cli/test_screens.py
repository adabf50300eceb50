"""What people see: whole errors, tracebacks, what holds a function back, what a deployment changed."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import KEY_ID, KEY_SECRET

from thence.cli import invocation_text, output

ADVICE = "and here, at the very end, is what to do about it"
LONG = f"""
def handler(event, context):
    def inner():
        raise ValueError("it went wrong, " * 20 + {ADVICE!r})
    inner()
"""


@pytest.fixture(autouse=True)
def fresh_console() -> Iterator[None]:
    output.console.cache_clear()
    output.stderr_console.cache_clear()
    yield
    output.console.cache_clear()
    output.stderr_console.cache_clear()


def deploy(at_service: Any, folder: Path, name: str, code: str, *options: str) -> Any:
    (folder / "main.py").write_text(code)
    return at_service("deploy", str(folder), "--name", name, *options)


def in_terminal(service: Any, columns: int, *command: str) -> str:
    """What a terminal of that width gets, on both of its streams, as one text without line ends."""
    master, slave = pty.openpty()
    environment = service.environment | {
        "THENCE_URL": service.url,
        "THENCE_ROOT_ACCESS_KEY_ID": KEY_ID,
        "THENCE_ROOT_ACCESS_KEY_SECRET": KEY_SECRET,
        "COLUMNS": str(columns),
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "thence", *command],
        env=environment, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    found = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:
            break  # the other end is closed
        if not data:
            break
        found += data
    os.close(master)
    process.wait(30)
    return " ".join(found.decode().split())


def test_an_error_is_whole_at_every_width_and_has_its_traceback(
    at_service: Any, service: Any, tmp_path: Path
) -> None:
    assert deploy(at_service, tmp_path, "long", LONG, "--retries", "0").status == 0
    ran = at_service("invoke", "long", "--wait")
    assert ran.status == 1 and ADVICE in ran.err
    id = at_service("ls", "--function", "long", "--json").json["items"][0]["id"]
    for shown in (
        at_service("show", id).out,
        in_terminal(service, 60, "show", id),
        in_terminal(service, 160, "show", id),
    ):
        assert ADVICE in shown and "in inner" in shown and "in handler" in shown
    assert "started (UTC)" in in_terminal(service, 160, "show", id)
    assert "Left out, for want of width: started (UTC)" in in_terminal(service, 60, "show", id)


def test_a_refusal_is_whole_in_a_narrow_terminal(service: Any) -> None:
    shown = in_terminal(service, 40, "function", "show", "nosuch")
    assert (
        "There is no function 'nosuch'. Deploy it first, or see 'thence ls functions' "
        "(GET /v1/functions)."
    ) in shown


STEERS = """
def handler(event, context):
    print("red \\x1b[31m bell \\x07 \\x9b2J")
    return b"\\x1b[2J"
"""


def test_what_a_function_wrote_cannot_steer_a_terminal_and_is_as_it_was_in_a_pipe(
    at_service: Any, service: Any, tmp_path: Path
) -> None:
    assert deploy(at_service, tmp_path, "steers", STEERS, "--event", "bytes").status == 0
    id = at_service("invoke", "steers", "--data", "\x1b[2J", "--wait", "--json").json["id"]
    wrote = {
        "--log": "red \x1b[31m bell \x07 \x9b2J",
        "--payload": "\x1b[2J",
        "--result": "\x1b[2J",
    }
    for part, written in wrote.items():
        assert at_service("show", id, part).out.strip() == written
        shown = in_terminal(service, 200, "show", id, part)
        assert "2J" in shown and not set(shown) & set("\x1b\x07\x9b")


def test_what_is_in_a_box_cannot_steer_a_terminal(
    at_service: Any, service: Any, tmp_path: Path
) -> None:
    code = "def handler(event, context):\n    return '\\x9b2J \\u202e \\x1b \\xfcmlaut'\n"
    ran = deploy(at_service, tmp_path, "boxed", code, "--on-success", "queue:steering")
    assert ran.status == 0
    assert at_service("invoke", "boxed", "--wait").status == 0
    shown = in_terminal(service, 200, "mailbox", "read", "queue/steering")
    assert "\\u009b2J \\u202e \\u001b ümlaut" in shown
    assert not set(shown) & set("\x1b\x9b\u202e")
    at_service("mailbox", "delete", "queue/steering", "all")


def test_what_holds_a_function_back_is_shown(at_service: Any, tmp_path: Path) -> None:
    deploy(at_service, tmp_path, "held", "def handler(e, c): ...", "--env", "TOKEN=hush")
    listed = lambda: at_service("ls", "functions", "--limit", "1000").out  # noqa: E731
    assert "takes calls" in at_service("function", "show", "held").out
    at_service("function", "limit", "held", "3")
    assert (
        "limited to 3" in at_service("function", "show", "held").out and "limited to 3" in listed()
    )
    paused = at_service("function", "limit", "held", "0")
    assert "is paused" in paused.err and "thence function limit held none" in paused.err
    assert "paused (limit 0)" in at_service("function", "show", "held").out and "paused" in listed()
    at_service("function", "disable", "held", "--reason", "the database is moved")
    shown = at_service("function", "show", "held")
    assert "disabled: the database is moved" in shown.out and "disabled" in listed()
    assert "TOKEN" in shown.out and "hush" not in shown.out
    found = at_service("function", "show", "held", "--json").json
    assert (found["limit"], found["disabled"]) == (0, "the database is moved")
    at_service("function", "delete", "held", "--yes")


def test_a_deployment_shows_what_changed_and_what_was_only_reset(
    at_service: Any, tmp_path: Path
) -> None:
    code = "def handler(e, c): ..."
    first = deploy(
        at_service, tmp_path, "redone", code, "--timeout", "5m", "--retries", "7", "--env", "K=hush"
    )
    assert first.status == 0 and "Changed" not in first.out
    ran = deploy(at_service, tmp_path, "redone", code, "--retries", "2", "--retry-first", "5s")
    for line in ("timeout_seconds 300 -> 60 (reset)", "max_retries 7 -> 2",
                 "retry_wait first_seconds 1 -> 5", "environment.K removed (reset)"):  # fmt: skip
        assert line in " ".join(ran.out.split()), ran.out
    assert "Reset to the default" in ran.err and "timeout_seconds, environment.K" in ran.err
    assert "hush" not in ran.out + ran.err
    again = deploy(at_service, tmp_path, "redone", code, "--retries", "2", "--retry-first", "5s")
    assert "Changed" not in again.out
    at_service("function", "delete", "redone", "--yes")


def test_code_that_cannot_be_loaded_is_refused_with_its_traceback_unless_asked(
    at_service: Any, tmp_path: Path
) -> None:
    code = "x = 1\nimport no_such_thing\ndef handler(e, c): ..."
    ran = deploy(at_service, tmp_path, "broken", code)
    assert ran.status == 1 and "code: code_not_loaded" in ran.err
    assert "no_such_thing" in ran.err and "line 2" in ran.err and "pip install" in ran.err
    assert deploy(at_service, tmp_path, "broken", code, "--no-check").status == 0
    at_service("function", "delete", "broken", "--yes")


def test_a_warning_is_said(at_service: Any, tmp_path: Path) -> None:
    ran = deploy(
        at_service, tmp_path, "warned", "def handler(e, c): ...", "--on-failure", "function:nosuch"
    )
    assert ran.status == 0 and "Warning: on_failure: there is no function 'nosuch'" in ran.err
    at_service("function", "delete", "warned", "--yes")


def test_a_refused_field_is_told_with_its_file(at_service: Any, tmp_path: Path) -> None:
    file = tmp_path / "thence.function.toml"
    file.write_text("tiemout_seconds = 5\nmax_retries = 99\n")
    ran = deploy(at_service, tmp_path, "slip", "def handler(e, c): ...")
    assert f"{file}: tiemout_seconds" in ran.err and "did you mean timeout_seconds?" in ran.err
    file.write_text("max_retries = 1\n")
    ran = deploy(at_service, tmp_path, "slip", "def handler(e, c): ...", "--retries", "99")
    assert ran.status == 1 and str(file) not in ran.err  # the option says it


def test_no_is_an_answer(at_service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(at_service, tmp_path, "kept", "def handler(e, c): ...")
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    ran = at_service("function", "delete", "kept")
    assert ran.status == 1 and "Nothing was deleted." in ran.err and "Interrupted" not in ran.err
    assert at_service("function", "show", "kept").status == 0
    at_service("function", "delete", "kept", "--yes")


def test_the_settings_are_those_of_the_service(
    at_service: Any, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THENCE_LOG_LEVEL", "debug")  # of this shell
    ran = at_service("config", "--json")
    found = {item["name"]: item["value"] for item in ran.json["items"]}
    assert found["log_level"] == "info" and found["data_dir"] == str(service.data)
    assert found["root_access_key_secret"] == "…" and KEY_SECRET not in ran.out
    table = at_service("config")
    assert str(service.data) in table.out and service.url in table.err
    local = at_service("config", "--local", "--json").json["items"]
    assert next(setting["value"] for setting in local if setting["name"] == "log_level") == "debug"


def test_what_a_synchronous_call_failed_with_is_told_with_its_traceback(
    at_service: Any, tmp_path: Path
) -> None:
    deploy(at_service, tmp_path, "sync", LONG)
    ran = at_service("invoke", "sync", "--sync")
    assert ran.status == 1 and "in inner" in ran.err and ADVICE in ran.err
    assert json.loads(at_service("stats", "--json").out)["accepted"] >= 0
    at_service("function", "delete", "sync", "--yes")


@pytest.mark.parametrize(
    ("outcome", "started_at", "started", "took"),
    [
        ("ok", "2026-11-28T10:00:00.000Z", "2026-11-28 10:00:00.000", "2.0 s"),
        ("lost", None, "not known", ""),
        ("no_resources", None, "", ""),
        (None, "2026-11-28T10:00:00.000Z", "2026-11-28 10:00:00.000", ""),
    ],
)
def test_what_an_attempt_took_is_shown_where_it_is_known(
    outcome: str | None, started_at: str | None, started: str, took: str
) -> None:
    """A lost one had taken "0 ms", and looked as if it had never begun."""
    attempt = {"attempt": 1, "outcome": outcome, "started_at": started_at, "budget": None}
    attempt |= {"duration_ms": 2000 if outcome == "ok" else 0, "billed": False, "error": None}
    assert invocation_text._attempt(attempt)[2:4] == (started, took)
