"""OpenAPI 3.1 of the native door, made from the table of routes and the types of the answers."""

from __future__ import annotations

import re
from types import UnionType
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Struct
from starlette.responses import Response

from ... import __version__
from ..shared.answer import answer
from ..shared.context import Context
from ..shared.problems import MEDIA_TYPE
from ..shared.rest.call import Call
from ..shared.rest.parameter import Parameter
from ..shared.rest.route import Route
from ..shared.sessions import COOKIE, CSRF_HEADER
from . import openapi_rules as rules

_SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "integer": {
        "type": "integer",
        "minimum": -rules.INTEGER_MAX,
        "maximum": rules.INTEGER_MAX,
    },
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
    "id": {"type": "string", "format": "uuid"},
    "time": {
        "description": "RFC 3339, or milliseconds since 1970.",
        "anyOf": rules.TIME,
    },
}


class Problem(Struct):
    """RFC 9457. Further members are facts of the error (`field`, `limit`, …)."""

    type: str
    title: str
    status: int
    detail: str
    code: str


def _path_schema(path: str, name: str) -> dict[str, Any]:
    """What a name in a path may be."""
    if name == "name" and "/mailbox/" in path:
        return rules.BOX
    return rules.PATHS.get(name, {"type": "string"})


async def document(call: Call) -> Response:
    """Of all routes, also those that other doors add."""
    found = _DOCUMENTS.get(call.context)
    if found is None:
        found = _DOCUMENTS[call.context] = describe(call.context.routes)
    return answer(found)


_DOCUMENTS: WeakKeyDictionary[Context, dict[str, Any]] = WeakKeyDictionary()


def describe(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The document."""
    types: list[Any] = [Problem]
    for route in routes:
        for kind in (*route.answers.values(), route.body):
            types.extend(_types(kind))
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    for body in {_key(route.body): route.body for route in routes if _types(route.body)}.values():
        rules.tighten(body.__name__, components[body.__name__])
    refs = {_key(type_): schema for type_, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Thence",
            "version": __version__,
            "description": "Asynchronous invocation of functions: accepted means on disk. "
            "Whole numbers are written without a point: `1`, not `1.0`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"root": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "root": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`id:secret` of the root credentials, where they are set.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "Of `POST /v1/session`. What changes anything also needs its "
                    f"`csrf_token` in the header {CSRF_HEADER}.",
                },
            },
            "responses": {
                "Problem": {
                    "description": "Why it was refused or failed.",
                    "content": {MEDIA_TYPE: {"schema": refs[_key(Problem)]}},
                }
            },
        },
    }


def _types(kind: Any) -> tuple[Any, ...]:
    """The types to describe: none for a media type, each part of a union."""
    if kind is None or isinstance(kind, str):
        return ()
    return kind.__args__ if isinstance(kind, UnionType) else (kind,)


def _key(kind: Any) -> str:
    return str(kind)


def _operation(route: Route, refs: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _name(route),
        "summary": route.summary,
        "parameters": [
            *(
                {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "schema": _path_schema(route.path, name),
                }
                for name in re.findall(r"{(\w+)}", route.path)
            ),
            *(_parameter(parameter) for parameter in route.parameters),
            *(
                {
                    "name": name,
                    "in": "header",
                    "description": text,
                    "schema": rules.HEADERS.get(name, {"type": "string"}),
                }
                for name, text in route.headers
                if name != "Content-Type"  # OpenAPI: part of the body's description
            ),
        ],
        "responses": {
            **{str(status): _response(kind, refs) for status, kind in route.answers.items()},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if route.body is not None:
        operation["requestBody"] = _body(route, refs)
    if route.open:
        operation["security"] = []
    return operation


def _name(route: Route) -> str:
    words = [word for word in re.split(r"[^a-zA-Z0-9]+", route.path) if word not in ("", "v1")]
    return "_".join((route.method.lower(), *words))


def _parameter(parameter: Parameter) -> dict[str, Any]:
    item: dict[str, Any] = dict(
        _SCHEMAS["text"] if parameter.kind == "list" else _SCHEMAS[parameter.kind]
    )
    if parameter.name == "cursor" and parameter.kind == "text":
        item["minLength"] = 1  # and made by the page before
    if parameter.choices:
        item["enum"] = list(parameter.choices)
    if parameter.minimum is not None:
        item["minimum"] = parameter.minimum
    if parameter.maximum is not None:
        item["maximum"] = parameter.maximum
    if parameter.kind == "list":
        item = {"type": "array", "items": item}
    if parameter.default is not None:
        item["default"] = parameter.default
    shown = {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": item,
    }
    return {**shown, "style": "form", "explode": False} if parameter.kind == "list" else shown


def _response(kind: Any, refs: dict[str, Any]) -> dict[str, Any]:
    if kind is None:
        return {"description": "Done; no body."}
    if isinstance(kind, str):
        return {"description": "As it is.", "content": _media(kind)}
    found = [refs[_key(part)] for part in _types(kind)]
    return {
        "description": (_types(kind)[0].__doc__ or "The answer.").strip(),
        "content": {
            "application/json": {"schema": found[0] if len(found) == 1 else {"anyOf": found}}
        },
    }


def _media(kind: str) -> dict[str, dict[str, Any]]:
    """What may be anything is JSON mostly."""
    return {"application/json": {}, kind: {}} if kind == "*/*" else {kind: {}}


def _body(route: Route, refs: dict[str, Any]) -> dict[str, Any]:
    if isinstance(route.body, str):
        content = _media(route.body)
    else:
        content = {"application/json": {"schema": refs[_key(route.body)]}}
    if route.example is not None:
        next(iter(content.values()))["example"] = route.example
    return {"content": content}
