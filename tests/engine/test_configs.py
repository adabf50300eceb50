"""Asynchronous configuration by qualifier: it counts for the calls that named that qualifier."""

from __future__ import annotations

import pytest

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.catalog.step import DeleteEntry
from thence.errors import (
    AliasNotFound,
    DestinationCycle,
    FunctionNotFound,
    InvalidInput,
    VersionNotFound,
)
from thence.lifecycle.policy import RetryWait
from thence.lifecycle.states import State
from thence.store.records import StopMark
from thence.testing import Error, Forever, Service
from thence.testing.service import gather_now

EXACT = RetryWait(first_seconds=1, factor=1, jitter="none")


async def published(s: Service, **spec: object) -> None:
    """f with version 1 and the alias prod for it."""
    await s.function("f", **spec)
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)


async def test_each_qualifier_has_its_own_retries(s: Service) -> None:
    await published(s, answers=[Error()], max_retries=1)
    await s.engine.functions.put_async_config(
        "f", "prod", AsyncConfig(max_retries=4, retry_wait=EXACT)
    )
    await s.engine.functions.put_async_config("f", "latest", AsyncConfig(max_retries=0))
    ids = {q: await s.invoke("f", qualifier=q) for q in ("latest", "1", "prod")}
    await s.clock.advance(600)
    made = {q: (await s.show(id)).attempt for q, id in ids.items()}
    assert made == {"latest": 1, "1": 2, "prod": 5}
    by_alias = [start for start in s.scripts.starts if start.id == (s.scripts.starts[-1].id)]
    assert {alia.version for alia in by_alias} == {"1"}


async def test_the_event_age_is_that_of_the_qualifier_that_was_called(s: Service) -> None:
    await published(s, concurrency=0, max_event_age_seconds=100)
    await s.engine.functions.put_async_config("f", "prod", AsyncConfig(max_event_age_seconds=10))
    ids = {q: await s.invoke("f", qualifier=q) for q in ("1", "prod")}
    await s.clock.advance(11)
    assert (await s.show(ids["prod"])).state is State.EXPIRED
    assert (await s.show(ids["1"])).state is State.QUEUED


async def test_destinations_are_those_of_the_qualifier_that_was_called(s: Service) -> None:
    await published(s, answers=lambda run: Error() if run.payload == b"1" else "ok", max_retries=0)
    await s.engine.functions.put_async_config(
        "f", "prod", AsyncConfig(max_retries=0, on_success="queue:done", on_failure="queue:dead")
    )
    for qualifier in ("prod", "1", "latest"):
        await s.invoke("f", 0, qualifier=qualifier)
        await s.invoke("f", 1, qualifier=qualifier)
    await s.settle()
    assert len(await s.mail("queue:done")) == len(await s.mail("queue:dead")) == 1


async def test_what_expires_while_it_waits_owes_by_the_alias_that_was_called(s: Service) -> None:
    await published(s, concurrency=0)
    config = AsyncConfig(max_event_age_seconds=10, on_failure="queue:dead")
    await s.engine.functions.put_async_config("f", "prod", config)
    await s.invoke("f", qualifier="prod")
    await s.clock.advance(60)
    assert len(await s.mail("queue:dead")) == 1


async def test_a_lost_attempt_is_settled_by_the_alias_that_was_called(s: Service) -> None:
    await published(s, answers=[Forever()], concurrency=1)
    await s.engine.functions.put_async_config("f", "prod", AsyncConfig(on_failure="queue:dead"))
    id = await s.invoke("f", qualifier="prod")
    for _ in range(4):  # one more than the losses that are forgiven
        await s.settle()
        await s.crash()
    await s.clock.advance(60)
    assert (await s.show(id)).state is State.FAILED and len(await s.mail("queue:dead")) == 1


async def test_a_changed_configuration_counts_for_what_waits(s: Service) -> None:
    await published(s, answers=[Error()])
    await s.engine.functions.put_async_config(
        "f", "prod", AsyncConfig(max_retries=8, retry_wait=EXACT)
    )
    id = await s.invoke("f", qualifier="prod")
    await s.clock.advance(2.5)
    assert (await s.show(id)).attempt == 3
    await s.engine.functions.put_async_config(
        "f", "prod", AsyncConfig(max_retries=3, on_failure="queue:x")
    )
    await s.clock.advance(60)
    assert (await s.show(id)).attempt == 4 and len(await s.mail("queue:x")) == 1


async def test_without_a_configuration_the_spec_counts_again(s: Service) -> None:
    await published(s, answers=[Error()], max_retries=1)
    await s.engine.functions.put_async_config("f", "latest", AsyncConfig(max_retries=8))
    assert await s.engine.functions.delete_async_config("f", "latest")
    assert not await s.engine.functions.delete_async_config("f", "latest")
    id = await s.invoke("f")
    await s.clock.advance(600)
    assert (await s.show(id)).attempt == 2


async def test_a_restart_keeps_configurations(s: Service) -> None:
    await published(s, answers=[Error()], max_retries=0)
    put = await s.engine.functions.put_async_config(
        "f", "prod", AsyncConfig(max_retries=2, listed=True)
    )
    await s.restart()
    assert s.engine.functions.async_configs("f") == {"prod": put}
    id = await s.invoke("f", qualifier="prod")
    await s.clock.advance(600)
    assert (await s.show(id)).attempt == 3


async def test_put_replaces_and_keeps_the_time_of_the_first(s: Service) -> None:
    await s.function("f")
    first = await s.engine.functions.put_async_config("f", "latest", AsyncConfig(max_retries=5))
    await s.clock.advance(10)
    second = await s.engine.functions.put_async_config("f", "latest", AsyncConfig(listed=True))
    assert (second.max_retries, second.listed) == (3, True)
    assert first.created_at == second.created_at and second.updated_at == first.updated_at + 10_000
    assert s.engine.functions.async_config("f", "latest") == second


async def test_what_counts_is_shown_also_where_nothing_was_put(s: Service) -> None:
    await published(s, max_retries=7, on_failure="queue:dead")
    await s.function("f", max_retries=1)
    assert s.engine.functions.async_config("f", "prod") is None
    shown = s.engine.functions.effective_config("f", "prod")
    assert (shown.max_retries, shown.on_failure) == (7, "queue:dead")
    assert s.engine.functions.effective_config("f", "latest").max_retries == 1
    put = await s.engine.functions.put_async_config("f", "prod", AsyncConfig(max_retries=2))
    assert s.engine.functions.effective_config("f", "prod") == put


async def test_a_configuration_that_cannot_be_is_refused_by_its_field(s: Service) -> None:
    await s.function("f")
    for config, field in (
        (AsyncConfig(max_retries=9), "max_retries"),
        (AsyncConfig(max_retries=-1), "max_retries"),
        (AsyncConfig(max_event_age_seconds=0), "max_event_age_seconds"),
        (AsyncConfig(max_event_age_seconds=2_592_001), "max_event_age_seconds"),
        (AsyncConfig(on_success="nowhere:x"), "on_success"),
        (AsyncConfig(on_failure="function:f@9"), "on_failure"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await s.engine.functions.put_async_config("f", "latest", config)
        assert refused.value.fields["field"] == field
    for name, qualifier, error in (
        ("g", "latest", FunctionNotFound),
        ("f", "1", VersionNotFound),
        ("f", "prod", AliasNotFound),
    ):
        with pytest.raises(error):
            await s.engine.functions.put_async_config(name, qualifier, AsyncConfig())
        with pytest.raises(error):
            s.engine.functions.effective_config(name, qualifier)
    assert s.engine.functions.async_configs("f") == {}


async def test_a_configuration_whose_qualifier_is_gone_is_dropped_at_start(s: Service) -> None:
    await published(s)
    await s.engine.functions.put_async_config("f", "prod", AsyncConfig(max_retries=7))
    # As when the process ends between the deletion of an alias and that of its configuration.
    await s.store.change([DeleteEntry("alias", str(s.engine.functions.get("f").id), "prod")], 0)
    await s.crash()
    assert s.engine.functions.async_configs("f") == {}
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    await s.restart()
    assert s.engine.functions.async_configs("f") == {}


# ---------------------------------------------------------------- destinations


async def test_a_cycle_through_any_qualifier_is_refused(s: Service) -> None:
    await s.function("b", on_success="function:c")
    await s.function("c")
    await published(s)
    await s.engine.functions.put_async_config("f", "prod", AsyncConfig(on_failure="function:b"))
    with pytest.raises(DestinationCycle) as refused:
        await s.engine.functions.put_async_config(
            "c", "latest", AsyncConfig(on_success="function:f")
        )
    assert refused.value.fields["cycle"] == ["c", "f", "b", "c"]
    with pytest.raises(DestinationCycle):
        await s.function("c", on_success="function:f")
    with pytest.raises(DestinationCycle):
        await s.engine.functions.put_async_config(
            "f", "1", AsyncConfig(on_success="function:f@prod")
        )
    # What leads out of it lets the others go through.
    await s.engine.functions.put_async_config("f", "prod", AsyncConfig(on_failure="queue:x"))
    await s.engine.functions.put_async_config(
        "c", "latest", AsyncConfig(on_success="function:f@prod")
    )


async def test_a_destination_may_be_a_version_or_an_alias(s: Service) -> None:
    await published(s)
    await s.function("a", answers=["ok"], on_success="function:f@prod")
    await s.function("b", answers=["ok"])
    await s.engine.functions.put_async_config("b", "latest", AsyncConfig(on_success="function:f@1"))
    await s.invoke("a")
    await s.invoke("b")
    await s.settle()
    called = [await s.show(start.id) for start in s.scripts.starts if start.function == "f"]
    assert [(version.version, version.qualifier) for version in called] == [
        ("1", "prod"),
        ("1", "1"),
    ]
    with pytest.raises(InvalidInput) as refused:
        await s.engine.functions.put_async_config(
            "b", "latest", AsyncConfig(on_success="function:f@dev")
        )
    assert (refused.value.fields["field"], refused.value.fields["value"]) == ("on_success", "dev")
    # One that is not deployed yet may have any.
    await s.engine.functions.put_async_config(
        "b", "latest", AsyncConfig(on_success="function:later@dev")
    )


# ---------------------------------------------------------------- stops


async def stopped(s: Service, **settings: object) -> str:
    id = await s.invoke("f", **settings)
    await s.settle()
    await s.stop(id)
    await s.settle()
    assert (await s.show(id)).state is State.STOPPED
    return id


async def test_a_stopped_invocation_notifies_where_the_configuration_says_so(s: Service) -> None:
    await published(s, answers=[Forever()], concurrency=1)
    config = AsyncConfig(on_failure="queue:dead", on_success="queue:done", stop_notifies=True)
    await s.engine.functions.put_async_config("f", "prod", config)
    await s.engine.functions.put_async_config("f", "latest", AsyncConfig(on_failure="queue:other"))
    running = await s.invoke("f", qualifier="prod")
    await s.settle()
    await stopped(s, qualifier="prod")  # while it waited
    assert len(await s.mail("queue:dead")) == 1
    await s.stop(running)
    await s.settle()
    assert len(await s.mail("queue:dead")) == 2
    await s.invoke("f", qualifier="prod")
    delayed = await stopped(s, qualifier="prod", delay_seconds=60)
    assert [delivery.condition for delivery in (await s.show(delayed)).deliveries] == ["failure"]
    await stopped(s)  # by a configuration that does not say so
    assert await s.mail("queue:other") == [] and await s.mail("queue:done") == []


async def test_one_that_is_stopped_while_it_backs_off_notifies(s: Service) -> None:
    await s.function("f", answers=[Error()])
    config = AsyncConfig(on_failure="queue:dead", stop_notifies=True)
    await s.engine.functions.put_async_config("f", "latest", config)
    await stopped(s)
    assert len(await s.mail("queue:dead")) == 1


async def test_a_stop_written_by_one_who_did_not_see_the_run_notifies_once(s: Service) -> None:
    await s.function("f", answers=[Error(seconds=1)])
    config = AsyncConfig(on_failure="queue:dead", stop_notifies=True)
    await s.engine.functions.put_async_config("f", "latest", config)
    view = await s.show(await s.invoke("f"))
    writer, mark = s.engine.parts.writer, StopMark(view.id, view.function_id, 1, s.clock.now())
    await gather_now(s, writer.wait(writer.mark_stopping, mark))
    await s.clock.advance(60)
    assert (await s.show(view.id)).state is State.STOPPED
    assert len(await s.mail("queue:dead")) == 1


async def test_an_attempt_that_was_lost_after_its_stop_notifies_once(s: Service) -> None:
    await s.function("f", answers=[Forever()])
    config = AsyncConfig(on_failure="queue:dead", stop_notifies=True)
    await s.engine.functions.put_async_config("f", "latest", config)
    id = await s.invoke("f")
    s.runtime.stop = lambda id: True  # the instance does not end before the crash
    await s.stop(id)
    await s.crash()
    await s.settle()
    assert (await s.show(id)).state is State.STOPPED
    assert len(await s.mail("queue:dead")) == 1
