"""The metrics of functions (reference 14.3), and those of the queue that the vendor lacks.

Each is a list of {timestamp (ms), value}, one for each minute of the period, for each hour where it is
longer than a day; -1 is no data. An asynchronous request counts when it is executed, once for each
execution. They are made of the counts that the engine keeps of every minute for 31 days.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

from starlette.responses import Response

from ...lifecycle.outcome import Outcome
from ...store.records import MinuteCount
from ..metrics.measures import (
    FUNCTION_ERRORS,
    Measure,
    Values,
    attempts,
    averaged,
    counted,
    seen,
)
from ..metrics.minutes import ATTEMPTS, HOUR_MS, MINUTE_MS, by_period
from ..shared.answer import answer
from .call import Call
from .errors import FssError, invalid
from .found import row
from .route import Route
from .urn import Urn, has_urn, name_of, read, write

NO_DATA = -1.0
PERIOD_MAX = 31 * 24 * 60  # minutes
FINE_MAX = 24 * 60  # a longer period has a value an hour
PERIOD_DEFAULT = 60
TOP_MAX = 500

_SYSTEM = (Outcome.PLATFORM_ERROR, Outcome.NO_RESOURCES, Outcome.LOST, Outcome.DRAINED)

METRICS: dict[str, Measure] = {
    "count": attempts(Outcome.OK, *FUNCTION_ERRORS, *_SYSTEM, Outcome.STOPPED),
    "duration": averaged("duration_ms", "executions"),
    "max_duration": seen("duration_ms_max"),
    "min_duration": seen("duration_ms_min"),
    "fail_count": attempts(*FUNCTION_ERRORS, *_SYSTEM),
    "function_error_count": attempts(*FUNCTION_ERRORS),
    "system_error_count": attempts(*_SYSTEM),
    "reject_count": counted(ATTEMPTS[Outcome.THROTTLED], "failed_concurrency_limit"),
    "concurrency_num": counted("running_max"),
    "instance_num": counted("instances_max"),
    "reserved_instance_num": lambda values: 0.0,  # instances are never reserved here
    # The queue, which the vendor has no metric for.
    "waiting_num": counted("waiting_max"),
    "oldest_waiting_ms": counted("oldest_waiting_ms_max"),
    "discard_count": counted("expired", "invalid"),
}


async def list_function_statistics(call: Call) -> Response:
    """Of all versions of the function."""
    urn = read(call.path["func_urn"], call.state.region, call.state.project)
    row(call, Urn(urn.package, urn.name))
    return answer(await _series(call, urn.ours, _period(call.path["period"])))


async def list_statistics(call: Call) -> Response:
    """Of all functions together."""
    what = call.query.get("filter", "")
    if what != "monitor_data":
        raise _query(
            f"filter: {what[:40]!r} is not monitor_data, the only one that is answered here; counts "
            "are kept for 31 days, so there are no monthly reports"
        )
    period = _period(call.query.get("period") or str(PERIOD_DEFAULT))
    return answer({"statistics": await _series(call, None, period)})


async def list_function_as_metric(call: Call) -> Response:
    """The functions of the highest value between two instants, the highest first."""
    kind = call.query.get("type") or "failcount"
    metric = {"failcount": "fail_count"}.get(kind, kind)
    if metric not in ("count", "fail_count", "function_error_count", "system_error_count",
                      "reject_count", "discard_count"):  # fmt: skip
        raise _query(f"type: {kind[:40]!r} is not a count, such as failcount or count")
    now = call.context.clock.now()
    asked = call.instant("end_time")
    until = now if asked is None else asked
    asked = call.instant("start_time")
    since = until - HOUR_MS if asked is None else asked
    # Whole minutes, those of both ends too.
    since, until = since - since % MINUTE_MS, until - until % MINUTE_MS + MINUTE_MS
    limit = call.number("limit", 0, TOP_MAX, 10) or 10
    sums: Counter[str] = Counter()
    for (_, function), values in by_period(await call.engine.minutes.read(since, until)).items():
        sums[function] += round(METRICS[metric](values) or 0)
    region, project = call.state.region, call.state.project
    found = [
        {"key": write(name_of(name), region, project, version=False), "value": value}
        for name, value in _most(sums, limit)
    ]
    return answer({"values": found, "count": len(found), "next_marker": len(found)})


def _most(sums: Counter[str], limit: int) -> list[tuple[str, int]]:
    """Of those that this door has a name for."""
    found = ((name, value) for name, value in sums.most_common() if value and has_urn(name))
    return list(islice(found, limit))


async def _series(call: Call, function: str | None, minutes: int) -> dict[str, list[Any]]:
    step = MINUTE_MS if minutes <= FINE_MAX else HOUR_MS
    until = call.context.clock.now() // step * step + step
    since = until - -(-minutes * MINUTE_MS // step) * step
    counts = await call.engine.minutes.read(since, until, function=function)
    merged = [count if function else _of_all(count) for count in counts]
    at = {begin: values for (begin, _), values in by_period(merged, step).items()}
    return {
        name: [_point(begin, at.get(begin), value) for begin in range(since, until, step)]
        for name, value in METRICS.items()
    }


def _of_all(count: MinuteCount) -> MinuteCount:
    """Counts add up; of samples (`…_max`) the highest of any function counts."""
    return MinuteCount(count.minute, "", count.metric, count.value)


def _point(begin: int, values: Values | None, value: Measure) -> dict[str, float]:
    found = None if values is None else value(values)
    return {"timestamp": begin, "value": NO_DATA if found is None else found}


def _period(text: str) -> int:
    """Minutes."""
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= PERIOD_MAX):
        raise _query(
            f"period: {text[:40]!r} is not a whole number of minutes from 1 to {PERIOD_MAX}"
        )
    return int(text)


def _query(message: str) -> FssError:
    return invalid(message, "FSS.1001")


_ONE = "/fgs/functions/{func_urn}"
ROUTES = (
    Route(
        "list_function_statistics", "GET", f"{_ONE}/statistics/{{period}}", list_function_statistics
    ),
    Route(
        "show_function_metrics", "GET", f"{_ONE}/slareports/{{period}}", list_function_statistics
    ),
    Route("list_statistics", "GET", "/fgs/functions/statistics", list_statistics),
    Route("list_function_as_metric", "GET", "/fgs/function/report", list_function_as_metric),
)
