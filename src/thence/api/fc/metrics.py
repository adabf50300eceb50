"""The metrics of Function Compute by function and minute or hour (reference 11), over a range of time.

The vendor keeps them in another product (namespace `acs_fc`); here the door answers them:

    GET /metrics                          the names and what they mean
    GET /metrics/FunctionDestinationErrors?functionName=f&startTime=…&endTime=…&period=60

Each is made of the counts that the engine keeps of every minute for 31 days.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from ..metrics.minutes import HOUR_MS, MINUTE_MS, by_period
from ..shared.answer import answer
from .call import Call
from .errors import FcError, invalid
from .metric_table import METRICS
from .names import check_function, check_service, name_of
from .paging import page, paged
from .route import V2, V3, Route

RANGE_MS_MAX = 31 * 24 * HOUR_MS
PERIODS = {"60": MINUTE_MS, "3600": HOUR_MS}


async def list_metrics(call: Call) -> Response:
    return answer(
        {
            "metrics": [
                {"metricName": name, "description": metric.meaning, "unit": metric.unit}
                for name, metric in METRICS.items()
            ]
        }
    )


async def get_metric(call: Call) -> Response:
    name = call.path["metric"]
    metric = METRICS.get(name)
    if metric is None:
        raise invalid(f"metricName: {name[:80]!r} is not one of {', '.join(METRICS)}")
    period = PERIODS.get(call.query.get("period", "60"))
    if period is None:
        raise invalid(f"period: {call.query['period'][:40]!r} is not 60 or 3600 (seconds)")
    since, until = _range(call, period)
    counts = await call.engine.minutes.read(since, until, function=_function(call))
    found = []
    for (start, function), values in by_period(counts, period).items():
        theirs = name_of(function)
        if call.v3 != (not theirs.service):
            continue
        value = metric.value(values)
        if value is not None:
            found.append(
                {
                    "timestamp": start,
                    "functionName": theirs.function,
                    "serviceName": theirs.service,
                    "value": value,
                }
            )
    part, token = page(call, found, _key)
    shown: dict[str, Any] = {
        "metricName": name,
        "period": period // 1000,
        "unit": metric.unit,
        "datapoints": part,
    }
    return answer(paged(call, shown, token))


def _key(point: dict[str, Any]) -> tuple[Any, ...]:
    return point["timestamp"], point["serviceName"], point["functionName"]


def _function(call: Call) -> str | None:
    """Ours, where one is named."""
    function, service = call.query.get("functionName", ""), call.query.get("serviceName", "")
    if not function:
        if service:
            raise invalid("serviceName: name the function too, with functionName")
        return None
    check_function(function)
    if call.v3:
        return function
    return f"{check_service(service)}${function}"


def _range(call: Call, period: int) -> tuple[int, int]:
    """[since, until) in ms, widened to whole periods; by default the last hour."""
    until = _instant(call, "endTime", call.context.clock.now() + 1)  # the present minute too
    since = _instant(call, "startTime", until - HOUR_MS)
    if not 0 <= until - since <= RANGE_MS_MAX:
        raise invalid(
            f"startTime, endTime: {since} to {until} is not a range of at most 31 days (ms), "
            "the begin first"
        )
    return since - since % period, until + -until % period


def _instant(call: Call, name: str, default: int) -> int:
    """ms, or `2006-01-02T15:04:05Z`."""
    text = call.query.get(name, "")
    if not text:
        return default
    if text.isascii() and text.isdecimal() and len(text) <= 15:
        return int(text)
    try:
        return (
            int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
            * 1000
        )
    except ValueError:
        raise _no_instant(name, text) from None


def _no_instant(name: str, text: str) -> FcError:
    return invalid(f"{name}: {text[:40]!r} is not a time in ms or like 2006-01-02T15:04:05Z")


ROUTES = (
    Route("ListMetrics", "GET", "/metrics", list_metrics, (*V3, *V2)),
    Route("GetMetric", "GET", "/metrics/{metric}", get_metric, (*V3, *V2)),
)
