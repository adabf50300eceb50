"""The application of the routes under `/v1` (and of `/metrics`, `/livez`, `/readyz`), of all doors."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Path
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from ....engine.actor import ACTOR
from ..context import Context
from ..problems import MethodNotAllowed, NotReady, RouteNotFound
from ..sessions import CSRF_HEADER
from .call import Call
from .route import Route

CSRF = CSRF_HEADER.lower().encode()


class RestApp:
    """Answers everything that no other application takes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        by_path: dict[str, dict[str, Route]] = {}
        for route in context.routes:
            by_path.setdefault(route.path, {})[route.method] = route
        paths = [Path(path, _Endpoint(context, routes)) for path, routes in by_path.items()]
        self._router = Router(paths, redirect_slashes=False, default=_nothing)
        self._open = frozenset(route.path for route in context.routes if route.open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in self._open:
            self._check(scope)
        await self._router(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        starting = self._context.starting()
        if starting is not None:
            raise NotReady(starting)
        self._check_credentials(scope)
        ACTOR.set(self._context.credentials.actor)
        self._context.credentials.check_origin_of(scope)

    def _check_credentials(self, scope: Scope) -> None:
        """The credentials themselves, or the session of a browser that has shown them."""
        headers: dict[bytes, bytes] = dict(scope["headers"])  # of several, the last one
        authorization = headers.get(b"authorization")
        if authorization is None and self._context.credentials.required:
            cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
            csrf_token = headers.get(CSRF)
            if cookies and self._context.sessions.check(
                cookies.decode("latin-1"),
                scope["method"],
                None if csrf_token is None else csrf_token.decode("latin-1"),
            ):
                return
        self._context.credentials.check(authorization)


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


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise RouteNotFound(
        f"There is nothing at {scope['path'][:200]!r}; see GET /v1/openapi.json for what there is.",
        path=scope["path"][:200],
    )
