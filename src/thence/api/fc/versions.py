"""Versions of a function (FC 3.0): frozen copies of LATEST, numbered from 1, no number given twice
(reference 8.3).

Publishing again without a change in between makes a further version: the vendor's sources say
nothing of it, and a caller that asked for a version gets one that nobody else moves or deletes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct
from starlette.responses import Response

from ...catalog.function import Function
from ...errors import Conflict, VersionNotFound
from ..shared.answer import answer, empty
from .answer import resource, stamp
from .call import Call
from .errors import FcError, invalid
from .names import QUALIFIER, THEIR_LATEST
from .paging import page, paged
from .route import V3, Route
from .services import wanted

T = TypeVar("T")
DESCRIPTION_MAX = 256


class PublishVersion(Struct, forbid_unknown_fields=True):
    description: Annotated[str, Meta(max_length=DESCRIPTION_MAX)] = ""


# ---------------------------------------------------------------- operations


async def publish_version(call: Call) -> Response:
    name, asked = wanted(call).name, await call.json(PublishVersion)
    return resource(shown(await call.engine.functions.publish_version(name, asked.description)))


async def list_versions(call: Call) -> Response:
    return list_of(
        call, call.engine.functions.versions(wanted(call).name), lambda version: version.id, shown
    )


async def delete_version(call: Call) -> Response:
    name, version = wanted(call).name, version_of(call)
    try:
        await call.engine.functions.delete_version(name, version)
    except Conflict as error:
        raise in_use(version, error.fields["aliases"][0]) from None
    except VersionNotFound:
        raise no_version(version, name) from None
    return empty()


# ---------------------------------------------------------------- also of services


def list_of(
    call: Call, found: Sequence[T], place: Callable[[T], int], show: Callable[[T], dict[str, Any]]
) -> Response:
    """A page of versions, the newest first unless `direction` is FORWARD. `place`: larger in newer
    ones."""
    newest_first = backward(call)
    ordered = sorted(found, key=place, reverse=newest_first)
    part, token = page(call, ordered, lambda version: (place(version),), descending=newest_first)
    shown = {
        "versions": [show(version) for version in part],
        "direction": "BACKWARD" if newest_first else "FORWARD",
    }
    return answer(paged(call, shown, token))


def backward(call: Call) -> bool:
    direction = call.query.get("direction") or "BACKWARD"
    if direction not in ("BACKWARD", "FORWARD"):
        raise invalid(f"direction: {direction[:40]!r} is not BACKWARD or FORWARD")
    return direction == "BACKWARD"


def version_of(call: Call) -> str:
    """The version of the path. A name that can be no version is one that is not there."""
    version = call.path["version"]
    if version == THEIR_LATEST:
        raise invalid("versionId: LATEST is not a published version; delete the function instead")
    if QUALIFIER.fullmatch(version) is None:
        raise FcError(404, "VersionNotFound", f"version '{version[:140]}' does not exist")
    return version


def no_version(version: str, function: str) -> FcError:
    return FcError(
        404, "VersionNotFound", f"version '{version}' of function '{function}' does not exist"
    )


def in_use(version: str, alias: str) -> FcError:
    return invalid(
        f"versionId: version '{version}' is used by the alias '{alias}'; change or delete the "
        "alias first"
    )


def shown(function: Function) -> dict[str, Any]:
    return shown_version(function.version, function.note, function.created_at)


def shown_version(version: str, description: str, created_at: int) -> dict[str, Any]:
    """Published versions never change."""
    return {
        "versionId": version,
        "description": description,
        "createdTime": stamp(created_at),
        "lastModifiedTime": stamp(created_at),
    }


ALL = "/functions/{function}/versions"
ROUTES = (
    Route("PublishFunctionVersion", "POST", ALL, publish_version, V3),
    Route("ListFunctionVersions", "GET", ALL, list_versions, V3),
    Route("DeleteFunctionVersion", "DELETE", ALL + "/{version}", delete_version, V3),
)
