"""Invocations for people: a table, and all about one: state, why it waits, attempts, deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .figures import instant, instant_utc, size, span
from .output import clean, heading, print_block, print_facts, print_table

SHORT = 60  # characters of an error that fit into the table
LATEST = "latest"


def print_invocations(invocations: list[dict[str, Any]], empty: str) -> None:
    """A table of invocations, newest first."""
    print_table(
        (
            "invocation",
            "function",
            "state",
            "reason",
            "attempts",
            "accepted (UTC)",
            "took",
            "redriven",
        ),
        [
            (
                invocation["id"],
                _with_version(invocation),
                invocation["state"],
                invocation["reason"],
                invocation["attempts_made"],
                instant(invocation["accepted_at"]),
                took(invocation),
                invocation["redriven_as"],
            )
            for invocation in invocations
        ],
        empty,
        optional=("redriven", "took", "attempts", "accepted (UTC)", "reason"),
    )


def _with_version(invocation: dict[str, Any]) -> str:
    function, version = str(invocation["function"]), invocation["version"]
    return function if version == LATEST else f"{function}@{version}"


def print_invocation(view: dict[str, Any]) -> None:
    why = view["why"] or {}
    print_facts(
        {
            "invocation": view["id"],
            "function": view["function"],
            "called as": _called(view),
            "version": view["version"] if view["version"] != LATEST else "",
            "state": view["state"],
            "reason": view["reason"],
            "it waits": why.get("text"),
            "accepted": instant_utc(view["accepted_at"]),
            "next attempt": instant_utc(view["next_attempt_at"]),
            "expires": instant_utc(view["expires_at"]) if not view["ended_at"] else "",
            "ended": instant_utc(view["ended_at"]),
            "took": took(view),
            "payload": size(view["payload_bytes"]),
            "result": size(view["result_bytes"]),
            "redrive of": view["redrive_of"],
            "redriven as": view["redriven_as"],
        }
    )
    attempts = view["attempts"]
    if attempts:
        heading("Attempts")
        print_table(
            ("attempt", "outcome", "started (UTC)", "took", "spent", "billed", "error"),
            [_attempt(attempt) for attempt in attempts],
            "",
            optional=("started (UTC)", "billed", "spent"),
            prose="error",
        )
        _print_errors(attempts)
    deliveries = view["deliveries"]
    if deliveries:
        heading("Deliveries")
        print_table(
            ("to", "for", "state", "attempts", "last answer", "id"),
            [_delivery(delivery) for delivery in deliveries],
            "",
            optional=("id", "attempts", "for"),
            prose="last answer",
        )


def _called(view: dict[str, Any]) -> str:
    """What the call named, where that is not what runs it."""
    if view["qualifier"] == view["version"]:
        return ""
    return f"{view['function']}@{view['qualifier']}"


def _attempt(attempt: dict[str, Any]) -> tuple[Any, ...]:
    outcome, started = attempt.get("outcome"), attempt.get("started_at")
    return (
        attempt["attempt"],
        outcome or "running",
        # Empty: its code never began. Of one that was lost nobody knows whether it did.
        instant(started) or ("not known" if outcome == "lost" else ""),
        # Of one that was lost nobody knows it, and what never began took none.
        span(attempt["duration_ms"] / 1000) if outcome and started else "",
        (attempt["budget"] or "").replace("_", " "),
        "yes" if attempt["billed"] else "no",
        _in_table(attempt),
    )


def _delivery(delivery: dict[str, Any]) -> tuple[Any, ...]:
    attempts = delivery["attempts"]
    last = attempts[-1] if attempts else {}
    answer = f"{last.get('status') or ''} {last.get('error') or ''}".strip()
    state = delivery["state"]
    if state == "pending" and delivery.get("next_attempt_at"):
        due = instant_utc(delivery["next_attempt_at"])
        answer += f"; again at {due}" if attempts else f"none yet; due at {due}"
    if delivery.get("reason"):
        answer = f"{delivery['reason']}: {answer}"
    return (
        delivery["destination"],
        delivery["condition"],
        state,
        delivery["attempts_made"],
        _on_one_line(answer),
        delivery["id"],
    )


def error_of(attempt: dict[str, Any]) -> str:
    """`Type: message` of an attempt, on one line, whole."""
    error = attempt.get("error") or {}
    kind, message = error.get("type") or "", error.get("message") or ""
    return _on_one_line(f"{kind}: {message}" if kind and message else kind or message)


def _in_table(attempt: dict[str, Any]) -> str:
    """The error in the table of attempts; a long one stands below it, whole."""
    text = error_of(attempt)
    return text if len(text) <= SHORT else (attempt["error"]["type"] or "long") + " (below)"


def _print_errors(attempts: list[dict[str, Any]]) -> None:
    """What the table does not hold: long errors, and tracebacks. Each once, of the last attempt that
    ended with it."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for attempt in attempts:
        stack = (attempt.get("error") or {}).get("stack") or ""
        if stack or len(error_of(attempt)) > SHORT:
            last[error_of(attempt), stack] = attempt
    for (text, stack), attempt in last.items():
        heading(f"Error of attempt {attempt['attempt']}")
        if not stack or attempt["error"]["message"] not in stack:
            print_block(text)
        if stack:
            print_block(stack)


def last_error(view: dict[str, Any]) -> str:
    """Of the last attempt that has one."""
    for attempt in reversed(view.get("attempts") or []):
        text = error_of(attempt)
        if text:
            return text
    return "no error was recorded"


def took(view: dict[str, Any]) -> str:
    """From accept to end."""
    seconds = between(view["accepted_at"], view["ended_at"])
    return "" if seconds is None else span(seconds)


def between(first: Any, second: Any) -> float | None:
    """Seconds between two instants of the service; None where one is missing."""
    if not first or not second:
        return None
    began, ended = datetime.fromisoformat(str(first)), datetime.fromisoformat(str(second))
    return (ended - began).total_seconds()


def _on_one_line(text: str) -> str:
    return clean(" ".join(text.split()))
