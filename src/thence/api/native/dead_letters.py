"""Dead letters: invocations that ended without success (failed, expired, invalid, or stopped because
their function was disabled), and records that could not be delivered; and redriving many of the
former."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from ...engine.redrive import LIMIT_MAX, RATE_MAX, RedriveReport
from ...errors import InvalidInput
from ..shared.answer import answer
from ..shared.rest.call import Call
from ..shared.times import read_time
from .deliveries import page as delivery_page
from .filters import REASONS, make_filter
from .shown import InvocationPage, show_row


class RedriveBody(Struct, forbid_unknown_fields=True):
    """Which dead letters, not yet redriven, are run again: by `function`, `reason`, `since`, `until`,
    or `all` of them, which has to be said (but for a dry run). Times as in lists. `cursor`: of the report before. The rate is kept by start times that lie apart. `qualifier`:
    the version or alias that runs them, instead of what their calls named; it needs `function`."""

    function: str | None = None
    reason: str | None = None
    since: str | int | None = None
    until: str | int | None = None
    all: bool = False
    dry_run: bool = False
    rate_per_second: Annotated[float, Meta(gt=0, le=RATE_MAX)] | None = None
    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = 1000
    cursor: str | None = None
    qualifier: str | None = None


async def listed(call: Call) -> Response:
    query, engine = call.query, call.context.engine
    if query["kind"] == "delivery":
        for name in ("reason", "since", "until"):
            if query[name] is not None:
                raise InvalidInput(
                    f"{name}: it does not go with kind=delivery; leave it out.", field=name
                )
        return await delivery_page(call, "dead")
    wanted = make_filter(
        engine,
        function=query["function"],
        reason=query["reason"],
        since=query["since"],
        until=query["until"],
        dead=True,
    )
    page = await engine.invocations.page(wanted, query["limit"], query["cursor"])
    return answer(InvocationPage([show_row(row) for row in page.items], page.cursor))


async def redrive(call: Call) -> Response:
    body = await call.json(RedriveBody)
    chosen = (body.function, body.reason, body.since, body.until)
    if not body.all and not body.dry_run and all(choice is None for choice in chosen):
        raise InvalidInput(
            "all: without a filter every dead letter would be run again. Give function, reason, since "
            "or until, or say all: true.",
            field="all",
        )
    if body.reason is not None and body.reason not in REASONS:
        raise InvalidInput(
            f"reason: {body.reason[:60]!r} is not a reason; use one of {', '.join(REASONS)}.",
            field="reason",
            value=body.reason[:60],
        )
    if body.qualifier is not None:
        if body.function is None:
            raise InvalidInput(
                "qualifier: versions and aliases are of one function; give `function` too.",
                field="qualifier",
                value=body.qualifier[:140],
            )
        call.context.engine.functions.get(body.function, body.qualifier)  # or there is none
    wanted = make_filter(
        call.context.engine,
        function=body.function,
        reason=body.reason,
        since=None if body.since is None else read_time("since", str(body.since)),
        until=None if body.until is None else read_time("until", str(body.until)),
        dead=True,
        redriven=False,
    )
    report: RedriveReport = await call.context.engine.redrive.dead_letters(
        wanted,
        dry_run=body.dry_run,
        rate_per_second=body.rate_per_second,
        limit=body.limit,
        cursor=body.cursor,
        qualifier=body.qualifier,
    )
    return answer(report)
