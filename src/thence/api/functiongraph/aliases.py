"""Aliases of a function: names for a version, with a share of calls for one more (reference 3).

An update changes what it names and keeps the rest. No two aliases have the same main version.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.responses import Response

from ...catalog.alias import Alias
from ...catalog.function import LATEST, Function
from ...errors import Conflict, VersionNotFound
from .answer import answer, empty
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
    async with call.state.changing:
        function = _function(call)
        if len(call.engine.aliases(function.name)) >= ALIASES_MAX:
            raise FssError(403, "FSS.1043", f"name: a function has at most {ALIASES_MAX} aliases")
        alias = _changed(Alias(asked.name, asked.version), asked)
        return answer(_shown(call, await _put(call, function.name, alias, create=True)))


async def list_version_aliases(call: Call) -> Response:
    """A bare list, which is what the clients read (reference 16)."""
    return answer([_shown(call, one) for one in call.engine.aliases(_function(call).name)])


async def show_version_alias(call: Call) -> Response:
    return answer(_shown(call, found_alias(call, call.path["alias_name"])))


async def update_version_alias(call: Call) -> Response:
    asked = read(await call.object(), UpdateAlias)
    async with call.state.changing:
        before = found_alias(call, call.path["alias_name"])
        alias = _changed(before, asked)
        return answer(_shown(call, await _put(call, call.urn.ours, alias, create=False)))


async def delete_version_alias(call: Call) -> Response:
    async with call.state.changing:
        alias = found_alias(call, call.path["alias_name"])
        await call.engine.delete_alias(call.urn.ours, alias.name)
    return empty()


# ---------------------------------------------------------------- inside


def _function(call: Call) -> Function:
    """The function of the path, whatever version the path names with it."""
    urn = call.urn
    return row(call, Urn(urn.package, urn.name))


def _changed(before: Alias, asked: UpdateAlias) -> Alias:
    """`before` with what is asked. A share that stays of an earlier version ends where the alias
    itself moves to that version. Raises FssError."""
    if asked.additional_version_strategy:
        raise invalid(
            "additional_version_strategy: calls cannot be shared by their headers; leave it out and "
            "share them by additional_version_weights",
            INVALID_ALIAS,
        )
    version = asked.version or before.version
    if asked.additional_version_weights is None:
        weights = {one: share for one, share in before.weights.items() if one != version}
    else:
        weights = _weights(asked.additional_version_weights, version)
    description = before.description if asked.description is None else asked.description
    return replace(before, version=version, weights=weights, description=description)


def _weights(asked: dict[str, Any], version: str) -> dict[str, float]:
    if len(asked) > 1:
        raise invalid(
            f"additional_version_weights: {len(asked)} versions; at most one besides version",
            NO_SHARE,
        )
    found: dict[str, float] = {}
    for other, percent in asked.items():
        where = f"additional_version_weights.{other[:64]}"
        if other == LATEST:
            raise invalid(f"{where}: latest cannot be the additional version", IS_LATEST)
        if other == version:
            raise invalid(f"{where}: it is the version of the alias itself", IS_MAIN)
        if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= PERCENT:
            raise invalid(
                f"{where}: {str(percent)[:40]!r} is not a percentage, a whole number from 0 to "
                f"{PERCENT}",
                NO_SHARE,
            )
        found[other] = percent / PERCENT
    return found


async def _put(call: Call, name: str, alias: Alias, *, create: bool) -> Alias:
    for one in call.engine.aliases(name):
        if one.name == alias.name:
            if create:
                raise FssError(409, "FSS.1063", f"alias {alias.name!r} already exists")
        elif one.version == alias.version:
            raise FssError(
                409,
                "FSS.1066",
                f"version: {alias.version!r} is already the version of the alias {one.name!r}; a "
                "version has at most one",
            )
    try:
        return await call.engine.put_alias(name, alias, create=create)
    except VersionNotFound as error:
        raise no_version(name_of(name), str(error.fields["name"])) from None
    except Conflict as error:
        raise FssError(409, "FSS.1063", f"name: {error.detail}") from None


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
