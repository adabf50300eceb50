"""The counts of minutes in virtual time: in their minute, over restarts, for averages and maxima."""

from __future__ import annotations

from thence.api.metrics.minutes import HOUR_MS, average, by_period
from thence.api.metrics.scrape import Metrics
from thence.testing import Error, Ok, Service
from thence.testing.clock import START_MS

DAY_MS = 86_400_000


def watch(s: Service) -> Metrics:
    """What the server does with an engine: everything is counted from now on."""
    return Metrics(s.engine, s.notices, s.clock, version="test")


async def counted(s: Service, period_ms: int = 60_000) -> dict[tuple[int, str], dict[str, float]]:
    found = await s.ask(s.engine.minutes.read(START_MS - DAY_MS, START_MS + DAY_MS))
    return by_period(found, period_ms)


async def test_each_minute_has_what_happened_in_it() -> None:
    async with Service() as s:
        watch(s)
        await s.function(
            "f",
            answers=[Ok("a", seconds=2), Error(seconds=4), Ok("b", seconds=1)],
            retry_wait={"first_seconds": 60, "jitter": "none"},
            on_success="queue:q",
        )
        await s.invoke("f")
        await s.clock.advance(60)
        await s.invoke("f")
        await s.clock.advance(180)
        minutes = list((await counted(s)).items())
        first, second, third = (values for _, values in minutes)
        assert [at - minutes[0][0][0] for (at, _), _ in minutes] == [0, 60_000, 120_000]
        assert (first["accepted"], first["attempts_ok"], first["duration_ms"]) == (1, 1, 2000)
        assert second["attempts_function_error"] == 1 and "succeeded" not in second
        assert (third["succeeded"], third["duration_ms_max"]) == (1, 1000)
        assert third["deliveries_delivered"] == first["deliveries_delivered"] == 1
        [(_, hour)] = (await counted(s, HOUR_MS)).items()
        assert average(hour, "duration_ms", "executions") == 7000 / 3
        assert (hour["duration_ms_max"], hour["duration_ms_min"]) == (4000, 1000)
        assert hour["dequeued"] == 2 and hour["attempts_ok"] == 2


async def test_a_restart_within_a_minute_loses_and_doubles_nothing() -> None:
    async with Service() as s:
        for seconds in (5, 3):
            watch(s)
            await s.function("f", answers=[Ok("a", seconds=seconds)])
            await s.invoke("f")
            await s.clock.advance(seconds + 1)
            await s.restart()
        found = await counted(s, HOUR_MS)
        [values] = found.values()
        assert values["accepted"] == values["succeeded"] == values["executions"] == 2
        assert (values["duration_ms_max"], values["duration_ms_min"]) == (5000, 3000)


async def test_all_versions_of_a_function_are_counted_together() -> None:
    async with Service() as s:
        metrics = watch(s)
        await s.function("f", concurrency=0)
        await s.ask(s.engine.functions.publish_version("f"))
        first = await s.invoke("f")
        await s.clock.advance(10)
        await s.invoke("f", qualifier="1")
        [one] = (await s.engine.stats()).functions
        assert (one.function, one.accepted, one.waiting) == ("f", 2, 2)
        assert one.oldest_due_at == (await s.show(first)).accepted_at
        await metrics.start()
        await s.clock.advance(1)
        await metrics.stop()
        [values] = (await counted(s, HOUR_MS)).values()
        assert (values["accepted"], values["waiting_max"]) == (2, 2)
        assert values["oldest_waiting_ms_max"] >= 10_000
        shown = (await metrics.exposition()).decode()
        assert 'thence_invocations_waiting{function="f"} 2.0' in shown
        assert shown.count('thence_oldest_waiting_seconds{function="f"}') == 1


async def test_a_backlog_is_seen_in_every_minute() -> None:
    async with Service() as s:
        metrics = watch(s)
        await metrics.start()
        await s.function("f", concurrency=0)
        await s.invoke("f")
        await s.invoke("f")
        await s.clock.advance(300)
        await metrics.stop()
        backlog = [values.get("waiting_max") for values in (await counted(s)).values()]
        assert backlog[1:] == [2] * (len(backlog) - 1) and len(backlog) >= 5
        oldest = [values.get("oldest_waiting_ms_max", 0) for values in (await counted(s)).values()]
        assert oldest == sorted(oldest) and oldest[-1] > 200_000
