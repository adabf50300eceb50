"""Published versions of a function: frozen copies of what is deployed. Publish, look, list, delete."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from ...catalog.function import Function
from ...engine.engine import Engine
from ..shared.answer import answer, empty
from ..shared.rest.call import Call
from .function_view import Deployed, deployed
from .paging import bad_cursor, cut


class PublishBody(Struct, forbid_unknown_fields=True):
    """`note`: why, for people; at most 1024 characters. `version`: its name; without one it gets the
    next whole number, which no version of the function has had."""

    note: str = ""
    version: str | None = None


class VersionLinks(Struct):
    self: str
    invocations: str
    invoke: str


class VersionShown(Deployed, kw_only=True):
    """A published version, as it was deployed when it was published, with the asynchronous
    configuration that counts for calls of it."""

    version: str
    note: str
    links: VersionLinks


class VersionPage(Struct):
    items: list[VersionShown]
    cursor: str | None


async def publish(call: Call) -> Response:
    engine, name = call.context.engine, call.path["name"]
    engine.functions.get(name)  # what is not there is said before the rest
    body = await call.json(PublishBody)
    shown = show(engine, await engine.functions.publish_version(name, body.note, body.version))
    return answer(shown, 201, {"location": shown.links.self})


async def listed(call: Call) -> Response:
    engine, cursor = call.context.engine, call.query["cursor"]
    found = engine.functions.versions(call.path["name"])[::-1]
    if cursor is not None:
        if not (cursor.isascii() and cursor.isdecimal()):
            raise bad_cursor(cursor)
        found = [version for version in found if version.id < int(cursor)]
    page, following = cut(found, call.query["limit"], lambda version: str(version.id))
    return answer(VersionPage([show(engine, version) for version in page], following))


async def get(call: Call) -> Response:
    engine, name, version = call.context.engine, call.path["name"], call.path["version"]
    for row in engine.functions.versions(name):
        if row.version == version:
            return answer(show(engine, row))
    raise engine.functions.no_version(name, version)


async def delete(call: Call) -> Response:
    await call.context.engine.functions.delete_version(call.path["name"], call.path["version"])
    return empty()


def show(engine: Engine, function: Function) -> VersionShown:
    path, version = f"/v1/functions/{function.name}", function.version
    return VersionShown(
        version=version,
        note=function.note,
        links=VersionLinks(
            f"{path}/versions/{version}",
            f"{path}/invocations?qualifier={version}",
            f"{path}/invoke?qualifier={version}",
        ),
        **deployed(engine, function),
    )
