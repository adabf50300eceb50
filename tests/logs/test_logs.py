"""The log: which notices make which lines, in both formats, and what never stands in one."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from thence import notices as all_notices
from thence.lifecycle.ids import format_id
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import Reason, State
from thence.logs import LINES, log_notices, set_up
from thence.notices import (
    AttemptLost,
    AttemptStarted,
    Committed,
    DeliveryAttempted,
    DeliveryEnded,
    InstanceEnded,
    InvocationRetrying,
    InvocationSettled,
    LoopFailed,
    NodeDraining,
    NodeStarted,
    NodeStopped,
    Notice,
    Notices,
    StoreBack,
    StoreLost,
)

ID = 0x018F0000_0000_7000_8000_000000000001


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Log:
    def __init__(self, level: str = "debug", format: str = "json") -> None:
        self.stream = io.StringIO()
        self.logger = set_up(level, format, self.stream)
        self.notices = Notices()
        self.stop = log_notices(self.notices, self.logger, level)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(text) for text in self.stream.getvalue().splitlines()]


def settled(state: State, reason: Reason) -> InvocationSettled:
    return InvocationSettled(ID, "unzip", state, reason, 4)


def ended(state: str) -> DeliveryEnded:
    return DeliveryEnded(ID + 1, ID, "unzip", "queue:done", state, "rejected")


def test_every_notice_has_a_line_but_the_group_commit() -> None:
    kinds = {
        kind
        for kind in vars(all_notices).values()
        if isinstance(kind, type) and issubclass(kind, Notice) and kind is not Notice
    }
    assert kinds - set(LINES) == {Committed}


@pytest.mark.parametrize(
    ("notice", "level", "event"),
    [
        (NodeStarted("n", 3), "info", "node started"),
        (NodeDraining("n"), "info", "node draining"),
        (NodeStopped("n", 2), "info", "node stopped"),
        (StoreLost("disk full"), "error", "store lost"),
        (StoreBack(2.5), "warning", "store back"),
        (LoopFailed("rescue", "OSError"), "error", "a round of a loop failed"),
        (AttemptLost(ID, "f", 2), "warning", "attempt lost"),
        (AttemptStarted(ID, "f", 1, 0), "debug", "attempt started"),
        (settled(State.SUCCEEDED, Reason.OK), "debug", "invocation settled"),
        (settled(State.STOPPED, Reason.STOPPED_BY_CALLER), "debug", "invocation settled"),
        (settled(State.FAILED, Reason.RETRIES_EXHAUSTED), "info", "invocation is a dead letter"),
        (settled(State.EXPIRED, Reason.EVENT_AGE_EXCEEDED), "info", "invocation is a dead letter"),
        (settled(State.FAILED, Reason.SUSPECTED_POISON), "error", "invocation quarantined"),
        (ended("delivered"), "debug", "delivery ended"),
        (ended("dead"), "warning", "delivery is a dead letter"),
        (InstanceEnded("f", "i1", "idle"), "debug", "instance ended"),
        (InstanceEnded("f", "i1", "out_of_memory"), "info", "instance ended"),
    ],
)
def test_a_notice_is_one_line_at_its_level(notice: Notice, level: str, event: str) -> None:
    log = Log()
    log.notices.publish(notice)
    [line] = log.lines()
    assert line["level"] == level
    assert str(line["event"]).startswith(event)
    assert line["logger"] == "thence"
    assert str(line["timestamp"]).endswith("Z")


def test_ids_and_instants_are_shown_as_at_the_doors() -> None:
    log = Log()
    log.notices.publish(InvocationRetrying(ID, "f", 1, Outcome.TIMED_OUT, 1_700_000_000_123))
    log.notices.publish(DeliveryAttempted(ID + 1, ID, "f", "https://h/p", 2, 503, "busy"))
    retrying, attempted = log.lines()
    assert retrying["invocation"] == format_id(ID)
    assert retrying["due_at"] == "2023-11-14T22:13:20.123Z"
    assert retrying["outcome"] == "timed_out"
    assert attempted["delivery"] == format_id(ID + 1)
    assert attempted["invocation"] == format_id(ID)
    assert attempted["status"] == 503


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_below_the_level_nothing_is_written_or_even_asked_for(level: str) -> None:
    log = Log(level)
    assert not log.notices.wanted(AttemptStarted)
    log.notices.publish(AttemptStarted(ID, "f", 1, 0))
    log.notices.publish(settled(State.SUCCEEDED, Reason.OK))
    assert log.lines() == []
    log.notices.publish(settled(State.FAILED, Reason.SUSPECTED_POISON))
    log.notices.publish(settled(State.FAILED, Reason.RETRIES_EXHAUSTED))
    assert len(log.lines()) == (2 if level == "info" else 1)


def test_after_stop_nothing_is_written() -> None:
    log = Log()
    log.stop()
    log.notices.publish(NodeStarted("n", 1))
    assert log.lines() == []


def test_the_console_format_is_text_with_the_facts() -> None:
    log = Log(format="console")
    log.notices.publish(AttemptLost(ID, "unzip", 2))
    text = log.stream.getvalue()
    assert "attempt lost" in text
    assert "unzip" in text
    assert text.count("\n") == 1
    assert "\x1b" not in text  # colours are for terminals


@pytest.mark.parametrize("format", ["json", "console"])
def test_lines_of_libraries_and_tracebacks_come_in_the_same_format(format: str) -> None:
    log = Log("info", format)

    def fail(payload: str) -> None:
        raise ValueError("it broke")

    try:
        fail("top-secret-payload")
    except ValueError:
        logging.getLogger("thence.notices").exception("a handler failed", extra={"n": 1})
    text = log.stream.getvalue()
    assert "a handler failed" in text
    assert "ValueError: it broke" in text
    # The values of variables are not part of a traceback: they may be a caller's data.
    assert text.count("top-secret-payload") == 1  # the source line itself
    if format == "json":
        assert log.lines()[0]["logger"] == "thence.notices"


def test_a_second_set_up_replaces_the_first() -> None:
    first, second = Log(), Log()
    second.notices.publish(NodeStarted("n", 1))
    logging.getLogger("x").warning("once")
    assert first.lines() == []
    assert len(second.lines()) == 2


def test_importing_the_module_does_not_import_structlog() -> None:
    code = "import thence.logs, sys; sys.exit('structlog' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("format", ["console", "json"])
def test_what_others_sent_cannot_forge_a_line_or_tell_a_terminal_anything(format: str) -> None:
    log = Log(format=format)
    evil = "/a\r\nforged\x1b[2J\x00\u2028\x9b\ud800"
    logging.getLogger("thence.api").warning("%s failed", evil)
    log.logger.warning("it failed", path=evil)
    try:
        raise ValueError(evil)
    except ValueError:
        logging.getLogger("thence.api").exception("%s failed", evil)
    said = log.stream.getvalue()
    assert said.count("failed") >= 3
    lines = said.split("\n")
    assert all(line.isprintable() for line in lines), said
    # Only a traceback has lines of its own, and those do not begin as the log's own do.
    begun = [line for line in lines if line.startswith(("{", "20"))]
    assert len(begun) == 3 and not any(line.startswith("forged") for line in lines[:3])
