"""Threads that work for an event loop: one queue, results back by `call_soon_threadsafe`.

Leaner than an executor: a commit crosses here, and each crossing costs as much as several rows.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_Asker = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]"]
_Call = tuple[_Asker | None, Callable[..., Any], tuple[Any, ...]]


class Threads:
    """`number` threads that run calls in the order they came. They start with the first call."""

    def __init__(self, number: int, name: str) -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._number = number
        self._name = name
        self._threads: list[threading.Thread] = []

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """`call(*args)` in a thread. When the waiting is cancelled, it first waits for the thread
        to be done: what the call uses is then free."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put((loop, future), call, args)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                try:
                    await asyncio.wait([future])
                except asyncio.CancelledError:
                    continue  # still in use; the first cancel is passed on below
            future.exception()  # nobody is left to hear it
            raise

    def start(self, call: Callable[..., None], *args: Any) -> None:
        """The same for nobody who waits. It must not raise."""
        self._put(None, call, args)

    def _put(self, asker: _Asker | None, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if len(self._threads) < self._number:
            self._start_one()
        self._calls.put((asker, call, args))

    def close(self) -> None:
        """Let the calls that came before finish, then end every thread."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _start_one(self) -> None:
        thread = threading.Thread(
            target=self._serve, name=f"{self._name}-{len(self._threads)}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while (item := self._calls.get()) is not None:
            asker, call, args = item
            if asker is None:
                call(*args)
                continue
            loop, future = asker
            try:
                tell: Callable[..., None] = _finish
                answer: Any = call(*args)
            except BaseException as error:  # whatever it is, it belongs to the caller
                tell, answer = _fail, error
            try:
                loop.call_soon_threadsafe(tell, future, answer)
            except RuntimeError:
                continue  # the loop was closed meanwhile: nobody is left to hear it


def _finish(future: asyncio.Future[Any], answer: Any) -> None:
    if not future.done():
        future.set_result(answer)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
