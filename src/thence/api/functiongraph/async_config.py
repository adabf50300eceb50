"""Asynchronous settings of a function, a version or an alias: retries, validity, targets (reference 5).

A PUT is the whole of the settings: a field that is missing has its default, whatever was there. No
settings at all: a function error is not retried (seed huawei-functiongraph-notification-policy).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.responses import Response

from ...catalog.async_config import AsyncConfig, as_a_whole
from ...catalog.kinds import stored_destination
from ...clock import iso
from ...engine.plan import Plan
from ...errors import DestinationCycle
from ..shared.answer import answer, empty
from .call import Call
from .defaults import DEFAULTS
from .errors import FssError, invalid, not_found
from .found import row, row_of
from .route import Route
from .status_log import turn_on
from .target import shown_target, target_of
from .urn import Urn, write

DOOR = "functiongraph"  # our part of a configuration's attributes
RETRIES_MAX = 3
AGE_SECONDS_MAX = 86_400
PAGE_DEFAULT, PAGE_MAX = 10, 100
ENDINGS = ("on_success", "on_failure")
LOG_NAMES = ("log_group_id", "log_stream_id", "log_group_name", "log_stream_name")


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    destination: str
    param: str = "{}"


class Targets(Struct, frozen=True, forbid_unknown_fields=True):
    on_success: Target | None = None
    on_failure: Target | None = None


class PutSettings(Struct, forbid_unknown_fields=True):
    max_async_event_age_in_seconds: Annotated[int, Meta(ge=1, le=AGE_SECONDS_MAX)] | None = None
    # None: as functiongraph.retry_attempts_default says (the sources disagree, reference 17).
    max_async_retry_attempts: Annotated[int, Meta(ge=0, le=RETRIES_MAX)] | None = None
    destination_config: Targets = Targets()
    enable_async_status_log: bool = False
    log_group_id: str = ""
    log_stream_id: str = ""
    log_group_name: str = ""
    log_stream_name: str = ""


async def put_settings(call: Call) -> Response:
    urn = call.urn
    function = row(call, urn)
    put = await call.json(PutSettings)
    if put.enable_async_status_log:
        _config(call, put)  # what is wrong with it is said before anything is made for it
        await turn_on(call.engine, call.state, function.family)

    async def decide() -> Plan:
        return call.engine.functions.plans.put_async_config(
            urn.ours, urn.qualifier, _config(call, put)
        )

    try:
        await call.engine.functions.change(decide)
    except DestinationCycle as error:
        cycle = " -> ".join(error.fields["cycle"])
        fields = " and ".join(f"destination_config.{ending}" for ending in error.fields["endings"])
        raise invalid(
            f"{fields}: these functions would notify each other for ever: {cycle}"
        ) from None
    saved = call.engine.functions.effective_config(urn.ours, urn.qualifier)
    return answer(shown_settings(call, urn, saved))


async def get_settings(call: Call) -> Response:
    urn = call.urn
    row(call, urn)
    config = call.engine.functions.async_config(urn.ours, urn.qualifier)
    if config is None:
        raise _none(call, urn)
    return answer(shown_settings(call, urn, config))


async def delete_settings(call: Call) -> Response:
    urn = call.urn
    row(call, urn)
    if not await call.engine.functions.delete_async_config(urn.ours, urn.qualifier):
        raise _none(call, urn)
    return empty()


async def list_settings(call: Call) -> Response:
    """Those of all versions and aliases of the function. `marker` is an offset."""
    urn = call.urn
    row(call, urn)
    limit = call.number("limit", 0, PAGE_MAX, PAGE_DEFAULT) or PAGE_DEFAULT
    marker = call.number("marker", 0, 1 << 31, 0)
    found = sorted(call.engine.functions.async_configs(urn.ours).items())
    aliases = {alias.name for alias in call.engine.functions.aliases(urn.ours)}
    shown = [
        shown_settings(
            call, msgspec.structs.replace(urn, qualifier=name, alias=name in aliases), config
        )
        for name, config in found[marker : marker + limit]
    ]
    following = marker + limit
    info = {
        "next_marker": following if following < len(found) else None,
        "previous_marker": max(0, marker - limit) if marker else None,
        "current_count": len(shown),
    }
    return answer({"async_invoke_configs": shown, "count": len(found), "page_info": info})


# ---------------------------------------------------------------- their words and ours


def _config(call: Call, put: PutSettings) -> AsyncConfig:
    kept: dict[str, Any] = {}
    written: dict[str, Any] = {}
    for which in ENDINGS:
        target: Target | None = getattr(put.destination_config, which)
        if target is None:
            continue
        field = f"destination_config.{which}"
        region, project = call.state.region, call.state.project
        written[which], function = target_of(
            target.destination, target.param, field, region, project
        )
        if function is not None:
            _check_function(call, function, field)
        kept[which] = {"destination": target.destination, "param": target.param}
    kept |= {name: value for name in LOG_NAMES if (value := getattr(put, name))}
    retries = put.max_async_retry_attempts
    said = {
        "max_retries": call.state.settings.retry_attempts_default if retries is None else retries,
        "max_event_age_seconds": put.max_async_event_age_in_seconds,
        "followed": put.enable_async_status_log,
        "attributes": {DOOR: kept},
        **written,
    }
    # (A cancelled request is FAIL with 4208, so its failure is told.)
    return as_a_whole(said, DEFAULTS)


def _check_function(call: Call, urn: Urn, field: str) -> None:
    try:
        row_of(call.engine, urn)  # `!NAME` is an alias, a plain one a version, as in paths
    except FssError as error:
        raise not_found(f"{field}.param: func_urn: {error.detail}", "FSS.1051") from None


def shown_settings(call: Call, urn: Urn, config: AsyncConfig) -> dict[str, Any]:
    """As the vendor's clients know them."""
    region, project = call.state.region, call.state.project
    kept = config.attributes.get(DOOR, {})
    targets: dict[str, Any] = {}
    for which in ENDINGS:
        written = getattr(config, which)
        if written is not None:
            targets[which] = kept.get(which) or shown_target(
                stored_destination(written), region, project, lambda name: _aliases(call, name)
            )
    return {
        "func_urn": write(urn, region, project),
        "max_async_event_age_in_seconds": config.max_event_age_seconds,
        "max_async_retry_attempts": config.max_retries,
        "destination_config": targets,
        "enable_async_status_log": config.followed,
        "created_time": iso(config.created_at),
        "last_modified": iso(config.updated_at),
        **{name: kept[name] for name in LOG_NAMES if name in kept},
    }


def _aliases(call: Call, name: str) -> set[str]:
    if not call.engine.functions.has(name):
        return set()  # it has been deleted since
    return {alias.name for alias in call.engine.functions.aliases(name)}


def _none(call: Call, urn: Urn) -> FssError:
    shown = write(urn, call.state.region, call.state.project)
    return not_found(f"there are no asynchronous settings of {shown}")


_PATH = "/fgs/functions/{function_urn}/async-invoke-config"
ROUTES = (
    Route("update_function_async_invoke_config", "PUT", _PATH, put_settings),
    Route("show_function_async_invoke_config", "GET", _PATH, get_settings),
    Route("delete_function_async_invoke_config", "DELETE", _PATH, delete_settings),
    Route("list_function_async_invoke_config", "GET", f"{_PATH}s", list_settings),
)
