"""The log: one line for each notice worth one, as text for people or JSON for programs.

Payloads, results and secrets are never logged: notices do not hold them. Every line has the event
as a fixed sentence and its facts as fields, so that a program can filter by either. structlog is
imported when logging is set up and not before, because the command line must start quickly.

What others sent stands in no line as it came: control characters are written as escapes, so that no
line can be forged, and no terminal be told anything.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

import msgspec

from .clock import iso
from .lifecycle.ids import format_id
from .lifecycle.states import DEAD, Reason, State
from .notices import (
    AttemptEnded,
    AttemptLost,
    AttemptStarted,
    ClockAstray,
    ClockRight,
    DeliveryAttempted,
    DeliveryEnded,
    FilesUnused,
    FunctionChanged,
    InstanceEnded,
    InstanceStarted,
    InvocationAccepted,
    InvocationRetrying,
    InvocationSettled,
    InvocationThrottled,
    LateAnswerDropped,
    LoopFailed,
    NodeDraining,
    NodeStarted,
    NodeStopped,
    Notice,
    Notices,
    StoreBack,
    StoreHit,
    StoreLogLong,
    StoreLost,
    StoreMoved,
    TriggerFailed,
    TriggerFired,
    TriggerRecovered,
    TriggerRefused,
)

# What every kind of notice is logged as. Those of each invocation are for debugging only: at full
# speed they would be most of the work. Committed is for metrics and the event stream, not a line.
LINES: dict[type[Notice], tuple[int, str]] = {
    NodeStarted: (logging.INFO, "node started"),
    NodeDraining: (logging.INFO, "node draining"),
    NodeStopped: (logging.INFO, "node stopped: what waits goes on with the next start"),
    FunctionChanged: (logging.INFO, "function changed"),
    StoreLost: (logging.ERROR, "store lost: nothing is accepted until it is back"),
    StoreHit: (logging.CRITICAL, "store damaged: nothing is accepted any more"),
    StoreMoved: (
        logging.CRITICAL,
        "files of the store were deleted or replaced while it is in use: restart the service, and let "
        "no other program open them before",
    ),
    StoreLogLong: (
        logging.WARNING,
        "the write-ahead log grows: another program keeps store.db open and reads; close it",
    ),
    StoreBack: (logging.WARNING, "store back"),
    FilesUnused: (logging.INFO, "files that nothing uses: removed once they are so for kept_days"),
    ClockAstray: (
        logging.WARNING,
        "the machine's clock was set or is wrong: service time goes on and nears it slowly",
    ),
    ClockRight: (logging.INFO, "service time is where the machine's clock is"),
    LoopFailed: (logging.ERROR, "a round of a loop failed: it goes on"),
    AttemptLost: (logging.WARNING, "attempt lost"),
    LateAnswerDropped: (
        logging.WARNING,
        "late answer dropped: another attempt owns the invocation",
    ),
    DeliveryEnded: (logging.DEBUG, "delivery ended"),
    TriggerFailed: (logging.WARNING, "trigger failed: it is tried again until it works"),
    TriggerRecovered: (logging.INFO, "trigger works again"),
    TriggerRefused: (logging.ERROR, "firing refused: it can never be accepted and is left behind"),
    TriggerFired: (logging.DEBUG, "trigger fired"),
    InvocationAccepted: (logging.DEBUG, "invocation accepted"),
    InvocationThrottled: (logging.DEBUG, "invocation throttled"),
    AttemptStarted: (logging.DEBUG, "attempt started"),
    AttemptEnded: (logging.DEBUG, "attempt ended"),
    InvocationRetrying: (logging.DEBUG, "invocation retrying"),
    InvocationSettled: (logging.DEBUG, "invocation settled"),
    DeliveryAttempted: (logging.DEBUG, "delivery attempted"),
    InstanceStarted: (logging.DEBUG, "instance started"),
    InstanceEnded: (logging.DEBUG, "instance ended"),
}
# Ends of instances that somebody should look at.
ODD_ENDS = frozenset({"timed_out", "crashed", "out_of_memory"})
_INSTANTS = frozenset({"due_at"})


def set_up(level: str = "info", format: str = "console", stream: IO[str] | None = None) -> Any:
    """Send this program's log, and that of the libraries in it, to `stream` (stderr by default).

    level: debug, info, warning or error. format: console or json (one object a line with
    `timestamp`, `level`, `logger`, `event` and the facts). Returns the program's structlog logger.
    A second call replaces the first.
    """
    import structlog

    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(structlog, format, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("uvicorn.access", "aiohttp.access", "asyncio"):
        # A line for each request would cost more than the request.
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    return structlog.get_logger("thence")


def _renderers(structlog: Any, format: str, stream: IO[str]) -> list[Any]:
    if format == "json":
        return [
            structlog.processors.format_exc_info,
            _encodable,
            structlog.processors.JSONRenderer(serializer=_json, sort_keys=False),
        ]

    # Plain tracebacks: the decorated ones print local variables, and those may hold a payload.
    def plain(out: Any, exc_info: Any) -> None:
        text = io.StringIO()
        structlog.dev.plain_traceback(text, exc_info)
        out.write(_LINE_CONTROL.sub(_escape, text.getvalue()))

    colours = stream.isatty()
    return [_escaped, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)]


_UNESCAPED = re.compile(r"[\x7f-\x9f\u2028\u2029]")  # by JSON, which need not
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _encodable(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor: every text of the line as UTF-8 can hold it; JSON escapes the rest."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = value.encode("utf-8", "backslashreplace").decode()
    return event


def _escaped(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A structlog processor: every text of the line without control characters."""
    for name, value in event.items():
        if isinstance(value, str) and name != "exception" and not value.isprintable():
            event[name] = _CONTROL.sub(_escape, value)
    return event


def _json(value: Any, **_: Any) -> str:
    text = msgspec.json.encode(value, enc_hook=str).decode()
    return _UNESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def log_notices(notices: Notices, logger: Any, level: str = "info") -> Callable[[], None]:
    """Write a line for every notice of LINES that can reach `level`; the answer stops it.

    Kinds below the level are not subscribed to, so that the hot path makes no notice for a line
    that nobody sees.
    """
    lowest = logging.getLevelNamesMapping()[level.upper()]
    ends: list[Callable[[], None]] = []

    def write(notice: Notice) -> None:
        at, event = line(notice)
        if at >= lowest:
            logger.log(at, event, **facts(notice))

    def write_settled(notice: InvocationSettled) -> None:
        # One comes with every invocation, and nearly all of them are of no interest.
        if notice.state is not State.SUCCEEDED:
            write(notice)

    for kind, (at, _) in LINES.items():
        if max(at, _highest(kind)) >= lowest:
            writer: Callable[[Any], None] = write
            if kind is InvocationSettled and at < lowest:
                writer = write_settled
            ends.append(notices.on(kind, writer))

    def stop() -> None:
        for end in ends:
            end()

    return stop


def line(notice: Notice) -> tuple[int, str]:
    """The level and the sentence of a notice: dead ends weigh more than good ones."""
    level, event = LINES[type(notice)]
    if isinstance(notice, InvocationSettled) and notice.reason is Reason.SUSPECTED_POISON:
        return logging.ERROR, "invocation quarantined: its attempts were lost too often"
    if isinstance(notice, InvocationSettled) and notice.state in DEAD:
        return logging.INFO, "invocation is a dead letter"
    if isinstance(notice, DeliveryEnded) and notice.state == "dead":
        return logging.WARNING, "delivery is a dead letter"
    if isinstance(notice, InstanceEnded) and notice.reason in ODD_ENDS:
        return logging.INFO, event
    return level, event


def _highest(kind: type[Notice]) -> int:
    """The highest level that `line` may raise a kind to."""
    raised: Mapping[type[Notice], int] = {
        InvocationSettled: logging.ERROR,
        DeliveryEnded: logging.WARNING,
        InstanceEnded: logging.INFO,
    }
    return raised.get(kind, logging.NOTSET)


def facts(notice: Notice) -> dict[str, Any]:
    """The fields of a notice in words: ids as text, instants as ISO 8601."""
    shown: dict[str, Any] = {}
    for name in notice.__struct_fields__:
        value = getattr(notice, name)
        if name == "id" and isinstance(notice, (DeliveryAttempted, DeliveryEnded)):
            shown["delivery"] = format_id(value)
        elif name in ("id", "invocation"):
            shown["invocation"] = format_id(value)
        elif name in _INSTANTS:
            shown[name] = iso(value)
        else:
            shown[name] = str(value) if isinstance(value, str) else value
    return shown
