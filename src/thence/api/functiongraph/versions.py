"""Published versions of a function: frozen copies of its configuration and code (reference 3)."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.responses import Response

from ...catalog.function import LATEST, Function
from ...engine.plan import Plan
from ...errors import Conflict
from ..shared.answer import answer
from .async_config import shown_settings
from .call import Call
from .digest import digest
from .errors import FssError, invalid
from .found import latest, row, shown
from .function_input import read, wrong
from .function_view import show
from .paging import page, paged
from .route import Route
from .urn import Urn, name_of

VERSIONS_MAX = 20  # latest included (reference 3)
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,40}[A-Za-z0-9])?")
MD5_CHARACTERS = 32
_AUTOMATIC_TRIES = 60  # seconds of names, of which latest can have used one each


class CreateVersion(Struct, forbid_unknown_fields=True):
    digest: str = ""
    version: str = ""
    description: Annotated[str, Meta(max_length=512)] = ""


async def create_function_version(call: Call) -> Response:
    asked = read(await call.object(), CreateVersion)
    if asked.version and (NAME.fullmatch(asked.version) is None or asked.version.lower() == LATEST):
        raise invalid(
            f"version: {asked.version[:80]!r} is not valid; 1 to 42 letters, digits, '_', '-' or "
            "'.', beginning and ending with a letter or digit, and not latest",
            "FSS.1015",
        )
    name = ""

    async def decide() -> Plan:
        nonlocal name
        function = latest(call)
        versions = call.engine.functions.versions(function.name)
        await _check_digest(call, function, asked.digest)
        _check_room(versions)
        _check_changed(function, versions)
        name = asked.version or _automatic(call, function.name, versions)
        return call.engine.functions.plans.publish_version(function.name, asked.description, name)

    try:
        await call.engine.functions.change(decide)
    except Conflict as error:
        raise FssError(409, "FSS.1062", f"version: {error.detail}") from None
    return answer(await _show(call, call.engine.functions.get(call.urn.ours, name)))


async def list_function_versions(call: Call) -> Response:
    """`latest` first, then the newest."""
    urn = call.urn
    function = row(call, Urn(urn.package, urn.name))
    found = [function, *reversed(call.engine.functions.versions(function.name))]
    part, next_marker = page(call, found)
    versions = [await _show(call, version) for version in part]
    return answer(paged("versions", versions, next_marker, len(found)))


# ---------------------------------------------------------------- inside


async def _show(call: Call, function: Function) -> dict[str, Any]:
    found = show(await shown(call, function))
    settings = call.engine.functions.async_config(function.name, function.version)
    if settings is not None:
        urn = replace(name_of(function.name), qualifier=function.version)
        found["function_async_config"] = shown_settings(call, urn, settings)
    return {**found, **found["strategy_config"], "version_description": function.note}


async def _check_digest(call: Call, function: Function, given: str) -> None:
    """A client may say which code it means: by its SHA-512, as it is shown, or by its MD5, of which
    the vendor's documentation speaks."""
    if not given:
        return
    algorithm = "md5" if len(given) == MD5_CHARACTERS else "sha512"
    there = await digest(call.engine, function, algorithm)
    if given.lower() != there:
        raise wrong(
            f"digest: {given[:128]!r} is not that of the code which is deployed now, {there}; it "
            "was changed meanwhile"
        )


def _check_room(versions: list[Function]) -> None:
    if len(versions) + 1 >= VERSIONS_MAX:
        raise FssError(
            403,
            "FSS.0403",
            f"version: a function has at most {VERSIONS_MAX} versions with latest; delete one "
            "that no alias uses",
        )


def _check_changed(function: Function, versions: list[Function]) -> None:
    """Raises FssError where the newest version is the same."""
    newest = versions[-1] if versions else None
    if newest is not None and (newest.code_digest, newest.spec) == (
        function.code_digest,
        function.spec,
    ):
        raise invalid(
            f"version: code and configuration are unchanged since version {newest.version!r} was "
            "published",
            "FSS.1016",
        )


def _automatic(call: Call, name: str, versions: list[Function]) -> str:
    """`vYYYYMMDD-HHMMSS`, in UTC: of now, or of the next second without a version."""
    taken = {version.version for version in versions} | {
        alias.name for alias in call.engine.functions.aliases(name)
    }
    now = call.context.clock.now() // 1000
    names = (
        time.strftime("v%Y%m%d-%H%M%S", time.gmtime(now + more)) for more in range(_AUTOMATIC_TRIES)
    )
    return next(free for free in names if free not in taken)


ALL = "/fgs/functions/{function_urn}/versions"
ROUTES = (
    Route("create_function_version", "POST", ALL, create_function_version),
    Route("list_function_versions", "GET", ALL, list_function_versions),
)
