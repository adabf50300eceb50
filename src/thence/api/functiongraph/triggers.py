"""Triggers as resources (reference 11). None of their kinds can fire here, so none can be made: what
would be stored and never act is refused, after all else about the request has been checked.

A kind that fires says so in KINDS; making, changing and deleting triggers of it join here.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct
from starlette.responses import Response

from ..shared.answer import answer, empty
from .call import Call
from .errors import invalid, not_found
from .found import wanted
from .function_input import read
from .route import Route

INVALID, MISSING, NO_SUCH_TYPE = "FSS.1101", "FSS.1131", "FSS.1137"
KINDS = {
    "TIMER": "a clock",
    "APIG": "requests to an API gateway",
    "DEDICATEDGATEWAY": "requests to an API gateway",
    "CTS": "operations in a trace service",
    "DDS": "changes in a document database",
    "DMS": "messages of a queue",
    "DIS": "records of a stream",
    "LTS": "lines of a log stream",
    "OBS": "objects of a bucket",
    "SMN": "messages of a topic",
    "KAFKA": "messages of Kafka",
    "OPENSOURCEKAFKA": "messages of Kafka",
    "ROCKETMQ": "messages of RocketMQ",
    "RABBITMQ": "messages of RabbitMQ",
    "EVENTGRID": "events of a channel",
}
"""By trigger_type_code: what causes its firing, for people."""


class CreateTrigger(Struct, forbid_unknown_fields=True):
    trigger_type_code: str
    event_data: dict[str, Any]
    trigger_status: Literal["", "ACTIVE", "DISABLED"] = ""
    event_type_code: str = ""


async def create_function_trigger(call: Call) -> Response:
    wanted(call)
    asked = read(await call.object(), CreateTrigger)
    _check_kind(asked.trigger_type_code)
    raise invalid(
        f"trigger_type_code: triggers of type {asked.trigger_type_code} "
        f"({KINDS[asked.trigger_type_code]}) cannot fire in this service, so none was created; call "
        "the function itself, asynchronously if need be",
        INVALID,
    )


async def list_function_triggers(call: Call) -> Response:
    """A bare list, which is what the clients read (reference 16)."""
    wanted(call)
    return answer([])


async def delete_all(call: Call) -> Response:
    """There are none, so nothing is left to be deleted."""
    wanted(call)
    return empty()


async def no_such_trigger(call: Call) -> Response:
    """Show, update and delete, as long as there can be none."""
    wanted(call)
    kind, id = call.path["trigger_type_code"], call.path["trigger_id"]
    _check_kind(kind)
    raise not_found(f"trigger {id[:80]!r} of type {kind} does not exist", MISSING)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise not_found(
            f"trigger_type_code: {kind[:60]!r} is not a type of triggers; it is one of "
            f"{', '.join(KINDS)}",
            NO_SUCH_TYPE,
        )


ALL = "/fgs/triggers/{function_urn}"
ONE = ALL + "/{trigger_type_code}/{trigger_id}"
ROUTES = (
    Route("create_function_trigger", "POST", ALL, create_function_trigger),
    Route("list_function_triggers", "GET", ALL, list_function_triggers),
    Route("batch_delete_function_triggers", "DELETE", ALL, delete_all),
    Route("show_function_trigger", "GET", ONE, no_such_trigger),
    Route("update_trigger", "PUT", ONE, no_such_trigger),
    Route("delete_function_trigger", "DELETE", ONE, no_such_trigger),
)
