"""Work per event does not grow with the number of functions: counted, not timed.

Counted are the lines of Thence's own Python that are executed (a loop over all lanes executes one
or more for each, also inside a comprehension) and the steps of SQLite's machine (a scan of a table
takes some for each row). So it does not matter how fast or busy the machine is.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import thence
from thence.catalog.control import Control
from thence.catalog.function import Function, parse_spec
from thence.catalog.step import PublishVersion, PutFunction, Step
from thence.engine.mirror import Effects
from thence.notices import Notices
from thence.runtimes.kinds import KINDS
from thence.runtimes.pool.pool import Pool
from thence.testing import Ok, Service
from thence.testing.clock import VirtualClock

ROOM = str(Path(thence.__file__).parent)
STEPS = 100  # SQLite is asked to tell each time it has made so many
FEW, MANY = 200, 2_000
RATIO = 1.2
SPEC = parse_spec({"max_event_age_seconds": 20})


class Counter:
    """What is done inside `with`."""

    def __init__(self, service: Service | None = None) -> None:
        self.lines = self.steps = 0
        self._db = service and service.incarnation.driver.work.db

    def __enter__(self) -> Counter:
        if self._db is not None:
            self._db.set_progress_handler(self._step, STEPS)
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        if self._db is not None:
            self._db.set_progress_handler(None, 0)

    def _enter(self, frame: FrameType, kind: str, argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(ROOM) else None

    def _line(self, frame: FrameType, kind: str, argument: Any) -> Any:
        self.lines += 1
        return self._line

    def _step(self) -> int:
        self.steps += STEPS
        return 0


async def into_the_store(s: Service, step: Step) -> None:
    (left,) = (await s.store.change([step], s.clock.now())).left
    assert isinstance(left, Function)
    s.engine.parts.catalogue.take(left, Effects())


async def deployed(s: Service, number: int) -> list[str]:
    """So many functions, straight into the catalogue: what deploying costs is not asked here."""
    for n in range(number):
        await into_the_store(s, PutFunction(f"f{n}", SPEC, "0" * 64, 1))
    return [f"f{n}" for n in range(number)]


async def all_at_once(s: Service, names: list[str]) -> None:
    """One call of each while the node is full: nearly all of them wait."""
    for name in names:
        s.scripts.set(name, [Ok(seconds=0.01)])
        await s.invoke(name)
    await s.clock.advance(0.01 * len(names))


async def each_at_its_time(s: Service, names: list[str]) -> None:
    """One delayed call of each, none at the same instant."""
    for n, name in enumerate(names):
        await s.invoke(name, delay_seconds=20 - n * 0.005)
    await s.clock.advance(20)


async def each_past_its_age(s: Service, names: list[str]) -> None:
    """One call of each that waits at the limit of its function until its age ends."""
    for name in names:
        s.engine.parts.catalogue.family(name).take(Control(limit=0))
        await s.invoke(name)
    await s.clock.advance(20)


async def of_a_function_that_goes(s: Service, names: list[str]) -> None:
    """One delayed call of each, and then they are deleted."""
    for name in names:
        await s.invoke(name, delay_seconds=10)
    with s.clock.hold():
        for name in names:
            lane = s.engine.parts.catalogue.lane(name)
            lane.delete()
            s.engine.parts.retire.note(lane)
    await s.clock.advance(20)


WAYS = [all_at_once, each_at_its_time, each_past_its_age, of_a_function_that_goes]


@pytest.mark.parametrize(
    ("work", "many"),
    [
        *((work, MANY) for work in WAYS),
        pytest.param(all_at_once, 10_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
async def test_a_call_costs_no_more_where_there_are_many_functions(
    work: Callable[[Service, list[str]], Awaitable[None]], many: int
) -> None:
    lines, steps = [], []
    for number in (FEW, many):
        async with Service(instances_max=16) as s:
            names = await deployed(s, number)
            with Counter(s) as counter:
                await work(s, names)
            stats = await s.engine.stats()
            assert (stats.waiting, stats.running, stats.accepted) == (0, 0, number)
            lines.append(counter.lines / number)
            steps.append(counter.steps / number)
    assert lines[1] <= RATIO * lines[0]
    assert steps[1] <= RATIO * steps[0]


async def test_a_version_at_the_limit_of_all_costs_no_more_where_there_are_many() -> None:
    """One call of each version of one function, which may run one at a time."""
    lines = []
    for number in (FEW, MANY):
        async with Service(instances_max=16) as s:
            (name,) = await deployed(s, 1)
            s.scripts.set(name, [Ok(seconds=0.01)])
            family = s.engine.parts.catalogue.family(name)
            for n in range(1, number + 1):
                await into_the_store(s, PublishVersion(family.id, str(n)))
            family.take(Control(limit=1))
            with Counter() as counter:
                for n in range(1, number + 1):
                    await s.invoke(name, qualifier=str(n))
                await s.clock.advance(0.01 * number)
            assert (await s.engine.stats()).succeeded == number
            assert s.scripts.at_once[name] == 1
            lines.append(counter.lines / number)
    assert lines[1] <= RATIO * lines[0]


def test_asking_for_room_costs_no_more_where_much_is_promised(tmp_path: Path) -> None:
    """The pool of real instances: what is promised to others is one number."""
    lines = []
    for number in (FEW, 10_000):
        pool = Pool(
            KINDS,
            lambda function: tmp_path,
            Notices(),
            VirtualClock(),
            instances_max=16,
            kept_free=4,
        )
        pool._books.accepting = True
        functions = [Function(n, f"f{n}", 1, SPEC, "", 0, 0, 0) for n in range(1, number + 1)]
        with Counter() as counter:
            for function in functions:
                pool.promise(function, 1)
                pool.room(function)
                pool.crowded(function)
                pool.held(function)
                pool.occupancy()
        for function in functions:
            pool.promise(function, -1)
        assert pool.occupancy().in_use == pool.occupancy().holders == 0
        assert pool.room(functions[0]) > 0
        lines.append(counter.lines / number)
    assert lines[1] <= RATIO * lines[0]
