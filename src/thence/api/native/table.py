"""All routes of the native door."""

from __future__ import annotations

from . import functions, health, invocations
from .accepting import AcceptedAnswer
from .functions import FunctionBody, FunctionPage, FunctionShown
from .health import Health
from .invocations import InvocationAnswer
from .parameter import CURSOR, LIMIT, Parameter
from .route import Route

ANY = "application/octet-stream"
QUALIFIER = Parameter("qualifier", "text", "Version or alias; `latest` is the only one.")
WISHES = (
    ("Idempotency-Key", "The same key with the same body is accepted once (1 to 255 characters)."),
    ("Thence-Delay-Seconds", "Start no earlier than this many seconds from now; up to 30 days."),
    ("traceparent", "W3C trace context, kept with the invocation and passed on."),
    ("Content-Type", "Kept with the payload and answered with it."),
)
PREFER = (("Prefer", "`wait=N`: answer with the ended invocation if it ends within N seconds."),)

ROUTES: tuple[Route, ...] = (
    Route(
        "PUT",
        "/v1/functions/{name}",
        functions.put,
        "Deploy a function, or replace it",
        {201: FunctionShown, 200: FunctionShown},
        body=FunctionBody,
        example={
            "handler": "main.handler",
            "timeout_seconds": 30,
            "concurrency": 4,
            "max_retries": 3,
            "on_failure": "queue:dead",
            "code": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==",
        },
    ),
    Route("GET", "/v1/functions/{name}", functions.get, "One function", {200: FunctionShown}),
    Route(
        "DELETE",
        "/v1/functions/{name}",
        functions.delete,
        "Delete a function; what waits for it becomes invalid",
        {204: None},
    ),
    Route(
        "GET",
        "/v1/functions",
        functions.listed,
        "All functions by name",
        {200: FunctionPage},
        (LIMIT, CURSOR),
    ),
    Route(
        "POST",
        "/v1/functions/{name}/invocations",
        invocations.accept,
        "Accept an invocation: it is on disk when this is answered",
        {202: AcceptedAnswer, 200: InvocationAnswer},
        (QUALIFIER,),
        (*WISHES, *PREFER),
        body=ANY,
        example={"order": 17},
    ),
    Route("GET", "/livez", health.live, "Whether the process answers", {200: Health}, open=True),
    Route("GET", "/readyz", health.ready, "Whether it takes work", {200: Health}, open=True),
)
