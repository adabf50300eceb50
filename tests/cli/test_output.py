"""Words for numbers, and texts of others made safe."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from rich.console import Console

from thence.cli import output, progress, verify
from thence.cli.figures import size, span
from thence.cli.invocation_text import print_invocation
from thence.cli.options import SECONDS, parse_instant
from thence.cli.output import clean


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A screen of a known width, whatever an earlier test in this process had."""
    monkeypatch.setenv("COLUMNS", "200")
    output.console.cache_clear()
    output.stderr_console.cache_clear()
    yield
    output.console.cache_clear()
    output.stderr_console.cache_clear()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.35, "350 ms"),
        (4.21, "4.2 s"),
        (200, "3 m 20 s"),
        (180, "3 m"),
        (18_600, "5 h 10 m"),
        (86_400, "1 d"),
        (183_600, "2 d 3 h"),
    ],
)
def test_a_span_of_time_is_said_as_people_say_it(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


def test_sizes_are_said_in_binary_units() -> None:
    assert [size(n) for n in (None, 12, 2048, 3 << 20)] == ["", "12 B", "2.0 KiB", "3.0 MiB"]


def test_an_error_message_of_a_function_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in clean("\x1b[2Jhello\x07\x9b31m\u202e")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200), ("1.5d", 129_600), ("250ms", 0.25)],
)
def test_spans_are_read_with_and_without_units(text: str, seconds: float) -> None:
    assert SECONDS.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "5 weeks", "1e3"])
def test_what_is_no_span_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 90, 90s"):
        SECONDS.convert(text, None, None)


def test_since_takes_a_span_ago_or_an_instant() -> None:
    assert parse_instant("2h", "--since", now=7200 + 60) == "1970-01-01T00:01:00Z"
    for instant in ("2026-01-02T03:04:05Z", "2026-01-02", "1767225600000"):
        assert parse_instant(instant, "--since") == instant
    assert parse_instant(None, "--since") is None


@pytest.mark.parametrize("text", ["10:00", "yesterday", "1767225600", "5 minutes", ""])
def test_another_moment_is_refused_with_what_may_be_written(text: str) -> None:
    with pytest.raises(click.UsageError, match=r"--until .*5m, 2h, 1d"):
        parse_instant(text, "--until")


def test_what_looks_like_an_emoji_stays_as_it_was_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arn = "acs:ram::1:role/x"  # `:ram:` is the name of one
    output.print_facts({"role": arn})
    output.print_table(("role",), [(arn,)], "")
    output.print_block(arn)
    output.heading(arn)
    output.say(arn)
    output.tell_error("Refused :smile:", arn, {"field": arn})
    shown = capsys.readouterr()
    assert shown.out.count(arn) == 4
    assert shown.err.count(arn) == 3 and "Refused :smile:" in shown.err


def test_a_delivery_that_was_not_tried_yet_has_no_answer_and_no_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    due, tried = "2026-01-02T03:04:05.000Z", {"status": 500, "error": "no"}
    never = {
        "id": "d1",
        "destination": "queue:q",
        "condition": "success",
        "state": "pending",
        "attempts": [],
        "attempts_made": 0,
        "next_attempt_at": due,
    }
    names = (
        "id function qualifier version state reason why accepted_at next_attempt_at expires_at "
        "ended_at payload_bytes result_bytes redrive_of redriven_as"
    )
    view = dict.fromkeys(names.split()) | {"attempts": [], "deliveries": [never]}
    view["deliveries"].append(never | {"attempts": [tried], "attempts_made": 1})
    print_invocation(view)
    first, second = capsys.readouterr().out.rstrip().split("\n")[-2:]
    assert "none yet; due at 2026-01-02 03:04:05.000 UTC" in first and "again" not in first
    assert "500 no; again at 2026-01-02 03:04:05.000 UTC" in second


def test_json_for_programs_cannot_steer_a_terminal_either(
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = {"error": "\x1b[2J \x9b2J \u202e \x7f ümlaut"}
    output.print_line(value)
    output.print_json(value)
    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\x9b\u202e\x7f") and "ümlaut" in shown
    line, _, document = shown.partition("\n")
    assert json.loads(line) == json.loads(document) == value


def test_verify_shows_when_a_backup_was_made_as_people_read_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    verify._show(Path("b"), {"problems": [], "made_at": 1_767_323_045_678, "blobs": 2})
    said = capsys.readouterr().out
    assert "made at         2026-01-02 03:04:05 UTC" in said and "Clean" in said


@pytest.mark.parametrize("then", ["Loading its code once", ""])
def test_a_full_bar_says_what_is_waited_for(then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = io.StringIO()
    console = Console(file=seen, force_terminal=True, width=100)
    monkeypatch.setattr(progress, "stderr_console", lambda: console)
    with progress.bar("Uploading f", 3, of_bytes=True, then=then) as advance:
        advance(1)
        advance(2)
    last = seen.getvalue().rpartition("Uploading f")[2]
    assert ("Loading its code once" in last) == bool(then)
    assert ("3/3 bytes" in last) == (not then)
