"""wait: long polls. Whoever waits for an invocation is woken by the notice of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..clock import Clock
from ..lifecycle.states import FINAL
from ..notices import InvocationSettled, Notices
from ..store.records import InvocationView


class Wait:
    def __init__(
        self, show: Callable[[int], Awaitable[InvocationView]], clock: Clock, notices: Notices
    ) -> None:
        self._show = show
        self._clock = clock
        self._waiters: dict[int, list[asyncio.Future[None]]] = {}
        notices.on(InvocationSettled, self._settled)

    def __len__(self) -> int:
        """How many invocations are waited for."""
        return len(self._waiters)

    async def wait(self, id: int, seconds: float) -> InvocationView:
        """The invocation as soon as it is final, or as it is after `seconds`. Raises what `show`
        raises."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Before the first look, so that an end between the look and the wait is not missed.
        self._waiters.setdefault(id, []).append(future)
        try:
            view = await self._show(id)
            if view.state in FINAL or seconds <= 0:
                return view
            until = self._clock.now() + round(seconds * 1000)
            timer = self._clock.call_at(until, lambda: _wake(future))
            try:
                await future
            finally:
                timer.cancel()
            return await self._show(id)
        finally:
            waiters = self._waiters.get(id, [])
            if future in waiters:
                waiters.remove(future)
            if not waiters:
                self._waiters.pop(id, None)

    def _settled(self, notice: InvocationSettled) -> None:
        for future in self._waiters.pop(notice.id, ()):
            _wake(future)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
