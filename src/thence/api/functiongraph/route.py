"""What a route of this door is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct
from starlette.responses import Response

from .call import Call
from .section import FunctionGraphSettings

Handler = Callable[[Call], Awaitable[Response]]


class Route(Struct, frozen=True):
    """One method at one path below `/v2/{project_id}`. `operation`: the SDK's method. `body_max`:
    bytes of the body, a number or what the settings say; the body is read and its signature proven
    before the handler is called. `open`: nobody is asked who they are."""

    operation: str
    method: str
    path: str
    handler: Handler
    body_max: int | Callable[[FunctionGraphSettings], int] = 256 * 1024
    open: bool = False

    def body_bytes_max(self, settings: FunctionGraphSettings) -> int:
        return self.body_max if isinstance(self.body_max, int) else self.body_max(settings)
