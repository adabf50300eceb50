"""From the submit to the function's first line, at a fixed rate that leaves the machine idle.

The function writes (number, instant) to a file; both ends read CLOCK_MONOTONIC, which all
processes of a machine share. The rate is kept whether or not answers have come (open loop).
"""

from __future__ import annotations

import struct
from pathlib import Path

from .load import Load, Loaded, milliseconds, payload, request, run_loop
from .service import Service, fresh_service
from .settled import SETTLE_SECONDS

PER_SECOND = 200.0
WARM_UP = 200
RECORD = struct.Struct("<qq")  # seq, perf_counter_ns at the start of the function

# perf_counter is CLOCK_MONOTONIC on Linux: the same for every process.
STAMP = """\
import os, struct, time
began = time.perf_counter_ns
file = os.open(os.environ["STARTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
record = struct.Struct("<qq")

def handler(event, context):
    now = began()
    os.write(file, record.pack(event["seq"], now))
    return None
"""


def latency(seconds: float) -> dict[str, float]:
    """Submit to start and submit to 202 at 200/s for `seconds`."""
    count = int(PER_SECOND * seconds)
    with fresh_service() as service:
        starts = deploy_stamp(service)
        run = [request(path(), payload(seq)) for seq in range(-WARM_UP, count)]
        _open(service, run[:WARM_UP])
        service.wait_succeeded(WARM_UP, SETTLE_SECONDS)
        before = service.usage()
        loaded = _open(service, run[WARM_UP:])
        service.wait_succeeded(WARM_UP + count, SETTLE_SECONDS)
        spent = service.usage().since(before)
        begun = read_starts(starts)
        to_start = [begun[seq] / 1e9 - sent for seq, sent in enumerate(loaded.sent)]
        start, answer = milliseconds(to_start), milliseconds(loaded.latencies)
        return {
            "start_p50_ms": start["p50_ms"],
            "start_p99_ms": start["p99_ms"],
            "accepted_p50_ms": answer["p50_ms"],
            "accepted_p99_ms": answer["p99_ms"],
            "cpu_us": spent.total / count * 1e6,
            "invocations": float(count),
        }


def deploy_stamp(service: Service) -> Path:
    """Deploy the function that notes its starts; the file it writes them to."""
    starts = service.directory / "starts.bin"
    starts.touch()
    service.deploy("stamp", STAMP, concurrency=4, environment={"STARTS": str(starts)})
    return starts


def path() -> str:
    return "/v1/functions/stamp/invocations"


def read_starts(file: Path) -> dict[int, int]:
    """The first start of each number, in ns of perf_counter."""
    found: dict[int, int] = {}
    for seq, at in RECORD.iter_unpack(file.read_bytes()):
        found.setdefault(seq, at)
    return found


def _open(service: Service, requests: list[bytes]) -> Loaded:
    async def post() -> Loaded:
        async with Load(service.host, service.port) as load:
            return await load.open(requests, PER_SECOND)

    return run_loop(post())
