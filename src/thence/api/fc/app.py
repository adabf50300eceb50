"""The ASGI application of this door: finds the route and asks who it is; errors are said
in the vendor's words."""

from __future__ import annotations

import logging
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from ...engine.actor import ACTOR, UNAUTHENTICATED
from ...errors import ThenceError
from ..shared.dispatch import Dispatch
from ..shared.segments import Segments, split
from .answer import refusal
from .call import Call, Generation
from .errors import FcError, internal, not_supported, translated
from .route import Route
from .state import FcState
from .table import ROUTES

GENERATIONS: tuple[Generation, ...] = get_args(Generation)
REQUEST_ID = "x-fc-request-id"


class FcApp(Dispatch):
    """Answers everything below `/2023-03-30`, `/2021-04-06` and `/2016-08-15`."""

    log = logging.getLogger("thence.api.fc")
    id_header = REQUEST_ID

    def __init__(self, state: FcState) -> None:
        super().__init__(state.context)
        self._state = state
        self._routes = {
            generation: Segments[Route](
                (route.method, route.path, route)
                for route in ROUTES
                if generation in route.generations
            )
            for generation in GENERATIONS
        }

    def takes(self, scope: Scope) -> bool:
        """Whether the request's path belongs to this door."""
        return scope["path"][1:].partition("/")[0] in self._routes

    def refusal(self, error: ThenceError | None, request_id: str) -> Response:
        return refusal(internal() if error is None else translated(error), request_id)

    async def answer(self, request: Request, request_id: str) -> Response:
        scope = request.scope
        method, path = scope["method"], scope["path"]
        raw_path = scope.get("raw_path") or path.encode()
        segments = split(raw_path)
        if not segments or segments[0] not in self._routes:
            raise not_supported(method, path)
        generation: Generation = segments[0]
        methods, values = self._routes[generation].find(segments[1:])
        found = methods.get(method) or methods.get("ANY")
        names, route = found if found is not None else ((), None)
        call = Call(
            self._state,
            request,
            generation,
            dict(zip(names, values, strict=True)) if route else {},
            request_id,
        )
        starting = self.context.starting()
        if starting is not None:
            raise FcError(503, "ResourceThrottled", starting)
        # Who asks comes before what there is: strangers learn nothing of the paths.
        if route is None or not route.open:
            call.caller = self._state.authenticator.check(
                method, raw_path, scope["query_string"], scope["headers"]
            )
            ACTOR.set(call.caller.access_key_id if call.caller else UNAUTHENTICATED)
        if route is None:
            raise not_supported(method, path)
        return await route.handler(call)
