"""The ASGI application of all doors: whose a request is, and every error that none of them answered."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import ThenceError
from .shared.context import Context
from .shared.door import Door, Mount
from .shared.pages import Pages
from .shared.problems import internal
from .shared.rest.answer import problem
from .shared.rest.app import RestApp
from .shared.unread import ASKING, CONNECTION, counted

log = logging.getLogger("thence.api")


def build_app(context: Context, doors: Sequence[Door], pages: Sequence[Pages] = ()) -> ASGIApp:
    """The application of these doors. pages: what else is served, after the doors' own paths."""
    mounts = [
        *(mount for door in doors for mount in door.mounts),
        *(_mounted(each) for each in pages),
    ]
    return _App(context, mounts)


def _mounted(pages: Pages) -> Mount:
    return Mount(lambda scope: pages.takes(scope["path"]), pages)


class _App:
    """The first mount that takes a request answers it; what none takes is a route under `/v1`, or
    nothing."""

    def __init__(self, context: Context, mounts: Sequence[Mount]) -> None:
        self._context = context
        self._mounts = sorted(mounts, key=lambda mount: not mount.any_host)
        self._rest = RestApp(context)

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
            await self._answered(scope, receive, send)
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

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        for mount in self._mounts:
            if mount.takes(scope):
                if not mount.any_host:
                    self._context.credentials.check_origin_of(scope)
                await mount.app(scope, receive, send)
                return
        await self._rest(scope, receive, send)


__all__ = ["build_app"]
