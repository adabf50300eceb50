"""The one place that builds everything: the store, the runtime, the engine, its senders, the doors.

`build()` puts a service together as the settings say; serve.py runs it behind one port.

Under the data directory (mode 0700): `store.db`, `blobs/` (large bodies), `code/` (archives),
`uploads/` (archives on their way to a function), `nonces/` (of signed requests), `reserve` (room for a
full disk), and small files.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from . import __version__, descriptors
from .api.app import build_app
from .api.doors import installed, opened, record_forms
from .api.metrics.scrape import Metrics
from .api.shared.context import Context
from .api.shared.door import Door
from .api.shared.pages import Pages
from .catalog.code import ArchiveInfo, CodeLimits, check_archive
from .clock import Clock, SystemClock
from .config import Settings
from .descriptors import Shares
from .destinations.forms import Form
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
from .memory import LOOK_SECONDS, GiveBack
from .notices import Notices
from .runtimes import kinds
from .runtimes.code import CodeCache
from .runtimes.interface import Runtime, kept_free
from .runtimes.pool.pool import Pool
from .services import Looped, Services
from .store.blobs import FileBlobs
from .store.driver import Wanted
from .store.drivers import make_store
from .store.reserve import Reserve
from .unusable import advice

log = logging.getLogger("thence.server")

HOUR, DAY = 3600.0, 86_400.0
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
        memory = Loop(
            *("memory", GiveBack().once, context.clock, engine.notices),
            interval_seconds=LOOK_SECONDS,
        )
        self._beside = Services(
            [context.metrics, Looped(memory), Looped(engine.tend.loop), *doors, context.triggers]
        )

    async def start(self) -> None:
        """Open the store and begin. Raises StartupError."""
        await self.engine.start()
        await self._beside.start()
        self.context.started()

    async def stop(self, seconds: float) -> None:
        """Drain: accept nothing more, give runs `seconds` to end, leave the store. Idempotent."""
        await self._beside.stop()
        await self.engine.drain(seconds)

    async def end_runs(self) -> None:
        """End what runs, of one that did not drain in time. Idempotent."""
        await self.engine.end_runs()

    async def close(self) -> None:
        """Let go of everything, of one that could not start. Idempotent."""
        await self.engine.close()


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
    forms = record_forms(installed())
    destinations = install_kinds(forms=tuple(forms))
    engine = Engine(
        store=store,
        runtime=runtime or _processes(settings, code, notices, clock, shares.instances),
        code=code,
        blobs=blobs,
        clock=clock,
        notices=notices,
        options=engine_options,
        make_sending=lambda inside: _post(settings, inside, engine_options, destinations, forms),
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


def _post(
    settings: Settings,
    inside: Inside,
    options: Options,
    destinations: Sequence[Kind],
    forms: Mapping[str, Form],
) -> Post:
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
        destinations,
    )
    return Post(
        senders,
        forms,
        options.record_preview_bytes_max,
        account_id=settings.account_id,
        region=settings.region,
    )
