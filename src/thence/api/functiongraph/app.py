"""The ASGI application of this door: finds the route and asks who it is; errors are said
in the vendor's words."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from ...engine.actor import ACTOR, TOKEN, UNAUTHENTICATED
from ...errors import ThenceError
from ..shared.dispatch import Dispatch
from ..shared.segments import Segments, split
from .answer import refusal
from .call import Call
from .errors import FssError, internal, not_found, translated
from .route import Route
from .state import FunctionGraphState
from .table import ROUTES

PREFIX = "v2"
REQUEST_ID = "x-request-id"


class FunctionGraphApp(Dispatch):
    """Answers everything below `/v2/{project_id}`."""

    log = logging.getLogger("thence.api.functiongraph")
    id_header = REQUEST_ID

    def __init__(self, state: FunctionGraphState) -> None:
        super().__init__(state.context)
        self._state = state
        self._routes = Segments[Route]((route.method, route.path, route) for route in ROUTES)

    def takes(self, scope: Scope) -> bool:
        """Whether the request's path belongs to this door."""
        return bool(scope["path"][1:].partition("/")[0] == PREFIX)

    def refusal(self, error: ThenceError | None, request_id: str) -> Response:
        return refusal(internal() if error is None else translated(error))

    async def answer(self, request: Request, request_id: str) -> Response:
        scope = request.scope
        method, path = scope["method"], scope["path"]
        raw_path = scope.get("raw_path") or path.encode()
        segments = split(raw_path)
        if not segments or len(segments) < 3:
            raise not_found(f"there is nothing at {path[:200]!r}")
        methods, values = self._routes.find(segments[2:])
        found = methods.get(method)
        names, route = found if found is not None else ((), None)
        path_names = dict(zip(names, values, strict=True)) if route is not None else {}
        call = Call(self._state, request, path_names, request_id)
        starting = self.context.starting()
        if starting is not None:
            raise FssError(503, "FSS.0503", starting)
        # Who asks comes before what there is: strangers learn nothing of the paths.
        if route is None or not route.open:
            call.claim = self._state.authenticator.check(
                method, raw_path, scope["query_string"], scope["headers"]
            )
            ACTOR.set(_actor(call))
        settings = self._state.settings
        await call.body(route.body_bytes_max(settings) if route is not None else 256 * 1024)
        project = self._state.project
        if segments[1] != project:
            raise FssError(
                403,
                "FSS.0403",
                f"project_id: {segments[1][:64]!r} is not this service's project ({project!r}, "
                "the setting account_id)",
            )
        if route is None:
            raise not_found(f"there is nothing at {method} {path[:200]!r}")
        return await route.handler(call)


def _actor(call: Call) -> str:
    """Who asks, once the body has proven it."""
    if call.claim is not None:
        return call.claim.key.access_key_id
    return UNAUTHENTICATED if call.state.authenticator.open else TOKEN
