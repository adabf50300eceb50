"""Numbers: where everything is, and deliveries by the minute; and the metrics for Prometheus."""

from __future__ import annotations

import asyncio

from msgspec import Struct
from msgspec.structs import asdict
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from ...clock import iso
from ...engine.stats import Stats
from ...store.records import FunctionCounts, MinuteCount
from ..metrics.minutes import MINUTE_MS, by_period
from ..shared.answer import COMMON, answer
from ..shared.rest.call import Call
from ..shared.unread import reserve

DAY_MS = 86_400_000


class FunctionStats(Struct, kw_only=True):
    """Now: waiting, delayed (of these: not due yet), running, deliveries_pending. Since the store
    was made: the others."""

    function: str
    waiting: int
    delayed: int
    running: int
    oldest_due_at: str | None
    oldest_age_seconds: float | None
    accepted: int
    succeeded: int
    failed: int
    stopped: int
    expired: int
    invalid: int
    deliveries_pending: int
    deliveries_delivered: int
    deliveries_dead: int


class StatsAnswer(Struct, kw_only=True):
    """The same over all functions. `conservation_difference` = accepted - (waiting + running +
    every final state), from one snapshot; it must be 0."""

    at: str | None
    waiting: int
    running: int
    oldest_due_at: str | None
    oldest_age_seconds: float | None
    accepted: int
    succeeded: int
    failed: int
    stopped: int
    expired: int
    invalid: int
    conservation_difference: int
    functions: list[FunctionStats]


class MinuteShown(Struct):
    """How deliveries of one function ended within one minute."""

    minute: str | None
    function: str
    delivered: int
    dead: int


class MinutesAnswer(Struct):
    """In the order of time and name; minutes without an ending are left out."""

    items: list[MinuteShown]


async def stats(call: Call) -> Response:
    found = await call.context.engine.stats()
    # In a thread: with ten thousand functions it takes a tenth of a second.
    return await asyncio.to_thread(_answer, found, call.context.clock.now())


def _answer(found: Stats, now: int) -> Response:
    return answer(
        StatsAnswer(
            at=iso(now),
            waiting=found.waiting,
            running=found.running,
            oldest_due_at=iso(found.oldest_due_at),
            oldest_age_seconds=_age(found.oldest_due_at, now),
            accepted=found.accepted,
            succeeded=found.succeeded,
            failed=found.failed,
            stopped=found.stopped,
            expired=found.expired,
            invalid=found.invalid,
            conservation_difference=found.conservation_difference,
            functions=[_function(counts, now) for counts in found.functions],
        )
    )


def _function(counts: FunctionCounts, now: int) -> FunctionStats:
    fields = asdict(counts)
    del fields["function_id"]
    fields["oldest_due_at"] = iso(counts.oldest_due_at)
    return FunctionStats(oldest_age_seconds=_age(counts.oldest_due_at, now), **fields)


def _age(since: int | None, now: int) -> float | None:
    return None if since is None else max(0, now - since) / 1000


async def deliveries(call: Call) -> Response:
    query, now = call.query, call.context.clock.now()
    since = now - DAY_MS if query["since"] is None else query["since"]
    until = now + MINUTE_MS if query["until"] is None else query["until"]
    counts: list[MinuteCount] = []
    for metric in ("deliveries_delivered", "deliveries_dead"):
        counts += await call.context.engine.minutes.read(
            since - since % MINUTE_MS, until, function=query["function"], metric=metric
        )
    return answer(
        MinutesAnswer(
            [
                MinuteShown(
                    iso(at),
                    function,
                    round(values.get("deliveries_delivered", 0)),
                    round(values.get("deliveries_dead", 0)),
                )
                for (at, function), values in by_period(counts).items()
            ]
        )
    )


async def metrics(call: Call) -> Response:
    data = await call.context.metrics.exposition()
    reserve(len(data), spare=True)
    return Response(data, 200, {**COMMON, "content-type": CONTENT_TYPE_LATEST})
