"""Watches the source of one trigger and accepts what it yields, one firing after the other.

A firing that cannot be accepted now (the disk is full, too much waits, the function is disabled) is
accepted later, and the source is not read on meanwhile: that is its back-pressure. One that never can be
(its payload is too large) is refused, said, and left behind. A source that fails is asked again after
1 s, doubling to 60 s; that is said once, and so is its recovery. No trigger waits for another.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from msgspec import Struct

from ..clock import Clock
from ..errors import IdempotencyMismatch, InvalidInput, PayloadTooLarge, ThenceError
from ..notices import Notices, TriggerFailed, TriggerFired, TriggerRecovered, TriggerRefused
from .interface import Firing, Source

log = logging.getLogger("thence.triggers")

READ_MAX = 100  # firings that a source may yield at once
KEY_MAX = 200
AGAIN_FIRST_SECONDS, AGAIN_MOST_SECONDS = 1.0, 60.0
CLOSE_SECONDS = 5.0  # for a source to let go of what it holds
STOP_SECONDS = 2 * CLOSE_SECONDS  # for a read that is cancelled, and the close after it
SENTENCE_MAX = 1000

_FIELDS = {"key": str, "payload": bytes, "position": str, "content_type": str}  # of a Firing

Accept = Callable[[Firing, str], Awaitable[bool]]
"""(firing, idempotency key): accepted, and on disk; False where it had been before. Raises what
accepting raises."""
Keep = Callable[[str], Awaitable[None]]
"""(position): it is on disk that all before it was accepted."""


class WatchState(str, Enum):
    WATCHING = "watching"
    FAILING = "failing"  # the source, or accepting what it yields; it is tried again

    __str__ = str.__str__


class Status(Struct):
    """What a trigger did since this service began to watch it. Instants are ms since the epoch."""

    state: WatchState = WatchState.WATCHING
    fired: int = 0
    repeated: int = 0  # firings that had been accepted before
    refused: int = 0
    last_fired_at: int | None = None
    last_error: str = ""
    again_at: int | None = None  # when what failed is tried again


class Counts(Struct):
    """Of all triggers of one kind, since the service began."""

    fired: int = 0
    refused: int = 0
    failures: int = 0


class Runner:
    """`identity`: what tells this trigger from every other, also from a former one of its name."""

    def __init__(
        self,
        function: str,
        name: str,
        type: str,
        identity: str,
        make: Callable[[], Source],
        position: str,
        accept: Accept,
        keep: Keep,
        counts: Counts,
        clock: Clock,
        notices: Notices,
    ) -> None:
        self.function = function
        self.status = Status()
        self._name = name
        self._type = type
        self._identity = identity
        self._make = make
        self._source: Source | None = None
        self._position = position
        self._accept = accept
        self._keep = keep
        self._counts = counts
        self._clock = clock
        self._notices = notices
        self._failures = 0
        self._ended = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch(), name=self._identity)

    async def stop(self) -> None:
        """Watch no more. What is being accepted may still be; nothing after it. A source that does not
        let itself be cancelled is left behind. Idempotent."""
        task, self._task = self._task, None
        self._ended = True
        if task is None:
            return
        task.cancel()
        _, running = await asyncio.wait({task}, timeout=STOP_SECONDS)
        if running:
            log.warning("the source of %s does not end; it is left behind", self._identity)

    async def _watch(self) -> None:
        try:
            while not self._ended:
                wait = await self._round()
                if wait and not self._ended:
                    await self._clock.sleep(wait)
        finally:
            await self._close()

    async def _round(self) -> float:
        """Read once and accept what came; the seconds to wait before the next round. Never raises."""
        before = self._position, self.status.fired
        try:
            if self._source is None:
                self._source = self._make()
            firings = await self._source.read(self._position, READ_MAX)
            await self._take(firings[:READ_MAX])
        except Exception as error:  # a source may raise what it likes, and must not end the watch
            return await self._failed(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Something that the source waited for was cancelled, and not this.
            return await self._failed(RuntimeError("what the source waited for was cancelled"))
        self._recovered()
        # One that answers nothing, or the same again and again, is not asked in a tight loop.
        return 0.0 if (self._position, self.status.fired) != before else AGAIN_FIRST_SECONDS

    async def _take(self, firings: Sequence[Firing]) -> None:
        """Accept them in their order, and keep the position of the last that is on disk."""
        position = self._position
        try:
            for firing in firings:
                _check(firing)
                if self._ended:
                    break
                await self._take_one(firing)
                position = firing.position
        finally:
            if position != self._position:
                await self._keep(position)
                self._position = position

    async def _take_one(self, firing: Firing) -> None:
        try:
            if not 0 < len(firing.key) <= KEY_MAX:
                raise InvalidInput(
                    f"key: {len(firing.key)} characters; a firing's key has 1 to {KEY_MAX}.",
                    field="key",
                    limit=KEY_MAX,
                )
            new = await self._accept(firing, key_of(self._identity, firing.key))
        except (InvalidInput, PayloadTooLarge, IdempotencyMismatch) as error:  # and always will be
            self.status.refused += 1
            self._counts.refused += 1
            self._notices.publish(
                TriggerRefused(
                    self.function, self._name, _encodable(firing.key[:KEY_MAX]), error.detail
                )
            )
            return
        if not new:
            self.status.repeated += 1
            return
        self.status.fired += 1
        self._counts.fired += 1
        self.status.last_fired_at = self._clock.now()
        self._notices.publish(TriggerFired(self.function, self._name, self._type))

    async def _failed(self, error: Exception) -> float:
        wait = min(AGAIN_FIRST_SECONDS * 2.0**self._failures, AGAIN_MOST_SECONDS)
        self._counts.failures += 1
        self._failures = min(self._failures + 1, 10)
        sentence = _sentence(error)
        if self.status.state is not WatchState.FAILING:
            log.debug("%s failed", self._identity, exc_info=error)
            self._notices.publish(TriggerFailed(self.function, self._name, sentence))
        self.status.state, self.status.last_error = WatchState.FAILING, sentence
        self.status.again_at = self._clock.now() + round(wait * 1000)
        if not isinstance(error, ThenceError):
            # Begin anew with a source that has not failed.
            await self._close()
        return wait

    def _recovered(self) -> None:
        if self.status.state is not WatchState.FAILING:
            return
        self._failures = 0
        self.status.state, self.status.again_at = WatchState.WATCHING, None
        self._notices.publish(TriggerRecovered(self.function, self._name))

    async def _close(self) -> None:
        source, self._source = self._source, None
        if source is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await source.close()
        except Exception:  # what it held ends with the process at the latest
            log.warning("the source of %s could not be closed", self._identity, exc_info=True)


def key_of(identity: str, key: str) -> str:
    """The idempotency key of a firing: of one length, and of no other trigger."""
    text = f"{identity}\0{key}".encode("utf-8", "surrogatepass")  # any text is a key
    return "trigger:" + hashlib.sha256(text).hexdigest()


def _check(firing: object) -> None:
    """Raises TypeError, ValueError: a mistake of the kind, whose firings wait until it is mended."""
    if not isinstance(firing, Firing):
        raise TypeError(f"a source's read answers Firings; there is a {type(firing).__name__}")
    for name, wanted in _FIELDS.items():
        value = getattr(firing, name)
        if not isinstance(value, wanted):
            raise TypeError(
                f"the {name} of a Firing is {wanted.__name__}; this is {type(value).__name__}"
            )
    # What is kept must be text that can be written.
    firing.position.encode()
    firing.content_type.encode()


def _sentence(error: Exception) -> str:
    if isinstance(error, ThenceError):
        return error.detail
    try:
        text = str(error)
    except Exception:  # it is of others
        text = "(it cannot be shown)"
    return _encodable(f"{type(error).__name__}: {text}"[:SENTENCE_MAX])


def _encodable(text: str) -> str:
    """Names of files and foreign bytes may have halves of characters, which no answer can show."""
    return text.encode("utf-8", "backslashreplace").decode()
