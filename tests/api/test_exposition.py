"""Prometheus' text: a few functions at a time, and the same as if it were written in one go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from thence.api.metrics import exposition, tally
from thence.api.metrics.tally import Tally
from thence.engine import engine
from thence.lifecycle.outcome import Outcome
from thence.notices import AttemptEnded, AttemptStarted, InvocationThrottled, Notices
from thence.testing.clock import VirtualClock


def families(names: Iterable[str]) -> list[Metric]:
    waiting = GaugeMetricFamily("waiting", "How many\nwait.", labels=("function",))
    ended = CounterMetricFamily("ended", "Ended.", labels=("function", "state"))
    for name in names:
        waiting.add_metric([name], len(name))
        for state in ("failed", "succeeded"):
            ended.add_metric([name, state], 2)
    return [waiting, ended]


def test_the_text_of_pieces_is_that_of_the_whole() -> None:
    names = [f'f{number}"\\' for number in range(7)]

    class Whole(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from families(names)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Whole())
    rests: list[None] = []
    pieces = (families(names[:3]), families(()), families(names[3:6]), families(names[6:]))
    text = exposition.write(pieces, lambda: rests.append(None))
    assert text == generate_latest(registry) and len(rests) == 4


def seen(functions: int) -> Tally:
    notices = Notices()
    made = Tally(notices, lambda *_: None, VirtualClock(0))
    for number in range(functions):
        name = f"f{number}"
        notices.publish(AttemptStarted(1, name, 1, 40))
        notices.publish(AttemptEnded(1, name, 1, Outcome.OK, 5000))
        if number % 3 == 0:
            notices.publish(InvocationThrottled(1, name))
    return made


async def test_the_parts_of_a_tally_have_everything_once() -> None:
    whole = seen(23)
    names = list(whole.functions())
    parts = whole.parts(names, 10)
    assert [len(part.begun) for part in parts] == [10, 10, 3]
    for attribute in (*tally.BY_NAME, *tally.BY_PAIR):
        together: dict[Any, Any] = {}
        for part in parts:
            together.update(getattr(part, attribute))
        assert together == getattr(whole, attribute)


async def test_what_was_counted_is_copied_a_few_functions_in_each_turn_of_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tally, "HISTOGRAMS_A_TURN", 10)
    whole, turn, copied = seen(35), 0, dict[int, int]()
    real = tally.Histogram.copy

    def copy(one: tally.Histogram) -> tally.Histogram:
        copied[turn] = copied.get(turn, 0) + 1
        return real(one)

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(next_turn)

    loop = asyncio.get_running_loop()
    loop.call_soon(next_turn)
    monkeypatch.setattr(tally.Histogram, "copy", copy)
    made = await whole.copy()
    assert sum(copied.values()) == 73 and len(copied) == 7  # 2 x 35, and three of the process
    assert max(count for at, count in copied.items() if at) <= 10
    assert made.durations["f34"] is not whole.durations["f34"]


@pytest.mark.timeout(60)
async def test_no_piece_of_the_metrics_is_of_more_than_a_few_functions(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        await server.deploy(f"f{number}")
    await server.ended(await server.accept("f7"))
    pieces: list[int] = []
    write, rests = exposition.write, list[int]()

    def series(stats: Any, tally: Any) -> Iterator[Metric]:
        assert threading.current_thread() is not threading.main_thread()
        assert not tally.begun or list(tally.begun) == ["f7"]
        pieces.append(len(stats.functions))
        yield from ()

    metrics = server.service.context.metrics
    metrics.by_function.append(series)
    monkeypatch.setattr(
        exposition, "write", lambda given: write(given, lambda: rests.append(len(pieces)))
    )
    text = (await server.get("/metrics")).body.decode()
    assert pieces == [10, 10, 5] and rests == [0, 1, 2, 3], "it rests behind each"
    assert exposition.FUNCTIONS_A_PIECE == 10
    found = list(text_string_to_metric_families(text))
    names = [item.name for item in found]
    assert len(names) == len(set(names)), "the lines of a family come together"
    waiting = next(item for item in found if item.name == "thence_invocations_waiting")
    assert len(waiting.samples) == 25


async def test_those_who_ask_while_the_metrics_are_written_share_the_next_text(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a scrape that takes longer than its interval makes a line of scrapes that never ends."""
    await server.deploy("first")
    begun, goes_on, written = threading.Event(), threading.Event(), list[bytes]()
    write = exposition.write

    def held(pieces: Any) -> bytes:
        begun.set()
        goes_on.wait(30)
        written.append(write(pieces))
        return written[-1]

    monkeypatch.setattr(exposition, "write", held)
    metrics = server.service.context.metrics
    first = asyncio.create_task(metrics.exposition())
    await asyncio.to_thread(begun.wait, 30)
    await server.deploy("second")
    metrics._stats = None  # as after a second
    waiting = [asyncio.create_task(metrics.exposition()) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # one goes away, and the others lose nothing
    goes_on.set()
    texts = await asyncio.gather(first, *waiting[1:])
    assert len(written) == 2 and set(texts[1:]) == {written[1]}
    assert b'"second"' not in texts[0] and b'"second"' in texts[1]


async def test_metrics_are_told_after_those_that_waited_were_given_up(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    write = exposition.write

    def held(pieces: Any) -> bytes:
        begun.set()
        goes_on.wait(30)
        return write(pieces)

    monkeypatch.setattr(exposition, "write", held)
    metrics = server.service.context.metrics
    asked = [asyncio.create_task(metrics.exposition()) for _ in range(2)]
    await asyncio.to_thread(begun.wait, 30)
    asked.append(asyncio.create_task(metrics.exposition()))
    await asyncio.sleep(0)
    await metrics.stop()  # as the service does when it leaves
    goes_on.set()
    await asyncio.gather(*asked, return_exceptions=True)
    assert b"thence_node_instances_max" in await metrics.exposition()


async def test_sums_over_all_functions_are_made_beside_the_event_loop(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sum_up, beside = engine.sum_up, list[tuple[bool, bool]]()

    def noted(counts: Any) -> Any:
        many = len(counts) > engine.SUMMED_MAX
        beside.append((many, threading.current_thread() is not threading.main_thread()))
        return sum_up(counts)

    monkeypatch.setattr(engine, "sum_up", noted)
    monkeypatch.setattr(engine, "SUMMED_MAX", 3)
    for number in range(4):
        await server.deploy(f"f{number}")
        assert (await server.get("/v1/stats")).status == 200
    # (The minute's look may have asked meanwhile, too.)
    assert set(beside) == {(False, False), (True, True)}, "few are quicker at once"
