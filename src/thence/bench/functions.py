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

CALLS_MIN = 1000  # few functions are called several times over: a few calls say little of the CPU
SETTLE_SECONDS = 600.0
LOOKS_PER_SECOND = 1.0  # the statistics name every function: asked often, they would be measured


def functions(count: int) -> dict[str, float]:
    """`count` functions with one call each, as often as CALLS_MIN asks."""
    with fresh_service() as service:
        _load(service, _deployments(count), 201)
        turns = -(-CALLS_MIN // count)
        spent = Usage()
        for turn in range(turns):
            before = service.usage()
            _load(service, (request(_path(number), payload(number)) for number in range(count)))
            service.wait_succeeded(count * (turn + 1), SETTLE_SECONDS, 1 / LOOKS_PER_SECOND)
            spent = spent.plus(service.usage().since(before))
        calls = count * turns
        return {
            "functions": float(count),
            "calls": float(calls),
            "cpu_us": spent.total / calls * 1e6,
            "node_cpu_us": spent.node / calls * 1e6,
        }


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
