"""The machine's clock may be set back or forward, or stand while the machine sleeps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from thence.clock import WAIT_SECONDS_MAX, SystemClock

HOUR_NS = 3600 * 10**9


class Machine:
    """Its two clocks, in ns, as a test sets them."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000 * 10**9
        self.steady = 5 * 10**9
        self.clock = SystemClock(lambda: self.wall, lambda: self.steady)

    def live(self, ns: int) -> None:
        self.wall += ns
        self.steady += ns


def test_a_small_step_forward_is_followed_at_once_and_a_large_one_by_a_tenth() -> None:
    machine = Machine()
    before = machine.clock.now()
    machine.wall += 10**9 // 2
    machine.live(10**9)
    assert machine.clock.now() == before + 1_500
    before = machine.clock.now()
    machine.wall += HOUR_NS
    for _ in range(100):
        machine.live(10**8)
        machine.clock.now()
    assert machine.clock.now() == before + 11_000


def test_after_a_step_forward_the_wall_clock_is_reached() -> None:
    machine = Machine()
    machine.wall += 60 * 10**9
    for _ in range(700):
        machine.live(10**9)
        machine.clock.now()
    assert machine.clock.now() == machine.wall // 10**6


def test_after_a_step_back_time_goes_on_nearly_as_fast_and_waits_keep_their_length() -> None:
    machine = Machine()
    before = machine.clock.now()
    machine.wall -= HOUR_NS
    for _ in range(100):
        machine.live(10**8)
        machine.clock.now()
    assert before + 9_000 <= machine.clock.now() <= before + 10_000
    assert machine.clock.wait_seconds(machine.clock.now() + 50) <= 0.051


def test_after_a_step_back_the_wall_clock_is_reached_again() -> None:
    machine = Machine()
    machine.wall -= 10**9
    for _ in range(200):
        machine.live(10**8)
        machine.clock.now()
    assert machine.clock.now() == machine.wall // 10**6


def test_whatever_the_clocks_do_time_never_decreases() -> None:
    for seed in range(20):
        rng, machine = random.Random(seed), Machine()
        last = machine.clock.now()
        for _ in range(2000):
            if rng.random() < 0.02:
                machine.wall += rng.randrange(-HOUR_NS, HOUR_NS)
            machine.live(rng.randrange(0, 3 * 10 ** rng.randrange(3, 9)))
            now = machine.clock.now()
            assert now >= last, f"seed {seed}"
            last = now


def test_a_long_wait_ends_soon_after_the_machine_has_slept_through_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine, fired = Machine(), []
    waits: list[tuple[float, Callable[[], None]]] = []
    loop = SimpleNamespace(call_later=lambda seconds, call: waits.append((seconds, call)))
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    machine.clock.call_at(machine.clock.now() + 8 * 3_600_000, lambda: fired.append("due"))
    assert waits[0][0] == WAIT_SECONDS_MAX
    machine.live(8 * HOUR_NS)  # it sleeps; the steady clock counts that, the event loop does not
    waits[0][1]()
    assert fired == ["due"]


def test_a_timer_is_never_early_where_service_time_goes_slower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine, fired = Machine(), []
    waits: list[tuple[float, Callable[[], None]]] = []
    loop = SimpleNamespace(call_later=lambda seconds, call: waits.append((seconds, call)))
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    machine.wall -= HOUR_NS
    when = machine.clock.now() + 5000
    machine.clock.call_at(when, lambda: fired.append(machine.clock.now()))
    while not fired:
        seconds, call = waits.pop()
        machine.live(round(seconds * 1e9) + 1)
        call()
    assert when <= fired[0] <= when + 10
