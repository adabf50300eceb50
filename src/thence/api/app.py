"""The ASGI application: credentials, routing, and every error as a problem."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as Path
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ..engine.actor import ACTOR
from ..errors import ThenceError
from .fc.app import FcApp
from .fc.upload import UploadApp
from .functiongraph.app import FunctionGraphApp
from .native.answer import problem
from .native.call import Call
from .native.route import Route
from .native.table import ROUTES
from .shared.context import Context
from .shared.pages import Pages
from .shared.problems import MethodNotAllowed, NotReady, RouteNotFound, internal
from .shared.sessions import CSRF_HEADER
from .shared.unread import ASKING, CONNECTION, counted

log = logging.getLogger("thence.api")
CSRF = CSRF_HEADER.lower().encode()


def build_app(context: Context, pages: Sequence[Pages] = ()) -> ASGIApp:
    """The application of all doors, and of the pages."""
    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    paths = [Path(path, _Endpoint(context, routes)) for path, routes in by_path.items()]
    return _App(context, Router(paths, redirect_slashes=False, default=_nothing), pages)


class _Endpoint:
    """The methods of one path."""

    def __init__(self, context: Context, routes: dict[str, Route]) -> None:
        self._context = context
        self._routes = routes
        self._allow = ", ".join(
            sorted({*routes, *(("HEAD",) if "GET" in routes else ()), "OPTIONS"})
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method == "OPTIONS":
            # What is possible here; no page of another site is ever allowed in (no CORS headers).
            await Response(status_code=204, headers={"allow": self._allow})(scope, receive, send)
            return
        route = self._routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise MethodNotAllowed(
                f"{scope['path'][:200]} does not take {method}; it takes {self._allow}.",
                self._allow,
            )
        call = Call(self._context, Request(scope, receive), route.parameters)
        response = await route.handler(call)
        await response(scope, receive, send)


class _App:
    """Around the routes: who asks, and what becomes of errors."""

    def __init__(self, context: Context, router: Router, pages: Sequence[Pages]) -> None:
        self._context = context
        self._router = router
        self._pages = pages
        self._uploads = UploadApp(context)
        self._vendors = (FcApp(context), FunctionGraphApp(context))
        self._open = frozenset(route.path for route in ROUTES if route.open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, out = False, send

        async def watched(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await out(message)

        # Nothing of an answer is sent before it is known that it may be.
        connection = scope.pop(CONNECTION, None)
        send = watched
        if connection is not None:
            send = counted(watched, connection, scope["method"])
        ASKING.set(connection)
        try:
            if self._uploads.takes(scope):
                # Any host: what is not signed with a key that this service gave goes no further.
                await self._uploads(scope, receive, send)
                return
            for vendor in self._vendors:
                if vendor.takes(scope["path"]):
                    self._check_origin(scope)
                    await vendor(scope, receive, send)
                    return
            for pages in self._pages:
                if pages.takes(scope["path"]):
                    self._check_origin(scope)
                    await pages(scope, receive, send)
                    return
            self._check(scope)
            await self._router(scope, receive, send)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except ThenceError as error:
            if started:
                raise
            await problem(error)(scope, receive, send)
        except (
            Exception
        ):  # whatever a handler's mistake is, the caller learns nothing of its inside
            if started:
                raise
            log.exception("%s %r failed", scope.get("method"), scope.get("path"))
            await problem(internal())(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if scope["path"] in self._open:
            return
        starting = self._context.starting()
        if starting is not None:
            raise NotReady(starting)
        self._check_credentials(scope)
        ACTOR.set(self._context.credentials.actor)
        self._check_origin(scope)

    def _check_credentials(self, scope: Scope) -> None:
        """The credentials themselves, or the session of a browser that has shown them."""
        authorization = _header(scope, b"authorization")
        if authorization is None and self._context.credentials.required:
            cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
            csrf_token = _header(scope, CSRF)
            if cookies and self._context.sessions.check(
                cookies.decode("latin-1"),
                scope["method"],
                None if csrf_token is None else csrf_token.decode("latin-1"),
            ):
                return
        self._context.credentials.check(authorization)

    def _check_origin(self, scope: Scope) -> None:
        origin, host = _header(scope, b"origin"), _header(scope, b"host")
        self._context.credentials.check_origin(
            origin.decode("latin-1") if origin is not None else None,
            host.decode("latin-1") if host is not None else None,
        )


def _header(scope: Scope, name: bytes) -> bytes | None:
    """The last of that name."""
    found: bytes | None = None
    for given, value in scope["headers"]:
        if given == name:
            found = value
    return found


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise RouteNotFound(
        f"There is nothing at {scope['path'][:200]!r}; see GET /v1/openapi.json for what there is.",
        path=scope["path"][:200],
    )


__all__ = ["build_app"]
