"""Bare 202s; invocations accepted, run and settled, and the same with their records delivered, per
second: a closed loop of 32 in flight."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

from .load import CONNECTIONS, Load, Loaded, milliseconds, payload, request, run_loop
from .service import (
    Server,
    ServerFailed,
    Service,
    bare_server,
    fresh_directory,
    fresh_service,
    running,
)
from .usage import own_cpu

NOOP = "def handler(event, context):\n    return {'ok': True, 'seq': event['seq']}\n"
PATH = "/v1/functions/noop/invocations"
WARM_UP = 600
SAMPLE = 50
SETTLE_SECONDS = 300.0
BOX = "queue:done"
CONCURRENCY = 4  # two for each core: one runs while the other's answer is on its way


def bare(kind: str, count: int) -> dict[str, float]:
    """`count` requests to a server that only answers 202."""
    with fresh_directory() as directory, running(bare_server(kind, directory)) as server:
        before, own = server.usage(), own_cpu()
        loaded = _post(server, [request(PATH, payload(seq)) for seq in range(count)], warm=True)
        spent = server.usage().since(before)
        answered = count + WARM_UP
        return {
            "per_second": loaded.rate,
            "cpu_us": spent.total / answered * 1e6,
            "generator_cpu_us": (own_cpu() - own) / answered * 1e6,
            **milliseconds(loaded.latencies),
        }


def settled(count: int) -> dict[str, float]:
    """`count` invocations of a function that does nothing, from the first POST until the last has
    its result."""
    return _run(count, {}, Service.wait_succeeded, _check)


def delivered(count: int) -> dict[str, float]:
    """The same with a queue of the built-in mailbox as success destination, until the last record
    is delivered."""
    return _run(count, {"on_success": BOX}, Service.wait_delivered, _check_delivered)


def _run(
    count: int,
    destination: dict[str, str],
    wait: Callable[[Service, int, float], None],
    check: Callable[[Service, Loaded], None],
) -> dict[str, float]:
    requests = [request(PATH, payload(seq)) for seq in range(WARM_UP + count)]
    with fresh_service() as service:
        service.deploy("noop", NOOP, concurrency=CONCURRENCY, **destination)
        _post(service, requests[:WARM_UP])
        wait(service, WARM_UP, SETTLE_SECONDS)
        before, own = service.usage(), own_cpu()
        loaded = _post(service, requests[WARM_UP:], keep=True)
        own = own_cpu() - own
        wait(service, WARM_UP + count, SETTLE_SECONDS)
        ended = time.perf_counter()
        spent = service.usage().since(before)
        check(service, loaded)
        return {
            "invocations": float(count),
            "per_second": count / (ended - loaded.began),
            "accepted_per_second": loaded.rate,
            "cpu_us": spent.total / count * 1e6,
            "node_cpu_us": spent.node / count * 1e6,
            "loop_cpu_us": spent.loop / count * 1e6,
            "instances_cpu_us": spent.below / count * 1e6,
            "generator_cpu_us": own / count * 1e6,
            **milliseconds(loaded.latencies),
        }


def _post(
    server: Server, requests: list[bytes], *, keep: bool = False, warm: bool = False
) -> Loaded:
    async def post() -> Loaded:
        async with Load(server.host, server.port, CONNECTIONS) as load:
            if warm:
                await load.closed(requests[:1] * WARM_UP)
            return await load.closed(requests, keep=keep)

    return run_loop(post())


def _check(service: Service, loaded: Loaded) -> None:
    """Every id differs, and of a sample each is there, succeeded, with its result."""
    ids = [json.loads(body)["id"] for body in loaded.bodies]
    if len(set(ids)) != len(ids):
        raise ServerFailed(f"{len(ids)} invocations were accepted under {len(set(ids))} ids")
    for id in random.sample(ids, min(SAMPLE, len(ids))):
        state = service.ask("GET", f"/v1/invocations/{id}")["state"]
        result = service.ask("GET", f"/v1/invocations/{id}/result")
        if state != "succeeded" or result.get("ok") is not True:
            raise ServerFailed(f"invocation {id} is {state} with result {result!r}")


def _check_delivered(service: Service, loaded: Loaded) -> None:
    """As _check, and of the same sample each has one delivered record, tried once."""
    _check(service, loaded)
    boxes = service.ask("GET", "/v1/mailbox")["items"]
    messages = {f"{box['kind']}:{box['name']}": box["messages"] for box in boxes}
    if messages.get(BOX) != WARM_UP + len(loaded.bodies):
        raise ServerFailed(f"{messages} messages of {WARM_UP + len(loaded.bodies)} invocations")
    for body in random.sample(loaded.bodies, min(SAMPLE, len(loaded.bodies))):
        shown = service.ask("GET", f"/v1/invocations/{json.loads(body)['id']}")
        states = [
            (delivery["state"], len(delivery["attempts"])) for delivery in shown["deliveries"]
        ]
        if states != [("delivered", 1)]:
            raise ServerFailed(f"invocation {shown['id']} has the deliveries {states}")
