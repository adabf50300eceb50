"""What holds a function back beside its own concurrency: a limit over all its versions, or a switch."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .function import CONCURRENCY_MAX


class Control(Struct, frozen=True):
    """Of one family. `limit`: slots of all its versions together, None: each has its own.
    `disabled`: why no call is taken and nothing that waits is started; None: it is enabled."""

    limit: Annotated[int, Meta(ge=0, le=CONCURRENCY_MAX)] | None = None
    disabled: str | None = None
    updated_at: int = 0
