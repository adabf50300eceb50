"""The numbers of the node, its store, its disk and its clock are told as they are."""

from __future__ import annotations

from typing import Any

from thence.config.settings import Limits
from thence.store.sqlite.faults import damaged
from thence.testing.answers import Forever


async def gauges(server: Any) -> dict[str, float]:
    """Those without labels."""
    text = (await server.get("/metrics")).body.decode()
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {line[0]: float(line[1]) for line in lines if "{" not in line[0]}


async def test_how_full_the_node_is_and_what_is_kept_free_is_told(server: Any) -> None:
    server.engine.parts.runtime._instances_max, server.engine.parts.runtime._kept_free = 4, 1
    before = await gauges(server)
    for name in ("long", "other"):
        await server.deploy(name, answers=[Forever()], concurrency=10)
    for _ in range(5):
        await server.accept("long")
    await server.accept("other")
    await server.accept("other")
    found = await gauges(server)

    def node(numbers: dict[str, float]) -> list[float]:
        parts = ("instances_max", "instances_held", "instances_kept_free", "functions_holding")
        return [numbers[f"thence_node_{part}"] for part in (*parts, "functions_in_line")]

    assert node(before) == [4, 0, 1, 0, 0]
    assert node(found) == [4, 4, 1, 2, 2]


async def test_the_files_and_the_disk_of_the_store_are_told(server: Any) -> None:
    await server.deploy()
    await server.ended(await server.accept())
    await server.engine.tend.loop.stop()
    await server.engine.tend.once()
    reserve = server.engine.parts.room.reserve.folder / "reserve"
    server.engine.parts.room.reserve.free_bytes = lambda: 123_456_789
    found = await gauges(server)
    assert found["thence_store_log_bytes"] == server.engine.tend.log_bytes > 0
    assert found["thence_disk_reserve_bytes"] == reserve.stat().st_size > 0
    assert found["thence_disk_free_bytes"] == 123_456_789


async def test_damage_of_the_store_is_told(server: Any) -> None:
    assert (await gauges(server))["thence_store_damaged"] == 0
    server.engine.parts.writer.outage.condemn(
        damaged(server.engine.parts.room.reserve.folder, "a test", ["dead"])
    )
    found = await gauges(server)
    assert (found["thence_store_damaged"], found["thence_store_writable"]) == (1, 0)


async def test_how_far_service_time_is_ahead_of_the_machines_clock_is_told(server: Any) -> None:
    class Set:
        def now(self) -> int:
            return 1_800_000_060_500

        def wall(self) -> int:
            return 1_800_000_000_000

    server.service.context.metrics._clock = Set()
    assert (await gauges(server))["thence_clock_ahead_seconds"] == 60.5


async def test_the_connections_and_what_nobody_vouches_for_are_told(make_server: Any) -> None:
    server = await make_server(limits=Limits(unproven_bytes_max=4_000_000))
    half = (await server.connect(), await server.connect())
    half[0][1].write(b"POST /v1/functions/f/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
    half[1][1].write(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    await half[1][0].readline()  # both are connected
    server.service.context.unproven.take(3_000_000)
    found = await gauges(server)
    assert found["thence_connections"] == 3
    assert found["thence_connections_limit"] == server.service.context.places.most
    assert 3_000_000 <= found["thence_unproven_bytes"] <= 3_010_000
    assert found["thence_overloaded_total"] == 0
    server.service.context.unproven.give(3_000_000)
    for _, writer in half:
        writer.close()
