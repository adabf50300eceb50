"""Triggers: what a source yields is accepted once and in order, whatever happens in between."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from thence.api.native.triggers import show
from thence.catalog.step import DeleteEntry
from thence.errors import FunctionNotFound, InvalidInput, QualifierNotFound, TriggerNotFound
from thence.notices import Notice, TriggerFailed, TriggerRecovered, TriggerRefused
from thence.store.records import Filter
from thence.testing import Service
from thence.triggers.trigger import Trigger
from thence.triggers.triggers import Triggers

from .tapes import Tapes, triggers_of

TAPE = Trigger(name="t", type="tape", config={"tape": "a"})


async def _started(s: Service, tapes: Tapes) -> Triggers:
    triggers = triggers_of(s, tapes)
    await triggers.start()
    return triggers


async def payloads(s: Service) -> list[str]:
    """Of all that was accepted, in that order."""
    page = await s.store.invocations(Filter(), 1000, None)
    found = [await s.store.payload(view.id) for view in reversed(page.items)]
    return ["" if body is None else body[0].data.decode() for body in found]


def _listen(s: Service, kind: type[Notice]) -> list[Any]:
    found: list[Any] = []
    s.notices.on(kind, found.append)
    return found


async def test_what_a_source_yields_is_accepted_in_order_and_says_where_it_came_from(
    s: Service, tapes: Tapes
):
    await s.function("f", answers=["ok"] * 3)
    triggers = await _started(s, tapes)
    view, created = await triggers.put("f", TAPE)
    assert created and view.trigger.config == {"tape": "a", "secret": ""}
    tapes["a"].write("1", "2", "3")
    await s.settle()
    assert await payloads(s) == ["1", "2", "3"]
    page = await s.store.invocations(Filter(), 1000, None)
    views = [await s.show(row.id) for row in page.items]
    assert {(view.meta.source, str(view.state)) for view in views} == {
        ("trigger:tape:t", "succeeded")
    }
    status = triggers.get("f", "t").status
    assert status is not None and (str(status.state), status.fired) == ("watching", 3)


async def test_after_a_crash_it_goes_on_after_what_was_accepted(s: Service, tapes: Tapes):
    await s.function("f", answers=["ok"] * 5)
    await (await _started(s, tapes)).put("f", TAPE)
    tapes["a"].write("1", "2")
    await s.settle()
    await s.crash()
    tapes["a"].write("3")
    await _started(s, tapes)
    await s.settle()
    assert await payloads(s) == ["1", "2", "3"]
    assert tapes["a"].reads[-2:] == ["2", "3"]


async def test_a_firing_whose_position_was_lost_is_not_accepted_again(s: Service, tapes: Tapes):
    await s.function("f", answers=["ok"] * 5)
    triggers = await _started(s, tapes)
    await triggers.put("f", TAPE)
    tapes["a"].write("1", "2")
    await s.settle()
    family = s.engine.functions.get("f").family
    await s.engine.functions.delete_entry("trigger_position", str(family), "t")
    await s.crash()
    tapes["a"].write("3")
    triggers = await _started(s, tapes)
    await s.settle()
    assert await payloads(s) == ["1", "2", "3"]
    status = triggers.get("f", "t").status
    assert status is not None and (status.fired, status.repeated) == (1, 2)


async def test_a_full_disk_holds_the_source_back_and_loses_nothing(s: Service, tapes: Tapes):
    await s.function("f", answers=["ok"] * 5)
    triggers = await _started(s, tapes)
    await triggers.put("f", TAPE)
    await s.settle()
    failed, recovered = _listen(s, TriggerFailed), _listen(s, TriggerRecovered)
    s.disk_full(300)
    tapes["a"].write("1", "2")
    await s.clock.advance(200)
    status = triggers.get("f", "t").status
    assert status is not None and str(status.state) == "failing" and status.last_error
    assert status.again_at is not None and status.again_at > s.clock.now()
    await s.clock.advance(200)
    assert await payloads(s) == ["1", "2"]
    assert (len(failed), len(recovered)) == (1, 1)


async def test_more_than_may_wait_is_left_at_the_source(tapes: Tapes):
    async with Service(waiting_max=3) as s:
        await s.function("f", answers=["ok"] * 10)
        await s.engine.functions.put_control(
            "f", msgspec.structs.replace(s.engine.functions.control("f"), limit=0)
        )
        triggers = await _started(s, tapes)
        await triggers.put("f", TAPE)
        tapes["a"].write(*"1234567")
        await s.clock.advance(60)
        assert await payloads(s) == ["1", "2", "3"]
        await s.engine.functions.put_control(
            "f", msgspec.structs.replace(s.engine.functions.control("f"), limit=None)
        )
        await s.clock.advance(300)
        assert await payloads(s) == [*"1234567"]
        assert len(s.starts("f")) == 7


async def test_a_source_that_fails_is_asked_again_ever_less_often_and_harms_no_other(
    s: Service, tapes: Tapes
):
    await s.function("f", answers=["ok"] * 5)
    triggers = await _started(s, tapes)
    failed, recovered = _listen(s, TriggerFailed), _listen(s, TriggerRecovered)
    tapes["a"].fail(OSError("no answer"))
    await triggers.put("f", TAPE)
    await triggers.put("f", Trigger(name="good", type="tape", config={"tape": "b"}))
    await s.clock.advance(1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 - 0.5)
    assert len(tapes["a"].reads) == 8
    tapes["b"].write("fine")
    await s.settle()
    assert await payloads(s) == ["fine"]
    assert [(item.trigger, item.error) for item in failed] == [("t", "OSError: no answer")]
    tapes["a"].write("late")
    tapes["a"].error = None
    await s.clock.advance(60)
    assert await payloads(s) == ["fine", "late"]
    assert [item.trigger for item in recovered] == ["t"]


async def test_a_firing_that_can_never_be_accepted_is_said_and_left_behind(
    s: Service, tapes: Tapes
):
    await s.function("f", answers=["ok"] * 5)
    triggers = await _started(s, tapes)
    refused = _listen(s, TriggerRefused)
    await triggers.put("f", TAPE)
    tapes["a"].write("1", "x" * (s.options.payload_bytes_max + 1), "3")
    await s.settle()
    assert await payloads(s) == ["1", "3"]
    assert [(item.trigger, item.key) for item in refused] == [("t", "1")]
    assert "bytes" in refused[0].error


async def test_a_disabled_one_is_not_watched_and_goes_on_from_where_it_was(
    s: Service, tapes: Tapes
):
    await s.function("f", answers=["ok"] * 5)
    triggers = await _started(s, tapes)
    await triggers.put("f", TAPE)
    tapes["a"].write("1")
    await s.settle()
    view, created = await triggers.put("f", msgspec.structs.replace(TAPE, enabled=False))
    assert not created and view.status is None and tapes["a"].open == 0
    tapes["a"].write("2")
    await s.clock.advance(60)
    assert await payloads(s) == ["1"]
    await triggers.put("f", TAPE)
    await s.settle()
    assert await payloads(s) == ["1", "2"]


async def test_a_trigger_goes_with_its_function_and_a_new_function_of_that_name_has_none(
    s: Service, tapes: Tapes
):
    await s.function("f", answers=["ok"] * 5)
    triggers = await _started(s, tapes)
    await triggers.put("f", TAPE)
    await s.settle()
    await s.delete("f")
    await s.function("f", answers=["ok"] * 5)
    tapes["a"].write("1")
    await s.clock.advance(60)
    assert tapes["a"].open == 0 and triggers.all("f") == []
    assert await payloads(s) == []
    await s.restart()
    assert (await _started(s, tapes)).all("f") == []


async def test_a_deleted_one_made_again_begins_at_the_beginning(s: Service, tapes: Tapes):
    await s.function("f", answers=["ok"] * 5)
    triggers = await _started(s, tapes)
    await triggers.put("f", TAPE)
    tapes["a"].write("1")
    await s.settle()
    await triggers.delete("f", "t")
    assert tapes["a"].open == 0
    with pytest.raises(TriggerNotFound):
        triggers.get("f", "t")
    with pytest.raises(TriggerNotFound):
        await triggers.delete("f", "t")
    await s.clock.advance(1)
    await triggers.put("f", TAPE)
    await s.settle()
    assert await payloads(s) == ["1", "1"]


async def test_one_that_is_deleted_while_it_fires_leaves_no_position(s: Service, tapes: Tapes):
    """The position would be written when the trigger is gone already."""
    await s.function("f", answers=["ok"] * 5)
    triggers = await _started(s, tapes)
    await triggers.put("f", TAPE)
    change = s.store.change

    async def deleted_first(*args: Any, **named: Any) -> Any:
        s.store.change = change
        family = str(s.engine.functions.get("f").family)
        await change([DeleteEntry("trigger", family, "t")], 0)
        return await change(*args, **named)

    s.store.change = deleted_first
    tapes["a"].write("1")
    await s.clock.advance(10)
    assert await payloads(s) == ["1"]
    assert (await s.store.catalogue()).entries == []


async def test_what_another_node_configured_is_watched_soon(s: Service, tapes: Tapes):
    await s.function("f", answers=["ok"] * 5)
    here, there = await _started(s, tapes), triggers_of(s, tapes)
    tapes["a"].write("1")
    await there.put("f", msgspec.structs.replace(TAPE, enabled=False))
    await s.clock.advance(10)
    assert await payloads(s) == []
    family = str(s.engine.functions.get("f").family)
    await s.engine.functions.put_entry("trigger", family, "t", msgspec.json.encode(TAPE))
    await s.clock.advance(10)
    assert await payloads(s) == ["1"]
    assert here.get("f", "t").status is not None


async def test_two_nodes_that_watch_one_source_have_each_firing_accepted_once(
    s: Service, tapes: Tapes
):
    await s.function("f", answers=["ok"] * 20)
    await (await _started(s, tapes)).put("f", TAPE)
    await _started(s, tapes)
    await s.clock.advance(10)
    for number in range(10):
        tapes["a"].write(str(number))
        await s.settle()
    assert await payloads(s) == [str(number) for number in range(10)]
    assert tapes["a"].open == 2


async def test_stopping_closes_every_source(s: Service, tapes: Tapes):
    await s.function("f", answers=["ok"])
    triggers = await _started(s, tapes)
    for number in range(50):
        await triggers.put("f", Trigger(name=f"t{number}", type="tape", config={"tape": "a"}))
    await s.settle()
    assert tapes["a"].open == 50
    await triggers.stop()
    await triggers.stop()
    assert tapes["a"].open == 0


async def test_a_bad_trigger_is_refused_with_its_field(s: Service, tapes: Tapes):
    await s.function("f")
    triggers = await _started(s, tapes)
    bad = {
        "name": {"name": "1 x"},
        "type": {"type": "tide"},
        "config.tape": {"config": {}},
        "config.colour": {"config": {"tape": "a", "colour": 1}},
        "config": {"config": [1]},
        "description": {"description": "x" * 1025},
    }
    for field, change in bad.items():
        with pytest.raises(InvalidInput) as refused:
            await triggers.put("f", msgspec.structs.replace(TAPE, **change))
        assert refused.value.fields["field"] == field, refused.value.detail
    with pytest.raises(InvalidInput, match=r"^config: tape: '-a' is no name; it begins"):
        await triggers.put("f", msgspec.structs.replace(TAPE, config={"tape": "-a"}))
    with pytest.raises(FunctionNotFound):
        await triggers.put("g", TAPE)
    with pytest.raises(QualifierNotFound):
        await triggers.put("f", msgspec.structs.replace(TAPE, qualifier="9"))
    assert triggers.all("f") == []


async def test_a_kind_that_is_no_longer_installed_is_shown_and_kept(s: Service, tapes: Tapes):
    await s.function("f", answers=["ok"] * 5)
    await (await _started(s, tapes)).put(
        "f", msgspec.structs.replace(TAPE, config={"tape": "a", "secret": "s"})
    )
    await s.restart()
    bare = Triggers(s.engine, s.clock, s.notices, {})
    await bare.start()
    await s.settle()
    view = bare.get("f", "t")
    assert (view.installed, view.status, view.shown) == (False, None, {})
    assert show(view).state == "not_installed"
    await bare.stop()
    back = await _started(s, tapes)
    await s.settle()
    assert back.get("f", "t").shown == {"tape": "a", "secret": "…"}
    assert back.get("f", "t").status is not None


async def test_what_came_is_on_disk_before_the_position_moves(s: Service, tapes: Tapes):
    await s.function("f", answers=["ok"] * 9)
    triggers = await _started(s, tapes)
    await triggers.put("f", TAPE)
    await s.settle()
    s.store_down(30)
    tapes["a"].write("1", "2", "3")
    await s.clock.advance(10)
    await s.kill()
    s.outage.gone_until = 0
    await s.start()
    await _started(s, tapes)
    await s.settle()
    assert await payloads(s) == ["1", "2", "3"]
