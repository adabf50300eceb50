"""Whose turn it is: bounds, shares and fairness, and that no step looks at everybody."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from thence.engine import turns as module
from thence.engine.turns import PROMPT_MS, SHARES, Receiver, Trust, Turns, Waits


def key(name: str, trust: Trust = Trust.NEW, concurrency: int = 8) -> Receiver:
    made = Receiver(name, concurrency, trust)
    made.ready = True
    return made


def start(turns: Turns, taken: dict[str, int], most: int = 10**9) -> list[tuple[Receiver, Trust]]:
    """Take turns until there are none; each claim finds as many as it asked for."""
    begun = []
    while len(begun) < most and (turn := turns.next()) is not None:
        one, trust, number = turn
        one.under_way += number
        taken[one.name] = taken.get(one.name, 0) + number
        begun += [(one, trust)] * number
        turns.add(one)
    return begun


class Lines:
    """Counts the lines of these files that run while it is open, whatever awaits meanwhile."""

    def __init__(self, *files: str) -> None:
        self._files = files
        self.count = 0

    def __enter__(self) -> Lines:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: Any, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.endswith(self._files):
            return None
        self.count += event == "line"
        return self._trace


def test_all_tries_together_have_a_bound() -> None:
    turns, taken = Turns(100), {}
    for number in range(50):
        turns.add(key(str(number), Trust.PROMPT))
    assert len(start(turns, taken)) == 100 == turns.held
    assert min(taken.values()) >= 1 and max(taken.values()) <= 8 and len(taken) == 50


@pytest.mark.parametrize("trust", Trust)
def test_each_trust_has_at_most_its_share_and_leaves_the_rest_to_better_ones(trust: Trust) -> None:
    turns, taken = Turns(100), {}
    for number in range(200):
        turns.add(key(str(number), trust))
    assert len(start(turns, taken)) == 100 * SHARES[trust]
    turns.add(key("good", Trust.PROMPT))
    assert ("good" in {item.name for item, _ in start(turns, taken)}) == (trust is not Trust.PROMPT)


def test_even_a_bound_of_one_lets_everybody_have_a_turn() -> None:
    turns, seen = Turns(1), set()
    for trust in Trust:
        turns.add(key(trust.name, trust))
    while (turn := turns.next()) is not None:
        seen.add(turn[0].name)
        assert turn[2] == 1
        turns.release(turn[1], 1)
    assert seen == {trust.name for trust in Trust}


def test_receivers_of_one_trust_take_turns() -> None:
    turns, taken = Turns(4), {}
    keys = [key(str(number), Trust.PROMPT) for number in range(10)]
    for item in keys:
        turns.add(item)
    for _ in range(500):
        for item, trust in start(turns, taken):
            item.under_way -= 1
            turns.release(trust, 1)
            turns.add(item)
    assert max(taken.values()) - min(taken.values()) <= 8


def test_who_does_not_answer_gets_fewer_tries_at_once_and_who_does_more() -> None:
    one = key("x")
    seen = []
    for _ in range(4):
        one.learn(False, 30_000)
        seen.append(one.window)
    assert seen == [4, 2, 1, 1] and one.trust is Trust.SILENT
    one.learn(True, PROMPT_MS + 1)
    assert (one.trust, one.window) == (Trust.LATE, 2)
    for _ in range(5):
        one.learn(True, 3)
    assert (one.trust, one.window) == (Trust.PROMPT, 8)


def test_a_receiver_whose_trust_changed_while_it_waited_has_its_turn_all_the_same() -> None:
    turns = Turns(8)
    one = key("x", Trust.PROMPT)
    turns.add(one)
    one.trust = Trust.SILENT
    turn = turns.next()
    assert turn is not None and turn[0] is one and turn[1] is Trust.SILENT


def test_no_step_looks_at_all_receivers() -> None:
    """The work of a turn at 10,000 receivers is that at 10."""
    costs = {}
    for count in (10, 10_000):
        turns, waits = Turns(256), Waits()
        for number in range(count):
            turns.add(key(f"r{number}", Trust(number % 4)))
            waits.put(key(f"w{number}"), 1000 + number)
        start(turns, {})

        def event(turns: Turns = turns, waits: Waits = waits) -> None:
            turns.release(Trust.SILENT, 1)
            turn = turns.next()
            assert turn is not None
            waits.put(turn[0], 500)
            assert waits.due(500) == [turn[0]]
            turn[0].ready = True
            turns.add(turn[0])

        if count == 10:  # everything fits: leave somebody for the turn
            turns.add(key("last", Trust.SILENT))
        with Lines(module.__file__) as lines:
            event()
        costs[count] = lines.count
    assert costs[10_000] <= costs[10] * 1.5


def test_waits_give_each_key_back_once_at_its_newest_instant() -> None:
    waits, one, two = Waits(), key("one"), key("two")
    waits.put(one, 50)
    waits.put(two, 30)
    waits.put(one, 10)
    assert waits.earliest() == 10 and waits.due(9) == []
    assert waits.due(10) == [one] and one.next_due is None
    assert waits.due(100) == [two] and waits.earliest() is None


def test_instants_that_are_void_are_cleared_away() -> None:
    waits, one = Waits(), key("one")
    for number in range(100_000, 0, -1):
        waits.put(one, number)
    assert len(waits) < 200
    assert waits.due(1) == [one] and waits.due(100_000) == []


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_forgotten_and_no_bound_is_passed(seed: int) -> None:
    rng = random.Random(seed)
    most = rng.choice((1, 3, 10, 64))
    turns = Turns(most)
    left = {f"k{number}": rng.randrange(1, 40) for number in range(30)}
    keys = {name: key(name, concurrency=rng.choice((1, 2, 8))) for name in left}
    for item in keys.values():
        turns.add(item)
    under_way: list[tuple[Receiver, Trust]] = []
    for _ in range(20_000):
        while rng.random() < 0.7 and (turn := turns.next()) is not None:
            one, trust, number = turn
            got = min(number, left[one.name])
            left[one.name] -= got
            one.under_way += got
            turns.release(trust, number - got)
            under_way += [(one, trust)] * got
            one.ready = got == number
            turns.add(one)
        assert turns.held == len(under_way) <= most
        assert all(item.under_way <= item.concurrency for item in keys.values())
        if under_way:
            one, trust = under_way.pop(rng.randrange(len(under_way)))
            one.learn(rng.random() < 0.5, rng.choice((1, 5000)))
            one.under_way -= 1
            turns.release(trust, 1)
            turns.add(one)
        elif not any(left.values()):
            break
    assert not any(left.values()) and turns.held == 0
