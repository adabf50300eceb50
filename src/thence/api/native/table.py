"""All routes of the native door: those of functions, and the other tables."""

from __future__ import annotations

from ..shared.rest.parameter import CURSOR, LIMIT
from ..shared.rest.route import Route
from . import (
    batch,
    functions,
    invocations,
    invoke,
)
from .accepting import AcceptedAnswer
from .batch import BatchAnswer
from .delivery_table import DELIVERIES, MAILBOX
from .function_table import FAMILY
from .function_view import FunctionShown
from .functions import FunctionBody, FunctionDeployed, FunctionPage
from .invocation_table import INVOCATIONS
from .invocations import InvocationAnswer
from .service_table import SERVICE
from .table_words import (
    ANY,
    CHECK,
    CONTENT_TYPE,
    DELAY,
    KEY,
    LINEAGE,
    PREFER,
    QUALIFIER,
    TRACEPARENT,
)

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

ROUTES: tuple[Route, ...] = (*FUNCTIONS, *FAMILY, *INVOCATIONS, *DELIVERIES, *MAILBOX, *SERVICE)
