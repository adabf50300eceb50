"""Runs a service behind one port until it is told to stop: signals, a drain with a bound, and a last
resort where something hangs.

`serve()` does that on the present loop; `run()` has a loop of its own, for the command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import uvloop

from . import descriptors
from .api.listener import Listener, bind
from .config import Settings
from .logs import log_notices, set_up
from .notices import Notices
from .runtimes.sandbox.privileges import hide_memory
from .server import MakeRuntime, Service, build

log = logging.getLogger("thence.server")

CLOSE_SECONDS = 5.0  # after the grace period: to end what still runs, to settle it and to close
LEAVE_SECONDS = 1.0  # after that: to go all the same, where the store cannot be written
EXIT_SECONDS = 0.5  # for threads that wait for the store
STUCK_SECONDS = (
    2.0  # after all that: the process ends itself, where the event loop or a close hangs
)


async def serve(
    settings: Settings,
    *,
    notices: Notices | None = None,
    make_runtime: MakeRuntime | None = None,
    fresh: bool = False,
    held_to_the_end: bool = False,
    stop: asyncio.Event | None = None,
    listening: Callable[[str], None] | None = None,
) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP (or until `stop` is set); the exit status.

    `listening(url)` is called once, when requests are taken. The first signal drains: readiness is
    false, accepts are answered 503 with Retry-After, what runs gets `grace_seconds`. A second signal
    ends at once (status 1): what ran is cut off as drained, and found as lost by the next start where
    that cannot be written. Raises StartupError.
    """
    notices = notices or Notices()
    service = build(
        settings,
        notices=notices,
        make_runtime=make_runtime,
        fresh=fresh,
        held_to_the_end=held_to_the_end,
    )
    listener = Listener(service.context, service.doors, service.app, await bind(*settings.address))
    await listener.start()
    stop = stop or asyncio.Event()
    hurry = asyncio.Event()
    with _signals(stop, hurry, settings.grace_seconds):
        begun = False
        try:
            begun = await _start(service, stop, hurry, settings.grace_seconds)
        finally:
            if not begun:
                await listener.stop(0)
                await service.close()
        if not begun:
            log.warning("told to stop before the service had started; it takes and runs nothing")
            return 1 if hurry.is_set() else 0
        (listening or _say)(listener.url)
        await stop.wait()
        return await _shut_down(service, listener, settings.grace_seconds, hurry)


async def _start(
    service: Service, stop: asyncio.Event, hurry: asyncio.Event, grace_seconds: float
) -> bool:
    """Begin; False where it is told to stop while it waits for room on the disk, or hangs. Raises
    StartupError."""
    start: asyncio.Future[Any] = asyncio.ensure_future(service.start())
    told: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    reasons: list[asyncio.Future[Any]] = []
    try:
        await asyncio.wait({start, told}, return_when=asyncio.FIRST_COMPLETED)
        # Only now: that it was held up earlier is no reason.
        reasons = [asyncio.ensure_future(item.wait()) for item in (hurry, service.engine.held_up)]
        # Where nothing holds it up it has begun in a moment, and then leaves in order.
        await asyncio.wait(
            {start, *reasons},
            timeout=grace_seconds + CLOSE_SECONDS,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if start.done():
            await start
            return True
    finally:
        for item in (told, *reasons):
            item.cancel()
        if not start.done():
            start.cancel()
            await asyncio.wait({start}, timeout=LEAVE_SECONDS)
    return False


def _say(url: str) -> None:
    sys.stdout.write(f"listening on {url}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _signals(stop: asyncio.Event, hurry: asyncio.Event, grace_seconds: float):  # type: ignore[no-untyped-def]
    loop = asyncio.get_running_loop()
    ends: list[threading.Timer] = []

    def told() -> None:
        if hurry.is_set():
            return
        if stop.is_set():
            hurry.set()
        stop.set()
        left = 0.0 if hurry.is_set() else grace_seconds + CLOSE_SECONDS
        ends.append(_last_resort(left + STUCK_SECONDS, hurry))

    # A terminal that closes sends SIGHUP; who started the service with nohup wants it ignored.
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    numbers = (signal.SIGTERM, signal.SIGINT, *(() if ignored else (signal.SIGHUP,)))
    added = []
    for number in numbers:
        # Only the main thread gets signals; a service inside a test's thread is stopped otherwise.
        with contextlib.suppress(RuntimeError, ValueError):
            loop.add_signal_handler(number, told)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)
        for end in ends:
            end.cancel()


def _last_resort(seconds: float, hurry: asyncio.Event) -> threading.Timer:
    """End the process in so many seconds whatever hangs, the event loop too: a disk that does not
    answer holds whoever asks it, and no signal ends a wait of that kind."""

    def end() -> None:
        status = 1 if hurry.is_set() else 0
        # Whoever hangs may hold the log: saying why must not keep the process from its end.
        _timer(EXIT_SECONDS, status)
        log.error(
            "what is closed at the end hangs (does the disk of the data directory answer?); the process "
            "ends now: what ran, and what could not be written, is found as lost by the next start"
        )
        os._exit(status)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


def _timer(seconds: float, status: int) -> threading.Timer:
    """End the process in so many seconds, without a word."""
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()
    return timer


async def _shut_down(
    service: Service, listener: Listener, grace_seconds: float, hurry: asyncio.Event
) -> int:
    """Drain, what runs having the whole grace period, or at once when told to hurry."""
    drain = asyncio.ensure_future(service.stop(grace_seconds))
    hurried = asyncio.ensure_future(hurry.wait())
    await asyncio.wait(
        {drain, hurried},
        timeout=grace_seconds + CLOSE_SECONDS,
        return_when=asyncio.FIRST_COMPLETED,
    )
    hurried.cancel()
    in_time = drain.done()
    if not in_time:
        # What is cut off here and cannot be written any more is on disk as running; the next start
        # settles it as lost.
        log.warning("%s", _cut_short(grace_seconds, hurry.is_set()))
        drain.cancel()
        # Cancelled, it waits for the thread that writes, and that for the store's lock.
        await asyncio.wait({drain}, timeout=LEAVE_SECONDS / 2)
    if drain.done() and not drain.cancelled():
        await drain  # raises what went wrong
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(service.end_runs(), 2 if in_time else LEAVE_SECONDS / 2)
    await listener.stop(1 if in_time else 0)
    return 1 if hurry.is_set() else 0


def _cut_short(grace_seconds: float, hurried: bool) -> str:
    """Why the service ends before it has drained."""
    if hurried:
        why = "a second signal ends the service before it has drained"
    else:
        why = (
            f"the service did not drain within grace_seconds ({grace_seconds:g} s) and "
            f"{CLOSE_SECONDS:g} s more"
        )
    return (
        f"{why}: what runs is cut off (drained); what cannot be written any more is found as lost by "
        "the next start"
    )


def run(settings: Settings, *, fresh: bool = False) -> int:
    """Serve on a loop of its own until told to stop; the exit status. Raises StartupError.

    The log goes to stderr; the one line `listening on http://host:port` to stdout.
    """
    _tune_collector()
    descriptors.raise_limit()
    notices = Notices()
    logger = set_up(settings.log_level, settings.log_format)
    if not hide_memory():
        log.warning("functions can read this process's memory: the system cannot close it to them")
    log_notices(notices, logger, settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(serve(settings, notices=notices, fresh=fresh, held_to_the_end=True))
        # Closing the loop waits for its threads, and one may wait for whoever holds the store's lock.
        late = _timer(EXIT_SECONDS, status)
    late.cancel()
    return status


def _tune_collector() -> None:
    """Collect garbage less often: what an invocation makes is freed by counting references, and
    looking through everything that was loaded, every few milliseconds, found nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
