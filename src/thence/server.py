"""The one place that builds everything: the store, the runtime, the engine, its senders, the door.

`build()` puts a service together; `serve()` runs it behind one port until it is told to stop;
`run()` is `serve()` with a loop of its own, for the command line.

Under the data directory (mode 0700): `store.db`, `blobs/` (large bodies), `code/` (archives),
`uploads/` (archives on their way to a function), `nonces/` (of signed requests), `reserve` (room for a
full disk), and small files.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop

from . import __version__, descriptors
from .api.app import build_app
from .api.doors import installed, opened
from .api.listener import Listener, bind
from .api.metrics.scrape import Metrics
from .api.shared.context import Context
from .api.shared.door import Door
from .api.shared.pages import Pages
from .catalog.code import ArchiveInfo, CodeLimits, check_archive
from .clock import Clock, SystemClock
from .config import Settings
from .descriptors import Shares
from .destinations.forms import FORMS
from .destinations.interface import Kind, Resources
from .destinations.kinds import install_kinds
from .destinations.post import Post
from .destinations.senders import Senders
from .engine.engine import Engine
from .engine.loop import Loop
from .engine.options import Options
from .engine.room import Room
from .engine.sources import Inside
from .errors import StartupError
from .logs import log_notices, set_up
from .memory import LOOK_SECONDS, GiveBack
from .notices import Notices
from .runtimes import kinds
from .runtimes.code import CodeCache
from .runtimes.interface import Runtime, kept_free
from .runtimes.pool.pool import Pool
from .runtimes.sandbox.privileges import hide_memory
from .store.blobs import FileBlobs
from .store.driver import Wanted
from .store.drivers import make_store
from .store.reserve import Reserve
from .unusable import advice

log = logging.getLogger("thence.server")

HOUR, DAY = 3600.0, 86_400.0
CLOSE_SECONDS = 5.0  # after the grace period: to end what still runs, to settle it and to close
LEAVE_SECONDS = 1.0  # after that: to go all the same, where the store cannot be written
EXIT_SECONDS = 0.5  # for threads that wait for the store
STUCK_SECONDS = (
    2.0  # after all that: the process ends itself, where the event loop or a close hangs
)

PAGES: tuple[Pages, ...] = ()
"""What is served for browsers, and below which path."""

MakeRuntime = Callable[[CodeCache, Notices, Clock], Runtime]


class Service:
    """Everything of one node, built and connected. `start()` first, `stop()` last."""

    def __init__(
        self, settings: Settings, engine: Engine, context: Context, doors: list[Door]
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.context = context
        self.doors = doors
        self.app = build_app(context, doors, PAGES)
        self._memory = Loop(
            *("memory", GiveBack().once, context.clock, engine.notices),
            interval_seconds=LOOK_SECONDS,
        )

    async def start(self) -> None:
        """Open the store and begin. Raises StartupError."""
        await self.engine.start()
        self.context.metrics.start()
        self._memory.start()
        self.engine.tend.loop.start()
        for door in self.doors:
            await door.start()
        await self.context.triggers.start()
        self.context.started()

    async def stop(self, seconds: float) -> None:
        """Drain: accept nothing more, give runs `seconds` to end, leave the store. Idempotent."""
        await self.context.triggers.stop()
        await self._memory.stop()
        await self.engine.tend.loop.stop()
        await self.context.metrics.stop()
        for door in self.doors:
            await door.stop()
        await self.engine.drain(seconds)


def build(
    settings: Settings,
    clock: Clock | None = None,
    notices: Notices | None = None,
    *,
    make_runtime: MakeRuntime | None = None,
    fresh: bool = False,
    held_to_the_end: bool = False,
) -> Service:
    """A service as the settings say, not yet started. Must be called on an event loop.

    `make_runtime` runs functions with something else than processes (tests). `fresh`: a new store may
    take the place of a lost one. `held_to_the_end`: the data directory is held until the process has
    ended, and not only until the service has. Raises StartupError where the data directory cannot be
    used or a destination of another package cannot be loaded.
    """
    clock = clock or SystemClock()
    notices = notices or Notices()
    folder = prepare_folder(Path(settings.data_dir))
    shares = _shares(settings)
    store = make_store(Wanted(settings.store, folder, fresh=fresh, held_to_the_end=held_to_the_end))
    room = Room(store, Reserve(folder, settings.limits.disk_reserve_bytes))
    code = CodeCache(folder / "code", room)
    blobs = FileBlobs(folder / "blobs", space=room.bodies)
    runtime = make_runtime(code, notices, clock) if make_runtime else None
    engine_options = options(settings, shares.attempts)
    kinds = install_kinds(forms=tuple(FORMS))
    engine = Engine(
        store=store,
        runtime=runtime or _processes(settings, code, notices, clock, shares.instances),
        code=code,
        blobs=blobs,
        clock=clock,
        notices=notices,
        options=engine_options,
        make_sending=lambda inside: _post(settings, inside, engine_options, kinds),
        check_archive=_archive_check(settings),
        room=room,
    )
    metrics = Metrics(engine, notices, clock, version=__version__)
    context = Context(engine, settings, clock, notices, metrics, connections_max=shares.connections)
    return Service(settings, engine, context, opened(context, installed()))


def _shares(settings: Settings) -> Shares:
    """What the files that may be open are enough for; what they are not enough for is logged."""
    found = descriptors.shares(
        descriptors.limit(),
        connections=settings.limits.connections_max,
        instances=settings.runtime.instances_max,
    )
    for sentence in found.lowered:
        log.warning("%s", sentence)
    return found


def prepare_folder(folder: Path) -> Path:
    """The data directory, made if need be and closed to other users. Raises StartupError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o700)
    except OSError as error:
        raise StartupError(
            f"The data directory {folder} cannot be used: {error.strerror or error}. Set data_dir "
            f"(THENCE_DATA_DIR) to a folder that this user may write to. {advice(error)}".rstrip(),
            setting="data_dir",
        ) from error
    return folder


def options(settings: Settings, attempts_max: int = descriptors.DELIVERY_ATTEMPTS_MAX) -> Options:
    """The engine's part of the settings."""
    limits, retention = settings.limits, settings.retention
    destinations = settings.destinations
    return Options(
        node_name=socket.gethostname(),
        lease_seconds=settings.leases.lease_seconds,
        losses_max=settings.leases.losses_max,
        suspect_alone_seconds=settings.leases.suspect_alone_seconds,
        payload_bytes_max=limits.payload_bytes_max,
        inline_bytes_max=limits.inline_bytes_max,
        waiting_max=limits.waiting_max,
        idempotency_seconds=retention.idempotency_hours * HOUR,
        payload_retention_seconds=retention.payload_days * DAY,
        result_retention_seconds=retention.result_days * DAY,
        history_retention_seconds=retention.history_days * DAY,
        unused_retention_seconds=retention.unused_days * DAY,
        events_retention_seconds=retention.events_hours * HOUR,
        platform_budget_seconds=settings.platform.budget_seconds,
        platform_wait_cap_seconds=settings.platform.wait_cap_seconds,
        platform_wait_caps=_platform_wait_caps(settings),
        delivery_first_seconds=destinations.first_seconds,
        delivery_budget_seconds=destinations.budget_seconds,
        delivery_concurrency=destinations.concurrency_per_key,
        delivery_attempts_max=attempts_max,
        delivery_timeout_seconds=destinations.timeout_seconds,
    )


def _platform_wait_caps(settings: Settings) -> dict[str, float]:
    """Those that doors have, by the contract of their functions."""
    caps = {door.contract: door.platform_wait_cap_seconds(settings) for door in installed()}
    return {contract: cap for contract, cap in caps.items() if cap is not None}


def _processes(
    settings: Settings, code: CodeCache, notices: Notices, clock: Clock, instances_max: int
) -> Pool:
    folder, closed = Path(settings.data_dir), settings.runtime.sandbox == "auto"
    if closed:
        (folder / "code").mkdir(mode=0o700, exist_ok=True)
    return Pool(
        kinds.KINDS,
        lambda function: code.path(function.code_digest),
        notices,
        clock,
        instances_max=instances_max,
        kept_free=kept_free(instances_max, settings.runtime.kept_free_percent),
        idle_seconds=settings.runtime.idle_seconds,
        start_seconds=settings.runtime.start_seconds,
        log_bytes_max=settings.limits.log_bytes_max,
        result_bytes_max=settings.limits.result_bytes_max,
        account_id=settings.account_id,
        region=settings.region,
        closed=folder if closed else None,
        readable=folder / "code",
    )


def _archive_check(settings: Settings) -> Callable[[bytes], ArchiveInfo]:
    limits = CodeLimits(
        code_bytes_max=settings.limits.code_bytes_max,
        code_unpacked_bytes_max=settings.limits.code_unpacked_bytes_max,
        code_files_max=settings.limits.code_files_max,
    )
    return lambda archive: check_archive(archive, limits)


def _post(settings: Settings, inside: Inside, options: Options, kinds: Sequence[Kind]) -> Post:
    """What sends records; `inside`: what destinations within this process may use."""
    networks = [ipaddress.ip_network(text) for text in settings.destinations.allow_networks]
    senders = Senders(
        Resources(
            put=inside.put,
            accept=inside.accept,
            allow_networks=networks,
            timeout_seconds=settings.destinations.timeout_seconds,
            attempts_max=options.delivery_attempts_max,
        ),
        kinds,
    )
    return Post(
        senders,
        FORMS,
        options.record_preview_bytes_max,
        account_id=settings.account_id,
        region=settings.region,
    )


# ---------------------------------------------------------------- serving


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
                await service.engine.runtime.close()
                await service.engine.store.close()
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
        reasons = [asyncio.ensure_future(one.wait()) for one in (hurry, service.engine.held_up)]
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
        for one in (told, *reasons):
            one.cancel()
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
        await asyncio.wait_for(service.engine.runtime.close(), 2 if in_time else LEAVE_SECONDS / 2)
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
