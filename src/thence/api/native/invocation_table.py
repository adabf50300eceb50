"""The routes of invocations."""

from __future__ import annotations

from ...engine.redrive import RedriveReport
from ..shared.rest.parameter import Parameter
from ..shared.rest.route import Route
from . import (
    dead_letters,
    history,
)
from .dead_letters import RedriveBody
from .filters import STATES
from .history import RedriveAnswer, StopAnswer
from .shown import DeliveryPage, InvocationPage, InvocationShown
from .table_words import (
    ANY,
    FILTERS,
)

INVOCATIONS = (
    Route(
        "GET",
        "/v1/invocations",
        history.listed,
        "Invocations, newest first",
        {200: InvocationPage},
        (Parameter("state", "list", "Only in these states.", choices=STATES), *FILTERS),
    ),
    Route(
        "GET",
        "/v1/invocations/{id}",
        history.get,
        "Everything about one invocation",
        {200: InvocationShown},
        (
            Parameter(
                "wait",
                "number",
                "Answer when it has ended, or after so many seconds "
                "(at most limits.wait_seconds_max).",
                None,
                0,
                86_400,
            ),
        ),
    ),
    Route(
        "GET", "/v1/invocations/{id}/payload", history.payload, "Its payload as it came", {200: ANY}
    ),
    Route(
        "GET",
        "/v1/invocations/{id}/result",
        history.result,
        "Its result; 404 while there is none, 410 when it is not kept any more",
        {200: ANY},
    ),
    Route(
        "GET",
        "/v1/invocations/{id}/log",
        history.log,
        "What the function printed in one attempt",
        {200: "text/plain"},
        (Parameter("attempt", "integer", "Which; the last that ended otherwise.", None, 1, 10**6),),
    ),
    Route(
        "POST",
        "/v1/invocations/{id}/stop",
        history.stop,
        "Stop it, whatever its state; of an ended one, the deliveries still owed",
        {200: StopAnswer},
    ),
    Route(
        "POST",
        "/v1/invocations/{id}/redrive",
        history.redrive,
        "Run an ended invocation again as a new one",
        {202: RedriveAnswer},
        (
            Parameter(
                "again",
                "flag",
                "Also where it has succeeded, which repeats what it did.",
                False,
            ),
            Parameter(
                "qualifier",
                "text",
                "Version or alias that runs it; else what its call named.",
            ),
        ),
    ),
    Route(
        "GET",
        "/v1/dead-letters",
        dead_letters.listed,
        "Invocations (or deliveries) that ended without success",
        {200: InvocationPage | DeliveryPage},
        (
            Parameter(
                "kind",
                "text",
                "Of what; `delivery` goes with function, limit and cursor only.",
                "invocation",
                choices=("invocation", "delivery"),
            ),
            *FILTERS,
        ),
    ),
    Route(
        "POST",
        "/v1/dead-letters:redrive",
        dead_letters.redrive,
        "Run dead letters again, by filter",
        {200: RedriveReport},
        body=RedriveBody,
        example={"function": "unzip", "dry_run": True, "rate_per_second": 20},
    ),
)
