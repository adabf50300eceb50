"""Sources of others: whatever they do, nothing is lost or doubled, it is said, and no other is harmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from thence.api.native.triggers import show
from thence.catalog.step import DeleteEntry, PutEntry
from thence.errors import InvalidInput
from thence.notices import Notices
from thence.store.records import Filter
from thence.testing import Service
from thence.triggers import runner
from thence.triggers.interface import Firing, Kind, Tools
from thence.triggers.runner import Status
from thence.triggers.trigger import Trigger
from thence.triggers.triggers import Triggers

from .tapes import TapeConfig, Tapes
from .test_triggers import TAPE, payloads

Read = Callable[[str], Awaitable[Sequence[Any]]]
ODD = Trigger(name="odd", type="odd", config={"tape": "a"})


class Unshowable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even that")


async def nothing() -> None: ...


async def forever() -> list[Firing]:
    await asyncio.Event().wait()
    return []


def kind(read: Read, close: Callable[[], Awaitable[None]] = nothing) -> Kind:
    """Of sources that do as they are told."""

    class Odd:
        async def read(self, position: str, most: int) -> Sequence[Firing]:
            return await read(position)

        async def close(self) -> None:
            await close()

    return Kind("odd", "whatever a test wants", TapeConfig, lambda config, tools: Odd())


async def begun(s: Service, *kinds: Kind) -> Triggers:
    if not s.engine.functions.has("f"):
        await s.function("f", answers=["ok"] * 500)
    triggers = Triggers(s.engine, s.clock, s.notices, {kind.type: kind for kind in kinds})
    await triggers.start()
    return triggers


def status(triggers: Triggers, name: str = "odd") -> Status:
    view = triggers.get("f", name)
    assert view.status is not None
    msgspec.json.encode(show(view))  # whatever it says can be answered
    return view.status


@pytest.mark.parametrize(
    ("firing", "said"),
    [
        (Firing("k", "text", "1"), "TypeError: the payload of a Firing is bytes; this is str"),  # type: ignore[arg-type]
        (Firing("k", b"x", 5), "TypeError: the position of a Firing is str; this is int"),  # type: ignore[arg-type]
        (Firing(5, b"x", "1"), "TypeError: the key of a Firing is str; this is int"),  # type: ignore[arg-type]
        (
            Firing("k", b"x", "1", None),  # type: ignore[arg-type]
            "TypeError: the content_type of a Firing is str; this is NoneType",
        ),
        (Firing("k", b"x", "\ud800"), "UnicodeEncodeError"),
        (Firing("k", b"x", "1", "\ud800"), "UnicodeEncodeError"),
        ("k", "TypeError: a source's read answers Firings; there is a str"),
    ],
)
async def test_what_is_no_firing_is_said_and_waits_until_its_kind_is_mended(
    s: Service, firing: Any, said: str
):
    mended = False

    async def read(position: str) -> Sequence[Any]:
        if position:
            return await forever()
        return [Firing("k", b"x", "1")] if mended else [firing]

    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.clock.advance(60)
    assert status(triggers).last_error.startswith(said) and await payloads(s) == []
    mended = True
    await s.clock.advance(60)
    assert await payloads(s) == ["x"]


@pytest.mark.parametrize("key", ["\ud800", "\0", "a\r\nb", "é" * 200, " "])
async def test_a_key_is_any_text(s: Service, key: str):
    async def read(position: str) -> Sequence[Firing]:
        return await forever() if position == "2" else [Firing(key, b"x", "2")]

    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.settle()
    assert await payloads(s) == ["x"]


async def test_a_key_that_is_too_long_is_refused_whatever_is_in_it(s: Service):
    async def read(position: str) -> Sequence[Firing]:
        return await forever() if position else [Firing("\ud800" * 201, b"x", "1")]

    refused: list[Any] = []
    s.notices.on(runner.TriggerRefused, refused.append)
    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.settle()
    assert status(triggers).refused == 1
    assert refused[0].key.encode() == b"\\ud800" * 200


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no \udcff"), "ValueError: no \\udcff"),
        (Unshowable(), "Unshowable: (it cannot be shown)"),
        (asyncio.CancelledError(), "RuntimeError: what the source waited for was cancelled"),
        (OSError("x" * 5000), "OSError: " + "x" * 991),
    ],
)
async def test_whatever_a_source_raises_it_is_asked_again(
    s: Service, error: BaseException, said: str
):
    failing = True

    async def read(position: str) -> Sequence[Firing]:
        if failing:
            raise error
        return await forever() if position else [Firing("k", b"x", "1")]

    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.clock.advance(60)
    assert (str(status(triggers).state), status(triggers).last_error) == ("failing", said)
    failing = False
    await s.clock.advance(60)
    assert await payloads(s) == ["x"]


async def test_one_that_answers_the_same_again_and_again_is_not_asked_in_a_tight_loop(s: Service):
    reads = 0

    async def read(position: str) -> Sequence[Firing]:
        nonlocal reads
        reads += 1
        return [Firing("k", b"x"), Firing("k" * 201, b"x")]

    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.clock.advance(10.5)
    assert await payloads(s) == ["x"]
    assert reads == 12


async def test_one_that_answers_a_million_is_taken_as_far_as_may_be_at_once(s: Service):
    rounds: list[str] = []

    async def read(position: str) -> Sequence[Firing]:
        rounds.append(position)
        if position == "200":
            return await forever()
        return [Firing(str(n), b"%d" % n, str(n + 1)) for n in range(int(position or 0), 1_000_000)]

    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.clock.advance(1)
    assert rounds == ["", "100", "200"]
    assert await payloads(s) == [str(number) for number in range(200)]


async def test_a_key_is_the_same_whatever_comes_with_it(s: Service):
    reads = 0

    async def read(position: str) -> Sequence[Firing]:
        nonlocal reads
        reads += 1
        payload = b"read %d" % reads
        return await forever() if position == "3" else [Firing("k", payload, str(reads))]

    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.settle()
    assert await payloads(s) == ["read 1"]
    assert (status(triggers).repeated, status(triggers).refused) == (2, 0)


async def test_a_position_that_goes_back_doubles_nothing(s: Service):
    asked: list[str] = []
    there = {"": "1", "1": "2", "2": "1"}

    async def read(position: str) -> Sequence[Firing]:
        asked.append(position)
        if len(asked) > 9:
            return await forever()
        return [Firing(f"after {position}", b"after " + position.encode(), there[position])]

    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.clock.advance(10)
    assert await payloads(s) == ["after ", "after 1", "after 2"]


async def test_one_of_another_type_begins_anew_and_loses_nothing(s: Service, tapes: Tapes):
    """The keys of two kinds may be the same."""

    async def read(position: str) -> Sequence[Firing]:
        return await forever() if position else [Firing("0", b"odd", "1")]

    triggers = await begun(s, tapes.kind, kind(read))
    tapes["a"].write("tape")
    await triggers.put("f", TAPE)
    await s.settle()
    await triggers.put("f", msgspec.structs.replace(ODD, name=TAPE.name))
    await s.settle()
    assert await payloads(s) == ["tape", "odd"]


async def test_a_source_that_does_not_end_holds_up_neither_the_stop_nor_others(
    s: Service, tapes: Tapes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runner, "CLOSE_SECONDS", 0.05)
    monkeypatch.setattr(runner, "STOP_SECONDS", 0.1)
    let_go = asyncio.Event()

    async def read(position: str) -> Sequence[Firing]:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return [Firing("late", b"late", "1")]

    triggers = await begun(s, kind(read, close=forever_closing), tapes.kind)
    for number in range(100):
        await triggers.put("f", msgspec.structs.replace(ODD, name=f"odd{number}"))
    await triggers.put("f", TAPE)
    await s.settle()
    async with asyncio.timeout(5):  # one after the other would be 10 s
        await triggers.stop()
    assert tapes["a"].open == 0
    let_go.set()
    await asyncio.sleep(0)
    await s.settle()
    assert await payloads(s) == []


async def forever_closing() -> None:
    await asyncio.Event().wait()


async def test_a_source_that_answers_when_it_is_cancelled_ends_and_has_nothing_accepted(s: Service):
    async def read(position: str) -> Sequence[Firing]:
        try:
            return await forever()
        except asyncio.CancelledError:
            return [Firing("late", b"late", "1")]

    triggers = await begun(s, kind(read))
    await triggers.put("f", ODD)
    await s.settle()
    async with asyncio.timeout(runner.STOP_SECONDS / 2):
        await triggers.stop()
    assert await payloads(s) == []


async def test_what_is_put_before_the_start_or_after_the_stop_is_kept_and_not_watched(
    s: Service, tapes: Tapes
):
    triggers = await begun(s, tapes.kind)
    await triggers.stop()
    view, created = await triggers.put("f", TAPE)
    await s.settle()
    assert created and view.status is None and tapes["a"].open == 0
    await triggers.start()
    await s.settle()
    assert tapes["a"].open == 1
    await triggers.stop()


async def test_a_configuration_that_its_kind_takes_no_longer_can_be_looked_at_and_replaced(
    s: Service, tapes: Tapes
):
    class Other(msgspec.Struct, forbid_unknown_fields=True):
        reel: str

    triggers = await begun(s, tapes.kind)
    await triggers.put("f", TAPE)
    await triggers.stop()
    newer = msgspec.structs.replace(tapes.kind, config=Other, shown=msgspec.to_builtins)
    triggers = await begun(s, newer)
    await s.settle()
    assert [(view.trigger.name, view.shown) for view in triggers.all("f")] == [("t", {})]
    assert "config." in status(triggers, "t").last_error
    view, _ = await triggers.put("f", msgspec.structs.replace(TAPE, config={"reel": "b"}))
    assert view.shown == {"reel": "b"}
    await triggers.stop()


async def test_a_kind_that_cannot_show_its_configuration_shows_none(s: Service, tapes: Tapes):
    def shown(config: Any) -> Any:
        raise KeyError("x")

    triggers = await begun(s, msgspec.structs.replace(tapes.kind, shown=shown))
    view, _ = await triggers.put("f", TAPE)
    assert view.shown == {}


async def test_a_kill_between_an_accept_and_its_position_doubles_nothing(s: Service, tapes: Tapes):
    triggers = await begun(s, tapes.kind)
    await triggers.put("f", TAPE)
    tapes["a"].write("1", "2")
    await s.settle()
    change, asked = s.store.change, asyncio.Event()

    async def never(*args: Any, **named: Any) -> Any:
        asked.set()
        await asyncio.Event().wait()

    s.store.change = never
    tapes["a"].write("3", "4")
    await s.settle()
    assert asked.is_set()
    s.store.change = change
    await s.crash()
    tapes["a"].write("5")
    triggers = await begun(s, tapes.kind)
    await s.settle()
    assert await payloads(s) == ["1", "2", "3", "4", "5"]
    assert status(triggers, "t").repeated == 2


async def test_after_a_recovery_the_first_wait_is_short_again(s: Service, tapes: Tapes):
    triggers = await begun(s, tapes.kind)
    tapes["a"].fail(OSError("no answer"))
    await triggers.put("f", TAPE)
    await s.clock.advance(20)
    assert triggers.counts["tape"].failures == 5
    tapes["a"].error = None
    tapes["a"].write("1")
    await s.clock.advance(60)
    tapes["a"].fail(OSError("no answer"))
    await s.settle()
    again_at = status(triggers, "t").again_at
    assert again_at is not None and again_at - s.clock.now() == 1000
    assert triggers.counts["tape"].failures == 6


async def test_one_whose_firings_cannot_be_accepted_now_keeps_its_source(s: Service, tapes: Tapes):
    made: list[Any] = []
    make = tapes.kind.make
    counting = msgspec.structs.replace(
        tapes.kind, make=lambda *given: made.append(1) or make(*given)
    )
    triggers = await begun(s, counting)
    await triggers.put("f", TAPE)
    s.store_down(30)
    tapes["a"].write("1")
    await s.clock.advance(60)
    assert await payloads(s) == ["1"] and len(made) == 1
    tapes["a"].fail(OSError("no answer"))
    await s.settle()
    tapes["a"].error = None
    await s.clock.advance(2)
    assert len(made) == 2


async def test_what_is_fired_and_refused_is_told_and_counted(s: Service, tapes: Tapes):
    fired: list[Any] = []
    s.notices.on(runner.TriggerFired, fired.append)
    triggers = await begun(s, tapes.kind)
    await triggers.put("f", TAPE)
    tapes["a"].write("1", "x" * (s.options.payload_bytes_max + 1), "3")
    await s.settle()
    counts = triggers.counts["tape"]
    assert (counts.fired, counts.refused, counts.failures) == (2, 1, 0)
    assert [(item.function, item.trigger, item.type) for item in fired] == [("f", "t", "tape")] * 2


async def test_a_source_that_cannot_be_closed_is_asked_again_all_the_same(
    s: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(runner, "CLOSE_SECONDS", 0.0)
    reads = 0

    async def read(position: str) -> Sequence[Firing]:
        nonlocal reads
        reads += 1
        raise OSError("no answer")

    async def broken() -> None:
        if reads % 2:
            raise OSError("not even that")
        await forever()

    triggers = await begun(s, kind(read, close=broken))
    told = asyncio.Event()
    s.notices.on(runner.TriggerFailed, lambda notice: told.set())
    await triggers.put("f", ODD)
    for _ in range(4):
        await s.clock.advance(10)
    assert reads > 2 and told.is_set()
    assert "could not be closed" in caplog.text


async def test_a_new_function_of_that_name_gets_nothing_of_the_deleted_ones_trigger(
    s: Service, tapes: Tapes
):
    """Though another node deleted it, which is not heard of at once."""
    await s.function("f", answers=["ok"] * 5)
    triggers = Triggers(s.engine, s.clock, Notices(), {tapes.kind.type: tapes.kind})
    await triggers.start()
    await triggers.put("f", TAPE)
    await s.settle()
    await s.delete("f")
    await s.function("f", answers=["ok"] * 5)
    assert tapes["a"].open == 1
    tapes["a"].write("1")
    await s.clock.advance(10)
    assert tapes["a"].open == 0 and await payloads(s) == []


@pytest.mark.parametrize("type", ["tape", "odd"])
async def test_one_that_is_replaced_while_it_fires_leaves_its_successor_no_position(
    s: Service, tapes: Tapes, type: str
):
    """The position would be written when another trigger has the name already."""
    seen: list[str] = []

    async def read(position: str) -> Sequence[Firing]:
        seen.append(position)
        return await forever()

    triggers = await begun(s, tapes.kind, kind(read))
    await triggers.put("f", TAPE)
    family = str(s.engine.functions.get("f").family)
    change = s.store.change

    async def replaced_first(*args: Any, **named: Any) -> Any:
        s.store.change = change
        after = msgspec.structs.replace(TAPE, type=type, config={"tape": "b"})
        if type == "tape":  # deleted and made again
            await change([DeleteEntry("trigger", family, "t")], 0)
        put = PutEntry("trigger", family, "t", msgspec.json.encode(after), "")
        await change([put], s.clock.now() + 1)
        return await change(*args, **named)

    s.store.change = replaced_first
    tapes["a"].write("1")
    await s.clock.advance(10)
    assert await payloads(s) == ["1"]
    assert (seen if type == "odd" else tapes["b"].reads) == [""]


async def test_a_deleted_function_is_watched_no_more_at_once(s: Service, tapes: Tapes):
    triggers = await begun(s, tapes.kind)
    await triggers.put("f", TAPE)
    await s.settle()
    await s.delete("f")
    await s.settle()
    assert tapes["a"].open == 0 and list(triggers.watched()) == []


async def test_a_trigger_calls_the_version_that_it_names(s: Service, tapes: Tapes):
    triggers = await begun(s, tapes.kind)
    version = await s.engine.functions.publish_version("f")
    await triggers.put("f", msgspec.structs.replace(TAPE, qualifier=version.version))
    tapes["a"].write("1")
    await s.settle()
    page = await s.store.invocations(Filter(), 10, None)
    views = [await s.show(row.id) for row in page.items]
    assert [view.version for view in views] == [version.version]
    assert [view.meta.content_type for view in views] == ["application/json"]


async def test_a_source_is_told_when_its_trigger_was_made(s: Service, tapes: Tapes):
    told: list[Any] = []
    make = tapes.kind.make

    def made(config: Any, tools: Tools) -> Any:
        told.append(tools.created_at)
        return make(config, tools)

    triggers = await begun(s, msgspec.structs.replace(tapes.kind, make=made))
    began = s.clock.now()
    await triggers.put("f", TAPE)
    await s.clock.advance(10)
    await triggers.put("f", msgspec.structs.replace(TAPE, description="again"))
    await s.settle()
    assert told == [began, began]


async def test_a_configuration_is_bounded(s: Service, tapes: Tapes):
    triggers = await begun(s, tapes.kind)
    with pytest.raises(InvalidInput, match=r"config: \d+ bytes as JSON; at most 65536") as refused:
        await triggers.put("f", msgspec.structs.replace(TAPE, config={"tape": "x" * 65_536}))
    assert refused.value.fields["field"] == "config"
