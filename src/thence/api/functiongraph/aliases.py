"""Aliases of a function: names for a version, with a share of calls for one more (reference 3).

An update changes what it names and keeps the rest. No two aliases have the same main version.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.responses import Response

from ...catalog.alias import Alias, WrongShare, moved, shares
from ...catalog.function import LATEST, Function
from ...engine.plan import Plan
from ...errors import Conflict, VersionNotFound
from ..shared.answer import answer, empty
from .call import Call
from .errors import FssError, invalid
from .found import alias as found_alias
from .found import no_version, row
from .function_input import read
from .function_view import stamp
from .route import Route
from .urn import Urn, name_of, write

ALIASES_MAX = 10
PERCENT = 100
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
INVALID_ALIAS, INVALID_VERSION = "FSS.1014", "FSS.1015"
# Of the codes 1091 to 1093 only is known that they are about additional versions.
IS_LATEST, IS_MAIN, NO_SHARE = "FSS.1091", "FSS.1092", "FSS.1093"


class UpdateAlias(Struct, forbid_unknown_fields=True):
    """None: not said, it stays as it is."""

    version: str | None = None
    description: Annotated[str, Meta(max_length=512)] | None = None
    additional_version_weights: dict[str, Any] | None = None
    additional_version_strategy: dict[str, Any] | None = None


class CreateAlias(UpdateAlias, forbid_unknown_fields=True):
    name: str = ""


# ---------------------------------------------------------------- operations


async def create_version_alias(call: Call) -> Response:
    asked = read(await call.object(), CreateAlias)
    if NAME.fullmatch(asked.name) is None or asked.name.lower() == LATEST:
        raise invalid(
            f"name: {asked.name[:80]!r} is not valid; 1 to 64 letters, digits, '_' or '-', "
            "beginning with a letter, ending with a letter or digit, and not latest",
            INVALID_ALIAS,
        )
    if not asked.version:
        raise invalid("version: an alias needs the version that it stands for", INVALID_VERSION)
    version = asked.version

    def new() -> Alias:
        function = _function(call)
        if len(call.engine.functions.aliases(function.name)) >= ALIASES_MAX:
            raise FssError(403, "FSS.1043", f"name: a function has at most {ALIASES_MAX} aliases")
        return _changed(Alias(asked.name, version), asked)

    return await _change(call, asked.name, new, create=True)


async def list_version_aliases(call: Call) -> Response:
    """A bare list, which is what the clients read (reference 16)."""
    return answer(
        [_shown(call, alias) for alias in call.engine.functions.aliases(_function(call).name)]
    )


async def show_version_alias(call: Call) -> Response:
    return answer(_shown(call, found_alias(call, call.path["alias_name"])))


async def update_version_alias(call: Call) -> Response:
    asked = read(await call.object(), UpdateAlias)
    name = call.path["alias_name"]

    def changed() -> Alias:
        return _changed(found_alias(call, name), asked)

    return await _change(call, name, changed, create=False)


async def delete_version_alias(call: Call) -> Response:
    async def decide() -> Plan:
        alias = found_alias(call, call.path["alias_name"])
        return call.engine.functions.plans.delete_alias(call.urn.ours, alias.name)

    await call.engine.functions.change(decide)
    return empty()


# ---------------------------------------------------------------- inside


def _function(call: Call) -> Function:
    """The function of the path, whatever version the path names with it."""
    urn = call.urn
    return row(call, Urn(urn.package, urn.name))


def _changed(before: Alias, asked: UpdateAlias) -> Alias:
    """`before` with what is asked. Raises FssError."""
    if asked.additional_version_strategy:
        raise invalid(
            "additional_version_strategy: calls cannot be shared by their headers; leave it out and "
            "share them by additional_version_weights",
            INVALID_ALIAS,
        )
    version = asked.version or before.version
    weights = None
    if asked.additional_version_weights is not None:
        weights = _weights(asked.additional_version_weights, version)
    return moved(before, version=version, weights=weights, description=asked.description)


def _weights(asked: dict[str, Any], version: str) -> dict[str, float]:
    try:
        return shares(asked, version, others_max=1, whole=PERCENT, latest=False)
    except WrongShare as wrong:
        raise _wrong_share(wrong, len(asked)) from None


def _wrong_share(wrong: WrongShare, count: int) -> FssError:
    field = "additional_version_weights"
    where = f"{field}.{wrong.version[:64]}"
    match wrong.why:
        case "too_many":
            return invalid(f"{field}: {count} versions; at most one besides version", NO_SHARE)
        case "latest":
            return invalid(f"{where}: latest cannot be the additional version", IS_LATEST)
        case "own":
            return invalid(f"{where}: it is the version of the alias itself", IS_MAIN)
        case _:
            return invalid(
                f"{where}: {str(wrong.share)[:40]!r} is not a percentage, a whole number from 0 to "
                f"{PERCENT}",
                NO_SHARE,
            )


async def _change(call: Call, alias: str, wanted: Callable[[], Alias], *, create: bool) -> Response:
    name = call.urn.ours

    async def decide() -> Plan:
        found = wanted()
        _check_others(call, name, found, create=create)
        return call.engine.functions.plans.put_alias(name, found, create=create)

    try:
        await call.engine.functions.change(decide)
    except VersionNotFound as error:
        raise no_version(name_of(name), str(error.fields["name"])) from None
    except Conflict as error:
        raise FssError(409, "FSS.1063", f"name: {error.detail}") from None
    return answer(_shown(call, call.engine.functions.alias(name, alias)))


def _check_others(call: Call, name: str, alias: Alias, *, create: bool) -> None:
    for other in call.engine.functions.aliases(name):
        if other.name == alias.name:
            if create:
                raise FssError(409, "FSS.1063", f"alias {alias.name!r} already exists")
        elif other.version == alias.version:
            raise FssError(
                409,
                "FSS.1066",
                f"version: {alias.version!r} is already the version of the alias {other.name!r}; a "
                "version has at most one",
            )


def _shown(call: Call, alias: Alias) -> dict[str, Any]:
    urn = call.urn
    named = Urn(urn.package, urn.name, alias.name, True, True)
    return {
        "name": alias.name,
        "version": alias.version,
        "description": alias.description,
        "last_modified": stamp(alias.updated_at),
        "alias_urn": write(named, call.state.region, call.state.project),
        "additional_version_weights": {
            version: round(share * PERCENT) for version, share in alias.weights.items()
        },
        "additional_version_strategy": {},
    }


ALL = "/fgs/functions/{function_urn}/aliases"
ONE = ALL + "/{alias_name}"
ROUTES = (
    Route("create_version_alias", "POST", ALL, create_version_alias),
    Route("list_version_aliases", "GET", ALL, list_version_aliases),
    Route("show_version_alias", "GET", ONE, show_version_alias),
    Route("update_version_alias", "PUT", ONE, update_version_alias),
    Route("delete_version_alias", "DELETE", ONE, delete_version_alias),
)
