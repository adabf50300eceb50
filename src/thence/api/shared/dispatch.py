"""How a vendor's door answers a request: with an id on every answer, and with every error in its words."""

from __future__ import annotations

import logging
from typing import ClassVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ...errors import Overloaded, ThenceError
from ...lifecycle.ids import format_id
from .context import Context
from .every_answer import with_header


class Dispatch:
    """Base of a door's application."""

    log: ClassVar[logging.Logger]
    id_header: ClassVar[str]
    """The header that has the request's id; in lower case."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def answer(self, request: Request, request_id: str) -> Response:
        """Find the route, see who asks, do it. What it raises becomes a refusal."""
        raise NotImplementedError

    def refusal(self, error: ThenceError | None, request_id: str) -> Response:
        """An error in the door's words. None: a mistake of ours, of which the caller learns nothing."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = format_id(self.context.engine.new_id())
        try:
            response = await self.answer(Request(scope, receive), request_id)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except ThenceError as error:
            response = self.refusal(error, request_id)
        except Exception:
            # Whatever a handler's mistake is, the caller learns nothing of its inside.
            self.log.exception("%s %r failed", scope.get("method"), scope.get("path"))
            response = self.refusal(None, request_id)
        send = with_header(send, self.id_header, request_id)
        try:
            await response(scope, receive, send)
        except Overloaded as error:  # too much is unread for an answer as large as this
            await self.refusal(error, request_id)(scope, receive, send)
