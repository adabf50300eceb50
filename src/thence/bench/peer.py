"""The same work on a well-known Python queue in its durable setting: Huey with SQLite.

Huey keeps results too. Its tasks are deleted from the queue when a worker takes them (at most
once), which Thence does not allow itself; it is the fastest such queue that needs nothing but pip.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .load import CONNECTIONS, payload
from .service import ServerFailed, fresh_directory
from .usage import own_cpu, usage

WORKERS = 2  # one for each core: more are slower on a machine with two
WARM_UP = 200
SECONDS = 300.0


def missing() -> str | None:
    """Why the peer cannot be measured, or None."""
    if importlib.util.find_spec("huey") is None:
        return "Huey is not installed: run `make bench`, or pip install -r requirements-bench.lock"
    return None


def peer(count: int) -> dict[str, float]:
    """`count` runs of a task that does nothing, from the first submit to the last result stored."""
    with fresh_directory() as directory:
        os.environ["HUEY_DATABASE"] = str(directory / "huey.db")
        sys.modules.pop("thence.bench.huey_work", None)  # it reads the name when it is loaded
        # Not `from . import`: that would find the package's attribute, which is the old module.
        huey_work = importlib.import_module("thence.bench.huey_work")
        huey_work.huey.storage.initialize_schema()
        consumer = _consumer(directory)
        try:
            _submit(huey_work, range(-WARM_UP, 0))
            _wait(huey_work, WARM_UP, consumer)
            before, own, began = usage(consumer.pid), own_cpu(), time.perf_counter()
            _submit(huey_work, range(count))
            accepted = time.perf_counter()
            _wait(huey_work, WARM_UP + count, consumer)
            ended = time.perf_counter()
            spent = usage(consumer.pid).since(before)
            own = own_cpu() - own
        finally:
            _end(consumer)
    return {
        "invocations": float(count),
        "per_second": count / (ended - began),
        "accepted_per_second": count / (accepted - began),
        "cpu_us": spent.total / count * 1e6,
        "generator_cpu_us": own / count * 1e6,  # Huey's producer writes to the database itself
    }


def _consumer(directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "huey.bin.huey_consumer", "thence.bench.huey_work.huey"]
    options = ["-w", str(WORKERS), "-k", "process", "-d", "0.01", "-m", "0.05", "-q", "-n"]
    with (directory / "huey.log").open("wb") as log:
        return subprocess.Popen(
            command + options, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip


def _submit(work: object, numbers: range) -> None:
    """From 32 threads, as many as connections at Thence."""
    noop = work.noop  # type: ignore[attr-defined]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for _ in threads.map(lambda seq: noop(json.loads(payload(seq))), numbers):
            pass


def _wait(work: object, count: int, consumer: subprocess.Popen[bytes]) -> None:
    storage = work.huey.storage  # type: ignore[attr-defined]
    end = time.monotonic() + SECONDS
    while (done := storage.result_store_size()) < count:
        if consumer.poll() is not None or time.monotonic() > end:
            raise ServerFailed(f"Huey: {done} of {count} results within {SECONDS:g} s")
        time.sleep(0.02)


def _end(consumer: subprocess.Popen[bytes]) -> None:
    """Huey's consumer ends its workers at SIGINT; what does not end is ended."""
    consumer.send_signal(signal.SIGINT)
    try:
        consumer.wait(5)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(consumer.pid, signal.SIGKILL)  # its own session: nobody else is in it
    except ProcessLookupError:
        pass
    consumer.wait(5)
