"""All routes of the native door."""

from __future__ import annotations

from ...engine.redrive import RedriveReport
from ...lifecycle.policy import DELAY_SECONDS_MAX
from ..shared.rest.parameter import CURSOR, FUNCTION, LIMIT, SINCE, UNTIL, Parameter
from ..shared.rest.route import Route
from . import (
    batch,
    dead_letters,
    deliveries,
    events,
    functions,
    health,
    history,
    invocations,
    invoke,
    mailbox,
    openapi,
    session,
    settings,
    stats,
)
from .accepting import AcceptedAnswer
from .batch import BatchAnswer
from .dead_letters import RedriveBody
from .deliveries import DeliveryRedriveAnswer
from .filters import REASONS, STATES
from .function_table import FAMILY
from .functions import FunctionBody, FunctionDeployed, FunctionPage, FunctionShown
from .health import Health
from .history import RedriveAnswer, StopAnswer
from .invocations import InvocationAnswer
from .mailbox import BoxList, DeletedAnswer, MessagePage, ReceiveBody
from .session import SessionShown
from .settings import SettingList
from .shown import DeliveryPage, DeliveryShown, InvocationPage, InvocationShown
from .stats import MinutesAnswer, StatsAnswer

ANY = "*/*"  # what was sent, or what the function returned: JSON mostly
JSON = "application/json"
QUALIFIER = Parameter("qualifier", "text", "Version or alias that is called; else `latest`.")
CHECK = Parameter(
    "check",
    "flag",
    "Load the code once, and refuse it where that fails; false: deploy it as it is.",
    True,
)
REASON = Parameter("reason", "text", "Only with that reason.", choices=REASONS)
TRACEPARENT = ("traceparent", "W3C trace context, kept with the invocation and passed on.")
LINEAGE = ("Thence-Lineage", "Sent by webhooks: a chain that leads back here ends after 16 hops.")
KEY = ("Idempotency-Key", "The same key with the same body is accepted once (1 to 255 characters).")
DELAY = (
    "Thence-Delay-Seconds",
    f"Start no earlier than this many seconds from now; 0 to {DELAY_SECONDS_MAX} (30 days).",
)
CONTENT_TYPE = ("Content-Type", "Kept with the payload and answered with it.")
PREFER = (
    "Prefer",
    "`wait=N`: answer 200 with the ended invocation if it ends within N seconds, else 202.",
)
FILTERS = (FUNCTION, REASON, SINCE, UNTIL, LIMIT, CURSOR)
EXAMPLE_FUNCTION = {
    "handler": "main.handler",
    "timeout_seconds": 30,
    "concurrency": 4,
    "max_retries": 3,
    "retry_wait": {"first_seconds": 1, "factor": 2, "cap_seconds": 60, "jitter": "equal"},
    "on_success": "queue:done",
    "on_failure": "queue:dead",
    "code": "UEsDBBQAAAAIAAAAIQC0CHBpKwAAAC4AAAAHAAAAbWFpbi5weUtJTVPISMxLyUkt0kgtS80r0VFIzs8rSa0o0bTiUgCCotSS0qI8BbAcFwBQSwECFAMUAAAACAAAACEAtAhwaSsAAAAuAAAABwAAAAAAAAAAAAAApIEAAAAAbWFpbi5weVBLBQYAAAAAAQABADUAAABQAAAAAAA=",
}

FUNCTIONS = (
    Route(
        "GET",
        "/v1/functions",
        functions.listed,
        "All functions by name",
        {200: FunctionPage},
        (LIMIT, CURSOR),
    ),
    Route(
        "PUT",
        "/v1/functions/{name}",
        functions.put,
        "Deploy a function (201), or replace it (200)",
        {201: FunctionDeployed, 200: FunctionDeployed},
        (CHECK,),
        body=FunctionBody,
        example=EXAMPLE_FUNCTION,
    ),
    Route("GET", "/v1/functions/{name}", functions.get, "One function", {200: FunctionShown}),
    Route(
        "DELETE",
        "/v1/functions/{name}",
        functions.delete,
        "Delete a function; what waits for it ends as invalid",
        {204: None},
    ),
    Route(
        "POST",
        "/v1/functions/{name}/invocations",
        invocations.accept,
        "Accept an invocation: it is on disk when this is answered",
        {202: AcceptedAnswer, 200: InvocationAnswer},
        (QUALIFIER,),
        (KEY, PREFER, DELAY, TRACEPARENT, LINEAGE, CONTENT_TYPE),
        body=ANY,
        example={"order": 17},
    ),
    Route(
        "POST",
        "/v1/functions/{name}/invocations:batch",
        batch.accept,
        "Accept many invocations: NDJSON, a payload a line",
        {202: BatchAnswer},
        (QUALIFIER,),
        (KEY, DELAY, TRACEPARENT, LINEAGE),
        body="application/x-ndjson",
        example='{"order": 17}\n{"order": 18}\n',
    ),
    Route(
        "POST",
        "/v1/functions/{name}/invoke",
        invoke.invoke,
        "Call it now: no retries, nothing kept, its answer as it is",
        {200: ANY},
        (QUALIFIER,),
        (TRACEPARENT, CONTENT_TYPE),
        body=ANY,
        example={"order": 17},
    ),
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

DELIVERIES = (
    Route(
        "GET",
        "/v1/deliveries",
        deliveries.listed,
        "Deliveries, newest first",
        {200: DeliveryPage},
        (
            Parameter("state", "text", "Only in this state.", choices=deliveries.STATES),
            FUNCTION,
            LIMIT,
            CURSOR,
        ),
    ),
    Route(
        "GET",
        "/v1/deliveries/{id}",
        deliveries.get,
        "One delivery with its attempts",
        {200: DeliveryShown},
    ),
    Route(
        "POST",
        "/v1/deliveries/{id}/redrive",
        deliveries.redrive,
        "Send a dead or stopped delivery again",
        {202: DeliveryRedriveAnswer},
    ),
)

MAILBOX = (
    Route("GET", "/v1/mailbox", mailbox.boxes, "All boxes of the mailbox", {200: BoxList}),
    Route(
        "POST",
        "/v1/mailbox/queue/{name}:receive",
        mailbox.receive,
        "Take messages of a queue: hidden from others for a while",
        {200: MessagePage},
        body=ReceiveBody,
        example={"limit": 10, "visibility_seconds": 60},
    ),
    Route(
        "GET",
        "/v1/mailbox/{kind}/{name}",
        mailbox.read,
        "Messages of a box, oldest first, without taking them",
        {200: MessagePage},
        (
            Parameter("after", "integer", "Only behind this `seq`.", 0, 0),
            Parameter("prefix", "text", "Of a bucket: only keys that begin so."),
            LIMIT,
            Parameter("cursor", "integer", "`cursor` of the page before.", None, 0),
        ),
    ),
    Route(
        "DELETE",
        "/v1/mailbox/{kind}/{name}",
        mailbox.delete,
        "Delete one message, or the whole box",
        {200: DeletedAnswer},
        (
            Parameter(
                "seq", "integer", "The message with this `seq`; one of the four is given.", None, 0
            ),
            Parameter("receipt", "text", "Or the received message with this receipt."),
            Parameter("key", "text", "Or the object with this key."),
            Parameter("all", "flag", "Or the whole box.", False),
        ),
    ),
)

SERVICE = (
    Route(
        "GET",
        "/v1/settings",
        settings.listed,
        "The settings that the service runs with, without its secrets",
        {200: SettingList},
    ),
    Route(
        "GET",
        "/v1/stats",
        stats.stats,
        "Backlog, oldest age, counters, conservation difference",
        {200: StatsAnswer},
    ),
    Route(
        "GET",
        "/v1/stats/deliveries",
        stats.deliveries,
        "Deliveries by function and minute",
        {200: MinutesAnswer},
        (
            FUNCTION,
            Parameter("since", "time", "Only minutes from then on; by default the last 24 hours."),
            Parameter("until", "time", "Only minutes before then."),
        ),
    ),
    Route(
        "GET",
        "/v1/events",
        events.stream,
        "Every transition as server-sent events",
        {200: "text/event-stream"},
        (
            Parameter("after", "text", "Only behind this event; from now on without it."),
            FUNCTION,
            Parameter("invocation", "id", "Only of this invocation."),
        ),
        (("Last-Event-ID", "As `after`; wins over it."),),
    ),
    Route(
        "POST",
        "/v1/session",
        session.begin,
        "Sign in: a cookie in exchange for the credentials; 200 where none are asked for",
        {201: SessionShown, 200: SessionShown},
    ),
    Route("GET", "/v1/session", session.get, "Who asks, and its CSRF token", {200: SessionShown}),
    Route("DELETE", "/v1/session", session.end, "Sign out: the session holds no more", {204: None}),
    Route(
        "GET",
        "/v1/openapi.json",
        openapi.document,
        "This description",
        {200: JSON},
    ),
    Route("GET", "/metrics", stats.metrics, "Metrics for Prometheus", {200: "text/plain"}),
    Route("GET", "/livez", health.live, "Whether the process answers", {200: Health}, open=True),
    Route("GET", "/readyz", health.ready, "Whether it takes work", {200: Health}, open=True),
)

ROUTES: tuple[Route, ...] = (*FUNCTIONS, *FAMILY, *INVOCATIONS, *DELIVERIES, *MAILBOX, *SERVICE)
