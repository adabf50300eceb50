"""What a route is: enough to dispatch it, to check its parameters and to describe it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct
from starlette.responses import Response

from .call import Call
from .parameter import Parameter

Handler = Callable[[Call], Awaitable[Response]]


class Route(Struct, frozen=True):
    """One method at one path. `answers`: status to the type of its JSON, or to a media type as
    text, or None for no body. Problems are in all routes and not repeated."""

    method: str
    path: str
    handler: Handler
    summary: str
    answers: dict[int, Any]
    parameters: tuple[Parameter, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()  # request headers: name, meaning
    body: Any = None  # a type, or a media type as text
    example: Any = None  # of the body
    open: bool = False  # needs no credentials
