"""Aliases of a function (FC 3.0): names for a version, with a share of calls for one more (reference
8.3). An update changes what it names and keeps the rest.

The documentation speaks of one canary version, so more are refused. LATEST is taken as a version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.responses import Response

from ...catalog.alias import Alias, WrongShare, moved, shares
from ...catalog.function import LATEST
from ...engine.plan import Plan
from ...errors import AliasNotFound, Conflict, VersionNotFound
from ..shared.answer import answer, empty
from .answer import resource, stamp
from .call import Call, convert
from .errors import FcError, invalid
from .keys import recased
from .names import QUALIFIER, THEIR_LATEST, shown_qualifier
from .paging import page, paged
from .route import V3, Route
from .services import wanted
from .versions import DESCRIPTION_MAX, no_version

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")


class UpdateAlias(Struct, forbid_unknown_fields=True):
    """None: not said, it stays as it is. The last two are FC 2.0's alone."""

    versionId: str | None = None
    description: Annotated[str, Meta(max_length=DESCRIPTION_MAX)] | None = None
    additionalVersionWeight: dict[str, Any] | None = None
    resolvePolicy: str | None = None
    routePolicy: dict[str, Any] | None = None


class CreateAlias(UpdateAlias, forbid_unknown_fields=True):
    aliasName: str = ""


# ---------------------------------------------------------------- operations


async def create_alias(call: Call) -> Response:
    name, asked = wanted(call).name, await body(call, CreateAlias)
    alias = created(asked, old=not call.v3)
    try:
        return await _change(call, name, alias.name, lambda: alias, create=True)
    except Conflict:
        raise exists(alias.name) from None


async def list_aliases(call: Call) -> Response:
    return list_of(call, call.engine.functions.aliases(wanted(call).name))


async def get_alias(call: Call) -> Response:
    return resource(shown(call, _get(call, wanted(call).name)))


async def update_alias(call: Call) -> Response:
    name, asked = wanted(call).name, await body(call, UpdateAlias)

    def changed() -> Alias:
        before = _get(call, name)
        call.check_match(shown(call, before))
        return updated(before, asked, old=not call.v3)

    return await _change(call, name, call.path["alias"], changed, create=False)


async def delete_alias(call: Call) -> Response:
    name = wanted(call).name

    async def decide() -> Plan:
        alias = _get(call, name)
        call.check_match(shown(call, alias))
        return call.engine.functions.plans.delete_alias(name, alias.name)

    await call.engine.functions.change(decide)
    return empty()


def _get(call: Call, name: str) -> Alias:
    alias = call.path["alias"]
    try:
        return call.engine.functions.alias(name, alias)
    except AliasNotFound:
        raise FcError(
            404, "AliasNotFound", f"alias '{alias[:140]}' of function '{name}' does not exist"
        ) from None


async def _change(
    call: Call, name: str, alias: str, wanted: Callable[[], Alias], *, create: bool
) -> Response:
    """Raises Conflict where it is to be created and is there already."""

    async def decide() -> Plan:
        return call.engine.functions.plans.put_alias(name, wanted(), create=create)

    try:
        await call.engine.functions.change(decide)
    except VersionNotFound as error:
        raise no_version(shown_qualifier(error.fields["name"]), name) from None
    return resource(shown(call, call.engine.functions.alias(name, alias)))


# ---------------------------------------------------------------- also of services


async def body(call: Call, kind: type[Any]) -> Any:
    data = await call.object()
    return convert(recased(data, kind) if call.old else data, kind)


def created(asked: CreateAlias, *, old: bool) -> Alias:
    """Raises InvalidArgument. `old`: FC 2.0 and older."""
    if NAME.fullmatch(asked.aliasName) is None or asked.aliasName.lower() == "latest":
        raise invalid(
            f"aliasName: {asked.aliasName[:140]!r} is not valid; 1 to 128 letters, digits, '_' or "
            "'-', not starting with a digit or '-', and not LATEST"
        )
    if not asked.versionId:
        raise invalid("versionId: an alias needs the version that it stands for")
    return updated(Alias(asked.aliasName, asked.versionId), asked, old=old)


def updated(before: Alias, asked: UpdateAlias, *, old: bool) -> Alias:
    """`before` with what is asked. Raises InvalidArgument."""
    version = before.version if asked.versionId is None else _version(asked.versionId, "versionId")
    weights = None
    if asked.additionalVersionWeight is not None:
        weights = _weights(asked.additionalVersionWeight, version)
    _check_policy(asked, old=old)
    return moved(before, version=version, weights=weights, description=asked.description)


def list_of(call: Call, aliases: Sequence[Alias]) -> Response:
    """A page of aliases, which are in the order of their names."""
    prefix, begin = call.query.get("prefix", ""), call.query.get("startKey", "")
    found = [alias for alias in aliases if alias.name.startswith(prefix) and alias.name >= begin]
    part, token = page(call, found, lambda alias: (alias.name,))
    return answer(paged(call, {"aliases": [shown(call, alias) for alias in part]}, token))


def exists(alias: str) -> FcError:
    return FcError(409, "AliasAlreadyExists", f"alias '{alias}' already exists")


def shown(call: Call, alias: Alias) -> dict[str, Any]:
    found = {
        "aliasName": alias.name,
        "versionId": shown_qualifier(alias.version),
        "description": alias.description,
        "additionalVersionWeight": {
            shown_qualifier(version): share for version, share in alias.weights.items()
        },
        "createdTime": stamp(alias.created_at),
        "lastModifiedTime": stamp(alias.updated_at),
    }
    if call.v3:
        return found
    return {**found, "resolvePolicy": "Random", "routePolicy": {}}


# ---------------------------------------------------------------- checks


def _version(text: str, field: str) -> str:
    """Ours. Whether it is there the engine says."""
    if text == THEIR_LATEST:
        return LATEST
    if QUALIFIER.fullmatch(text) is None or text == LATEST:
        raise invalid(f"{field}: {text[:140]!r} is not the number of a version")
    return text


def _weights(asked: dict[str, Any], version: str) -> dict[str, float]:
    where = "additionalVersionWeight"
    ours = {_version(theirs, f"{where}.{theirs[:40]}"): share for theirs, share in asked.items()}
    try:
        return shares(ours, version, others_max=1)
    except WrongShare as wrong:
        raise invalid(f"{where}{_why(wrong, len(asked))}") from None


def _why(wrong: WrongShare, count: int) -> str:
    theirs = shown_qualifier(wrong.version)
    match wrong.why:
        case "too_many":
            return f": {count} versions; at most one besides versionId"
        case "own":
            return (
                f": version '{theirs}' is versionId itself; name another version or leave the "
                "field out"
            )
        case _:
            return f".{theirs}: {str(wrong.share)[:40]!r} is not a share of calls, a number from 0 to 1"


def _check_policy(asked: UpdateAlias, *, old: bool) -> None:
    if not old:
        for field in ("resolvePolicy", "routePolicy"):
            if getattr(asked, field) is not None:
                raise invalid(f"{field}: there is no such field; remove it or correct its name")
    if asked.resolvePolicy not in (None, "", "Random"):
        raise invalid(
            f"resolvePolicy: {asked.resolvePolicy[:40]!r} cannot be done; calls are shared at "
            "random (Random), by additionalVersionWeight"
        )
    if asked.routePolicy and any(asked.routePolicy.values()):
        raise invalid(
            "routePolicy: calls cannot be routed by their content; leave it out and share them at "
            "random with additionalVersionWeight"
        )


ALL = "/functions/{function}/aliases"
ONE = ALL + "/{alias}"
ROUTES = (
    Route("CreateAlias", "POST", ALL, create_alias, V3),
    Route("ListAliases", "GET", ALL, list_aliases, V3),
    Route("GetAlias", "GET", ONE, get_alias, V3),
    Route("UpdateAlias", "PUT", ONE, update_alias, V3),
    Route("DeleteAlias", "DELETE", ONE, delete_alias, V3),
)
