"""A function that is gone has no series, once nothing of it is under way."""

from __future__ import annotations

from typing import Any

from thence.testing.answers import Forever

from .conftest import CODE


async def series(server: Any) -> list[str]:
    server.service.context.metrics._stats = None  # not the one of the last second
    text = (await server.get("/metrics")).body.decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


async def test_a_thousand_functions_that_came_and_went_leave_no_series(server: Any) -> None:
    await server.deploy("stays")
    await server.ended(await server.accept("stays"))
    before = await series(server)
    for number in range(30):
        await server.deploy(f"gone-{number}")
        await server.ended(await server.accept(f"gone-{number}"))
    during = await series(server)
    assert any("gone-7" in line for line in during)
    for number in range(30):
        assert (await server.request("DELETE", f"/v1/functions/gone-{number}")).status == 204
    after = await series(server)
    assert not any("gone-" in line for line in after)
    assert len(after) == len(before)
    assert any('thence_invocations_accepted_total{function="stays"} 1' in line for line in after)
    assert "thence_conservation_difference 0.0" in after


async def test_what_is_under_way_of_a_deleted_function_is_still_told(server: Any) -> None:
    await server.deploy("gone", answers=[Forever()])
    await server.accept("gone")
    await server.request("DELETE", "/v1/functions/gone")
    found = await series(server)
    running = [line for line in found if line.startswith("thence_invocations_running")]
    waiting = [line for line in found if line.startswith("thence_invocations_waiting")]
    alive = any(line.endswith(" 1.0") for line in (*running, *waiting))
    assert alive == any('function="gone"' in line for line in (*running, *waiting))


async def test_what_a_process_counted_of_a_deleted_function_is_forgotten_without_a_scrape(
    server: Any,
) -> None:
    await server.deploy("gone")
    await server.ended(await server.accept("gone"))
    await server.request("DELETE", "/v1/functions/gone")
    metrics = server.service.context.metrics
    assert metrics.tally.attempts
    await metrics._samples.once()
    tally = metrics.tally
    assert not any((tally.attempts, tally.durations, tally.begun, tally.start_latency))
    # The name may be used again, and begins at 0.
    assert (await server.request("PUT", "/v1/functions/gone", json={"code": CODE})).status == 201
    await server.ended(await server.accept("gone"))
    assert tally.begun == {"gone": 1}


async def test_after_a_restart_a_deleted_function_has_no_series_either(make_server: Any) -> None:
    """The store still knows what it once did, until that is pruned."""
    before = await make_server()
    await before.deploy("gone")
    await before.ended(await before.accept("gone"))
    assert (await before.request("DELETE", "/v1/functions/gone")).status == 204
    await before.stop()
    after = await make_server()
    assert not any("gone" in line for line in await series(after))
