"""The contract between the service and one kind of trigger.

A source only yields firings, in order; it accepts nothing and remembers nothing. The service accepts
them one after the other, keeps the position of the last that is on disk, and gives it to the source
when it begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from ..clock import Clock


class Firing(Struct, frozen=True):
    """One call to be made. `key`: the same whenever the source yields this firing again; it is
    accepted once. At most 200 characters. `position`: where to go on once it is accepted."""

    key: str
    payload: bytes
    position: str = ""
    content_type: str = "application/json"


class Source(Protocol):
    """What one trigger watches."""

    async def read(self, position: str, most: int) -> Sequence[Firing]:
        """What came after `position` ("": from the beginning), 1 to `most` firings in their order; waits
        until there is one. Called again with the same position when its answer could not be accepted.
        Is cancelled when the trigger ends. Raises what it likes: it is called again later."""
        ...

    async def close(self) -> None:
        """Let go of what it holds. Called once, also after `read` has raised."""
        ...


class Tools(Struct, frozen=True):
    """What a source may use of the service. `created_at`: of the trigger, ms since the epoch."""

    clock: Clock
    created_at: int = 0


Config = type[Any]


class Kind(Struct, frozen=True):
    """One kind of trigger. `type`: its name in requests and project files. `about`: what causes its
    firings, for people. `config`: a Struct, which a request's `config` is checked against. `make`: the
    source of one trigger, without I/O. `shown`: its configuration without secrets."""

    type: str
    about: str
    config: Config
    make: Callable[[Any, Tools], Source]
    shown: Callable[[Any], Any] = msgspec.to_builtins
