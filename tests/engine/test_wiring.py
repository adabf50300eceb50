"""The parts of an engine are connected once, when they are built."""

from __future__ import annotations

from typing import Any

import pytest

from thence.engine.flow import Flow
from thence.engine.running import Running
from thence.runtimes.interface import Run
from thence.testing import Service


def _told(*_: Any) -> Any: ...


def test_nothing_is_told_before_the_parts_are_connected_and_they_are_once() -> None:
    flow = Flow()
    with pytest.raises(AttributeError):
        getattr(flow, "begin")  # noqa: B009  # that it is not there is what is looked at
    told = dict.fromkeys(Flow.__slots__, _told)
    flow.complete(**told)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        flow.complete(**told)  # type: ignore[arg-type]
    assert flow.begin is _told


async def test_an_engine_that_is_built_is_connected(s: Service) -> None:
    flow = s.engine.parts.flow
    assert all(callable(getattr(flow, name)) for name in Flow.__slots__)


async def test_a_run_is_ended_by_itself_alone(s: Service) -> None:
    function = await s.function("f")

    def run(attempt: int) -> Run:
        return Run(7, function, attempt, b"", 0, 0, 0, False, False, _told)

    running, earlier, later = Running(), run(1), run(2)
    running.add(earlier)
    running.add(later)
    assert not running.end(earlier) and running.has(later) and not running.has(earlier)
    assert running.of(function.family) == [later]
    assert running.end(later) and not running.end(later) and len(running) == 0
