"""The ASGI application of this door: finds the route, asks who it is, turns every error into the
vendor's words, gives every answer its request id."""

from __future__ import annotations

import logging
from typing import get_args

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...engine.actor import ACTOR, UNAUTHENTICATED
from ...errors import Overloaded, ThenceError
from ...lifecycle.ids import format_id
from ..shared.every_answer import with_header
from ..shared.segments import Segments, split
from .answer import refusal
from .call import Call, Generation
from .errors import FcError, internal, not_supported, translated
from .route import Route
from .state import FcState
from .table import ROUTES

log = logging.getLogger("thence.api.fc")

GENERATIONS: tuple[Generation, ...] = get_args(Generation)
REQUEST_ID = "x-fc-request-id"


class FcApp:
    """Answers everything below `/2023-03-30`, `/2021-04-06` and `/2016-08-15`."""

    def __init__(self, state: FcState) -> None:
        self._state = state
        self._context = state.context
        self._routes = {
            generation: Segments[Route](
                (one.method, one.path, one) for one in ROUTES if generation in one.generations
            )
            for generation in GENERATIONS
        }

    def takes(self, scope: Scope) -> bool:
        """Whether the request's path belongs to this door."""
        return scope["path"][1:].partition("/")[0] in self._routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = format_id(self._context.engine.new_id())
        try:
            response = await self._answer(Request(scope, receive), scope, request_id)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except ThenceError as error:
            response = refusal(translated(error), request_id)
        except (
            Exception
        ):  # whatever a handler's mistake is, the caller learns nothing of its inside
            log.exception("%s %r failed", scope.get("method"), scope.get("path"))
            response = refusal(internal(), request_id)
        send = with_header(send, REQUEST_ID, request_id)
        try:
            await response(scope, receive, send)
        except Overloaded as error:  # too much is unread for an answer as large as this
            await refusal(translated(error), request_id)(scope, receive, send)

    async def _answer(self, request: Request, scope: Scope, request_id: str) -> Response:
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
        starting = self._context.starting()
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
