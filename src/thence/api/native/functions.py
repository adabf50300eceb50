"""Functions: deploy, look, list, delete."""

from __future__ import annotations

import asyncio
import base64
import binascii
import bisect
from typing import Any

import msgspec
from msgspec.structs import asdict, replace
from starlette.responses import Response

from ...catalog.changes import differences
from ...catalog.function import (
    LATEST,
    Function,
    FunctionSpec,
    check_name,
    check_waits,
)
from ...engine.engine import Engine
from ...engine.plan import Plan
from ...errors import InvalidInput, PayloadTooLarge
from ...runtimes.kinds import parse_function
from ..shared.answer import answer, empty
from ..shared.rest.call import Call, malformed_json
from .function_view import FunctionShown, show
from .warnings import of_configuration

SPEC_BYTES_MAX = 256 * 1024  # of a body beside its code
IN_THREAD_BYTES = 256 * 1024  # larger bodies are decoded off the event loop


class FunctionBody(FunctionSpec, frozen=True, forbid_unknown_fields=True):
    """A function to deploy. `code`: a ZIP archive in base64; without it the present code is kept, so a
    new function needs one. `environment`: at most 4096 bytes of names and values together, no name
    that begins with THENCE_, no NUL in a value. Destinations that are functions must lead to no cycle, and name a
    version or alias only that their function has."""

    code: str | None = None


class FieldChanged(msgspec.Struct):
    """A field of the function that has another value than before: what was written, or, with `reset`,
    its default, because this request does not say it. `environment.NAME`: a variable, whose values
    are not shown (null: not set). The same `before` and `after`: only secrets of it differ."""

    field: str
    before: Any
    after: Any
    reset: bool


class FunctionDeployed(FunctionShown, kw_only=True):
    """`changes`: what differs from what was deployed before; empty for a new function. `warnings`:
    what is allowed and yet will hardly work, as sentences."""

    changes: list[FieldChanged]
    warnings: list[str]


class FunctionPage(msgspec.Struct):
    items: list[FunctionShown]
    cursor: str | None


async def put(call: Call) -> Response:
    name = check_name(call.path["name"])
    call.media_type("application/json")
    code_max = call.context.limits.code_bytes_max
    limit = SPEC_BYTES_MAX + (code_max + 2) // 3 * 4
    try:
        body = await call.body(limit)
    except PayloadTooLarge as error:
        if error.fields.get("limit_bytes") != limit:
            raise  # of all bodies together (limits.unproven_bytes_max), as it says
        raise PayloadTooLarge(
            f"code: {error.detail} That is room for an archive of {code_max} bytes "
            "(limits.code_bytes_max) in base64. Leave large files out of the code, or raise the limit.",
            field="code",
            **error.fields,
        ) from None
    if len(body) > IN_THREAD_BYTES:
        spec, archive, said = await asyncio.to_thread(_read, body)
    else:
        spec, archive, said = _read(body)
    engine = call.context.engine
    warnings = of_configuration(engine, call.context.guard, spec)
    if call.query["check"]:
        warnings = await engine.functions.try_code(name, spec, archive) + warnings
    before, function = await _deploy(engine, name, spec, archive)
    created = before is None
    headers = {"location": f"/v1/functions/{name}"} if created else {}
    deployed = FunctionDeployed(
        **asdict(show(engine, function)),
        changes=_changes(before, function, said),
        warnings=warnings,
    )
    return answer(deployed, 201 if created else 200, headers)


async def _deploy(
    engine: Engine, name: str, spec: FunctionSpec, archive: bytes | None
) -> tuple[Function | None, Function]:
    """(what was there, what is)."""
    engine.functions.plans.check_function(name, spec)  # before anything is written
    before: Function | None = None

    async def decide() -> Plan:
        nonlocal before
        before = _present(engine, name)
        plan = engine.functions.plans.put_function(name, spec, code)
        if before is not None:
            # It would go before what is written now.
            plan += engine.functions.plans.delete_async_config(name, LATEST)
        return plan

    async with engine.functions.code_kept(archive) as code:
        await engine.functions.change(decide)
        return before, engine.functions.get(name)


def _present(engine: Engine, name: str) -> Function | None:
    """What is deployed now, with the asynchronous configuration that counts for it."""
    if not engine.functions.has(name):
        return None
    function, config = engine.functions.get(name), engine.functions.effective_config(name, LATEST)
    counts = {
        which: getattr(config, which)
        for which in (
            "max_retries",
            "max_event_age_seconds",
            "retry_wait",
            "on_success",
            "on_failure",
            "listed",
        )
    }
    return replace(function, spec=replace(function.spec, **counts))


def _changes(before: Function | None, after: Function, said: frozenset[str]) -> list[FieldChanged]:
    if before is None:
        return []
    found = [
        FieldChanged(
            difference.field,
            difference.before,
            difference.after,
            difference.field.partition(".")[0] not in said,
        )
        for difference in differences(before.spec, after.spec)
        if difference.field
        != "attributes"  # a vendor's door keeps them; this one has no such field
    ]
    if before.code_digest != after.code_digest:
        found.append(FieldChanged("code", before.code_digest, after.code_digest, False))
    return found


def _read(body: bytes) -> tuple[FunctionSpec, bytes | None, frozenset[str]]:
    """(the spec, the archive, the fields that the body names)."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed_json(error) from None
    if not isinstance(data, dict):
        raise InvalidInput("body: a JSON object is needed.", field="body")
    if "attributes" in data:
        raise InvalidInput(
            "attributes: there is no such field; remove it. Vendors' doors keep theirs.",
            field="attributes",
        )
    code = data.pop("code", None)
    archive: bytes | None = None
    if code is not None:
        if not isinstance(code, str):
            raise InvalidInput("code: a text is needed: a ZIP archive in base64.", field="code")
        try:
            archive = base64.b64decode(code, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidInput(f"code: not valid base64 ({error}).", field="code") from None
    spec = parse_function(data)
    check_waits(spec.retry_wait)
    return spec, archive, frozenset(data)


async def get(call: Call) -> Response:
    engine = call.context.engine
    return answer(show(engine, engine.functions.get(call.path["name"])))


async def delete(call: Call) -> Response:
    await call.context.engine.functions.delete(call.path["name"])
    return empty()


async def listed(call: Call) -> Response:
    engine = call.context.engine
    names = engine.functions.names()
    after, limit = call.query["cursor"], call.query["limit"]
    start = bisect.bisect_right(names, check_name(after, "cursor")) if after is not None else 0
    page = names[start : start + limit]
    more = start + limit < len(names)
    return answer(
        FunctionPage(
            [show(engine, engine.functions.get(name)) for name in page], page[-1] if more else None
        )
    )
