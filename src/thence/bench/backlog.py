"""A large backlog: what it costs to accept, to hold and to come back with it after a kill.

The backlog waits for a day, so nothing of it runs. Loaded through the batch route; what is timed is
single POSTs, before and with the backlog.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .latency import deploy_stamp, read_starts
from .load import Load, Loaded, payload, request, run_loop
from .service import ServerFailed, Service, fresh_directory, fresh_service, running
from .settled import NOOP

LINES = 1000
LOADERS = 4
PROBES = 3_000  # single POSTs in one go
GOES = 7
DELAY = "Thence-Delay-Seconds: 86400"
DUE_SECONDS = 1.0
DISPATCH_SECONDS = 120.0
PATH = "/v1/functions/later/invocations"

Progress = Callable[[int, int], None]


def backlog(count: int, progress: Progress) -> dict[str, float]:
    """`count` waiting invocations (a multiple of 1000). progress: told (loaded, count)."""
    with fresh_directory() as directory:
        with running(Service(directory)) as service:
            starts = _deploy(service)
            _accept(service, PROBES * GOES)
            empty_bytes = service.memory_bytes()
            load_rate = _fill(service, count, progress)
            full_bytes = service.memory_bytes()
            empty_rate, full_rate = _probe(service)
            _due_soon(service)
            service.kill()
        listening, dispatched = _restart(directory, starts)
    return {
        "waiting": float(count),
        "accept_empty_per_second": empty_rate,
        "accept_full_per_second": full_rate,
        "accept_ratio": full_rate / empty_rate,
        "batch_per_second": load_rate,
        "memory_empty_mib": empty_bytes / 2**20,
        "memory_full_mib": full_bytes / 2**20,
        "memory_growth_mib": (full_bytes - empty_bytes) / 2**20,
        "restart_listening_seconds": listening,
        "restart_dispatch_seconds": dispatched,
    }


def _deploy(service: Service) -> Path:
    service.deploy("later", NOOP)
    return deploy_stamp(service)


def _probe(full: Service) -> tuple[float, float]:
    """202s per second without and with the backlog, in turns: another service, empty but for these
    probes, stands beside the full one, so that what the machine does meanwhile hits both."""
    rates: dict[Service, list[float]] = {}
    with fresh_service() as empty:
        _deploy(empty)
        _accept(empty, PROBES * GOES)  # as warm as the other
        for _ in range(GOES):
            for service in (empty, full):
                rates.setdefault(service, []).append(_accept(service, PROBES))
    return statistics.median(rates[empty]), statistics.median(rates[full])


def _accept(service: Service, count: int) -> float:
    """202s per second of single POSTs that wait for a day."""
    requests = [request(PATH, payload(seq), [DELAY]) for seq in range(count)]

    async def post() -> Loaded:
        async with Load(service.host, service.port) as load:
            return await load.closed(requests)

    return run_loop(post()).rate


def _fill(service: Service, count: int, progress: Progress) -> float:
    """Load the backlog; invocations per second."""
    path = f"{PATH}:batch"
    batches = count // LINES

    def made() -> Iterator[bytes]:
        for batch in range(batches):
            progress(batch * LINES, count)
            first = batch * LINES
            lines = [payload(seq) for seq in range(first, first + LINES)]
            yield request(path, b"\n".join(lines), [DELAY])

    async def post() -> Loaded:
        async with Load(service.host, service.port, LOADERS) as load:
            return await load.closed(made(), keep=True)

    loaded = run_loop(post())
    progress(count, count)
    waiting = int(service.ask("GET", "/v1/stats")["waiting"])
    if waiting < count:
        raise ServerFailed(f"{waiting} of {count} invocations are waiting")
    return count / (loaded.ended - loaded.began)


def _due_soon(service: Service) -> None:
    """One invocation that falls due while the service is down."""
    run = request(
        "/v1/functions/stamp/invocations", payload(0), [f"Thence-Delay-Seconds: {DUE_SECONDS:g}"]
    )

    async def post() -> None:
        async with Load(service.host, service.port, 1) as load:
            await load.closed([run])

    run_loop(post())


def _restart(directory: Path, starts: Path) -> tuple[float, float]:
    """Seconds from the start of the process until it listens, and until a due invocation runs."""
    time.sleep(DUE_SECONDS)
    began = time.perf_counter()
    with running(Service(directory)):
        listening = time.perf_counter() - began
        end = time.monotonic() + DISPATCH_SECONDS
        while 0 not in (found := read_starts(starts)):
            if time.monotonic() > end:
                raise ServerFailed(f"nothing ran within {DISPATCH_SECONDS:g} s of the restart")
            time.sleep(0.01)
    return listening, found[0] / 1e9 - began
