"""The promises, checked against what the service says after everything has ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..client import Client
from ..invoke import FINAL
from .receiver import Receiver
from .scenario import FAILURES, SUCCESSES, Send

Check = tuple[str, bool, str]  # the promise, whether it held, what was seen


def check(
    client: Client, sends: list[Send], views: dict[str, dict[str, Any]], receiver: Receiver
) -> list[Check]:
    """Every promise with its evidence."""
    return [
        *_ends(sends, views),
        *_results(client, sends, views),
        *_records(client, sends, receiver),
        *_counters(client, sends),
    ]


def lost(view: dict[str, Any]) -> int:
    """Attempts that the crash cut off."""
    return sum(1 for attempt in view["attempts"] if attempt.get("outcome") == "lost")


def _ends(sends: list[Send], views: dict[str, dict[str, Any]]) -> Iterator[Check]:
    final = sum(1 for send in sends if views[send.id]["state"] in FINAL)
    yield "everything accepted reached a final state", final == len(sends), f"{final}/{len(sends)}"
    wrong = [send.label for send in sends if views[send.id]["state"] != send.state]
    yield "and it is the right one", not wrong, ", ".join(wrong) or "all as promised"
    wrong = [
        f"{send.label}: {len(views[send.id]['attempts']) - lost(views[send.id])}"
        for send in sends
        if len(views[send.id]["attempts"]) - lost(views[send.id]) != send.attempts
    ]
    yield "each took as many attempts as its retries say", not wrong, ", ".join(wrong) or "all"
    flaky = [views[send.id] for send in sends if send.function == "flaky"]
    attempts = [len(view["attempts"]) - lost(view) for view in flaky]
    yield "flaky failed twice, then succeeded", set(attempts) == {3}, f"{attempts} attempts"
    cut = [send for send in sends if lost(views[send.id])]
    yield (
        "kill -9 lost nothing: what was cut off ran again",
        any(send.function == "patient" for send in cut)
        and all(views[send.id]["state"] == send.state for send in cut),
        f"{len(cut)} cut off, all of them at their end" if cut else "nothing was cut off",
    )


def _results(
    client: Client, sends: list[Send], views: dict[str, dict[str, Any]]
) -> Iterator[Check]:
    wrong = []
    for send in sends:
        result = None
        if views[send.id]["state"] == "succeeded":
            result = client.get(f"/v1/invocations/{send.id}/result")
        if not send.result(result):
            wrong.append(send.label)
    text = ", ".join(wrong) or "names, sizes and SHA-256 of every file"
    yield "the archives were unpacked byte for byte", not wrong, text


def _records(client: Client, sends: list[Send], receiver: Receiver) -> Iterator[Check]:
    for queue, what in ((SUCCESSES, "successes"), (FAILURES, "dead ends")):
        owed = {send.id for send in sends if send.destination == f"queue:{queue}"}
        told = [record["invocation"]["id"] for record in mailbox(client, queue)]
        yield (
            f"{what} reached queue:{queue}",
            set(told) == owed,
            f"{len(set(told) & owed)}/{len(owed)} records",
        )
    owed = {send.id for send in sends if send.destination == "webhook"}
    told = [record["invocation"]["id"] for record in receiver.records.values()]
    yield (
        "the webhook got its records, rightly signed",
        set(told) == owed and not receiver.refused,
        f"{len(set(told) & owed)}/{len(owed)} records, after it had answered 503 once",
    )


def mailbox(client: Client, queue: str) -> list[dict[str, Any]]:
    """The records in a queue, which stay there."""
    return [record_of(message) for message in client.pages(f"/v1/mailbox/queue/{queue}")]


def record_of(message: dict[str, Any]) -> dict[str, Any]:
    body = message["body"]
    record: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return record


def _counters(client: Client, sends: list[Send]) -> Iterator[Check]:
    stats = client.get("/v1/stats")
    difference = stats["conservation_difference"]
    yield (
        "accepted = waiting + running + ended",
        difference == 0 and stats["accepted"] == len(sends),
        f"{stats['accepted']} accepted, difference {difference}",
    )
