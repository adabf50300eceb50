"""Asynchronous configurations by qualifier: retries, event age and destinations of the calls that
name that qualifier. Where it has none, what its version was deployed with counts."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.responses import Response

from ...catalog.async_config import NATIVE, AsyncConfig, as_a_whole
from ...catalog.function import check_waits
from ...clock import iso
from ...engine.plan import Plan
from ...errors import NotFound
from ...lifecycle.policy import EVENT_AGE_SECONDS_MAX, RETRIES_MAX, RetryWait
from ..shared.answer import answer, empty
from ..shared.rest.call import Call
from .paging import after_name, cut
from .warnings import of_configuration


class AsyncConfigBody(Struct, forbid_unknown_fields=True):
    """The configuration as a whole: what is left out has its default. `stop_notifies`: a stopped
    invocation owes its record to `on_failure` as well. Destinations that are functions must lead to
    no cycle, and name a version or alias only that their function has."""

    max_retries: Annotated[int, Meta(ge=0, le=RETRIES_MAX)] = NATIVE.max_retries
    max_event_age_seconds: Annotated[int, Meta(ge=1, le=EVENT_AGE_SECONDS_MAX)] = (
        NATIVE.max_event_age_seconds
    )
    retry_wait: RetryWait = NATIVE.retry_wait
    on_success: Any = None  # see catalog/kinds.py
    on_failure: Any = None
    stop_notifies: bool = False


class AsyncConfigShown(Struct):
    """Without the secrets of its destinations. `warnings`: when it is put, what is allowed and yet
    will hardly work."""

    function: str
    qualifier: str
    max_retries: int
    max_event_age_seconds: int
    retry_wait: RetryWait
    on_success: Any
    on_failure: Any
    stop_notifies: bool
    created_at: str
    updated_at: str
    warnings: list[str] | UnsetType = UNSET


class AsyncConfigPage(Struct):
    items: list[AsyncConfigShown]
    cursor: str | None


async def put(call: Call) -> Response:
    engine, name, qualifier = call.context.engine, call.path["name"], call.path["qualifier"]
    engine.functions.async_config(name, qualifier)  # what is not there is said before the rest
    body = await call.json(AsyncConfigBody)
    check_waits(body.retry_wait)
    before: AsyncConfig | None = None

    async def decide() -> Plan:
        nonlocal before
        before = engine.functions.async_config(name, qualifier)
        return engine.functions.plans.put_async_config(name, qualifier, _config(body, before))

    await engine.functions.change(decide)
    saved = engine.functions.effective_config(name, qualifier)
    headers = {} if before else {"location": f"/v1/functions/{name}/async-configs/{qualifier}"}
    shown = show(name, qualifier, saved)
    shown.warnings = of_configuration(engine, call.context.guard, saved)
    return answer(shown, 200 if before else 201, headers)


def _config(body: AsyncConfigBody, before: AsyncConfig | None) -> AsyncConfig:
    said = {name: getattr(body, name) for name in body.__struct_fields__}
    # Only a vendor's door reads those lists, so only such a one ends them.
    return as_a_whole(said, NATIVE, before=before, kept=("listed", "followed"))


async def get(call: Call) -> Response:
    name, qualifier = call.path["name"], call.path["qualifier"]
    config = call.context.engine.functions.async_config(name, qualifier)
    if config is None:
        raise _none(name, qualifier)
    return answer(show(name, qualifier, config))


async def listed(call: Call) -> Response:
    name, after = call.path["name"], after_name(call)
    configs = call.context.engine.functions.async_configs(name)
    found = [qualifier for qualifier in configs if qualifier > after]
    page, following = cut(found, call.query["limit"], str)
    return answer(AsyncConfigPage([show(name, which, configs[which]) for which in page], following))


async def delete(call: Call) -> Response:
    name, qualifier = call.path["name"], call.path["qualifier"]
    if not await call.context.engine.functions.delete_async_config(name, qualifier):
        raise _none(name, qualifier)
    return empty()


def show(function: str, qualifier: str, config: AsyncConfig) -> AsyncConfigShown:
    success, failure = (config.destination(success=well) for well in (True, False))
    return AsyncConfigShown(
        function,
        qualifier,
        config.max_retries,
        config.max_event_age_seconds,
        config.retry_wait,
        None if success is None else success.shown(),
        None if failure is None else failure.shown(),
        config.stop_notifies,
        iso(config.created_at) or "",
        iso(config.updated_at) or "",
    )


def _none(name: str, qualifier: str) -> NotFound:
    return NotFound(
        f"Function {name!r} has no asynchronous configuration for {qualifier!r}: what its version "
        "was deployed with counts. Put one first.",
        kind="async_config",
        name=qualifier,
    )
