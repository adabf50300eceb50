"""What one call costs where there are many functions: each of them called once, all at once.

Every call is a cold start, as the node has far fewer instances than there are functions; so the cost
of a call is mostly that of a process. What the service itself adds must not grow with their number.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator

from .load import CONNECTIONS, Load, Loaded, payload, request, run_loop
from .service import Service, fresh_service
from .settled import NOOP
from .usage import Usage

FEW = 100
TURNS = 10  # of the few: a thousand calls, as a hundred say little of the CPU
LOOK_SECONDS = (
    1.0  # the statistics name every function: asked often, they would be what is measured
)
SETTLE_SECONDS = 600.0


def functions(count: int) -> dict[str, float]:
    """CPU per call with FEW functions and with `count`."""
    few, many = _called(FEW, TURNS), _called(count, 1)
    return {
        "functions": float(count),
        "few_cpu_us": few.total / (FEW * TURNS) * 1e6,
        "few_node_cpu_us": few.node / (FEW * TURNS) * 1e6,
        "many_cpu_us": many.total / count * 1e6,
        "many_node_cpu_us": many.node / count * 1e6,
        "cpu_ratio": many.total / count / (few.total / (FEW * TURNS)),
    }


def _called(count: int, turns: int) -> Usage:
    """What it takes to call each of `count` functions, so many times one after the other."""
    with fresh_service() as service:
        _load(service, _deployments(count), 201)
        before = service.usage()
        for turn in range(turns):
            _load(service, (request(_path(number), payload(number)) for number in range(count)))
            service.wait_succeeded(count * (turn + 1), SETTLE_SECONDS, LOOK_SECONDS)
        return service.usage().since(before)


def _path(number: int) -> str:
    return f"/v1/functions/f{number}/invocations"


def _deployments(count: int) -> Iterator[bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", NOOP)
    code = base64.b64encode(archive.getvalue()).decode()
    body = json.dumps({"runtime": "python", "handler": "main.handler", "code": code}).encode()
    for number in range(count):
        yield request(f"/v1/functions/f{number}", body).replace(b"POST", b"PUT", 1)


def _load(service: Service, requests: Iterator[bytes], ok: int = 202) -> Loaded:
    async def load() -> Loaded:
        async with Load(service.host, service.port, CONNECTIONS) as load:
            return await load.closed(requests, ok=ok)

    return run_loop(load())
