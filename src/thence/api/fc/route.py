"""What a route of this door is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct
from starlette.responses import Response

from .call import Call, Generation

Handler = Callable[[Call], Awaitable[Response]]
V3: tuple[Generation, ...] = ("2023-03-30",)
V2: tuple[Generation, ...] = ("2021-04-06", "2016-08-15")


class Route(Struct, frozen=True):
    """One method at one path below the generations' prefixes. Path names are `{function}`,
    `{service}` and whatever else the handler reads from `call.path`. `operation`: the vendor's name
    of it, as in `x-acs-action`. `open`: the authenticator is not asked; the handler knows who may."""

    operation: str
    method: str
    path: str
    handler: Handler
    generations: tuple[Generation, ...]
    open: bool = False
