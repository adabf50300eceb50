"""sources: what is inside this process has functions called through one port."""

from __future__ import annotations

import pytest

from thence.engine.sources import Firing
from thence.errors import (
    Draining,
    FunctionNotFound,
    IdempotencyMismatch,
    PayloadTooLarge,
    QualifierNotFound,
    StoreUnavailable,
)
from thence.testing import Service


def _firing(**changes: object) -> Firing:
    return Firing(**{"payload": b'{"n":1}', "source": "timer:nightly", **changes})


async def test_a_firing_is_an_invocation_that_says_where_it_came_from(s: Service):
    await s.function("f", answers=["ok"])
    firing = _firing(content_type="application/json", traceparent="00-a-b-01", delay_seconds=60)
    accepted = await s.engine.sources.accept("f", firing)
    view = await s.show(accepted.id)
    assert (view.state, view.due_at) == ("queued", s.clock.now() + 60_000)
    assert (view.meta.source, view.meta.content_type) == ("timer:nightly", "application/json")
    assert view.meta.traceparent == "00-a-b-01"
    await s.clock.advance(60)
    assert (await s.show(accepted.id)).state == "succeeded"


async def test_the_same_firing_twice_runs_once(s: Service):
    await s.function("f", answers=["ok"])
    firing = _firing(idempotency_key="timer:nightly:17")
    first = await s.engine.sources.accept("f", firing)
    await s.settle()
    await s.crash()  # before the source could note that it had fired
    second = await s.engine.sources.accept("f", firing)
    assert (second.id, second.duplicate) == (first.id, True)
    await s.settle()
    assert len(s.starts("f")) == 1
    with pytest.raises(IdempotencyMismatch):
        await s.engine.sources.accept(
            "f", _firing(idempotency_key="timer:nightly:17", payload=b"2")
        )


async def test_a_source_names_a_version_or_an_alias(s: Service):
    await s.function("f", answers=["ok"])
    await s.engine.functions.publish_version("f")
    accepted = await s.engine.sources.accept("f", _firing(), qualifier="1")
    assert (await s.show(accepted.id)).version == "1"


async def test_a_firing_that_can_never_be_taken_is_told_from_one_that_may_be_later(s: Service):
    await s.function("f")
    with pytest.raises(FunctionNotFound):
        await s.engine.sources.accept("g", _firing())
    with pytest.raises(QualifierNotFound):
        await s.engine.sources.accept("f", _firing(), qualifier="blue")
    with pytest.raises(PayloadTooLarge):
        await s.engine.sources.accept("f", _firing(payload_bytes_max=3))
    s.disk_full(1)
    with pytest.raises(StoreUnavailable) as away:
        await s.engine.sources.accept("f", _firing())
    assert away.value.retry_after_seconds > 0
    await s.clock.advance(60)
    await s.engine.sources.accept("f", _firing())  # it was not stored, and is taken now
    await s.settle()
    assert len(s.starts("f")) == 1
    engine = s.engine
    await s.stop_service()
    with pytest.raises(Draining):
        await engine.sources.accept("f", _firing())
