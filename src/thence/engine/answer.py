"""From a callback to a future: the one place where a caller that waits meets the group commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ..errors import ThenceError

Done = Callable[[Any, ThenceError | None], None]
"""Called once on the event loop: (the answer, None) or (None, the error)."""


async def answered(ask: Callable[[Done], None]) -> Any:
    """`await answered(lambda done: writer.end(change, done))`: what `done` gets, or its error raised.

    What `ask` itself raises is raised. A caller that is cancelled meanwhile has changed nothing: what
    was asked is done or not, and `done` may be called without anybody listening."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def done(answer: Any, error: ThenceError | None) -> None:
        if future.done():
            return  # the caller has gone
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)

    ask(done)
    return await future
