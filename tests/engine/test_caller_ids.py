"""Listed invocations: under the ids that their callers gave, each taken once."""

from __future__ import annotations

import pytest

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.errors import CallerIdTaken, FunctionNotFound, InvalidInput
from thence.lifecycle.ids import format_id, parse_id
from thence.lifecycle.states import State
from thence.store.records import ListFilter
from thence.testing import Error, Forever, Ok, Service

ANY = ListFilter()


async def listed(s: Service, **filter: object) -> list[str]:
    page = await s.engine.invocations.listed("f", ListFilter(**filter), 100, None)
    return [view.meta.caller_id or format_id(view.id) for view in page.items]


async def deployed(s: Service, **spec: object) -> None:
    """f, version 1 and the alias prod for it; all calls are listed."""
    await s.function("f", **spec)
    await s.engine.functions.publish_version("f")
    await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
    for qualifier in ("latest", "1", "prod"):
        await s.engine.functions.put_async_config(
            "f", qualifier, AsyncConfig(listed=True, max_retries=0)
        )


async def test_an_id_is_taken_once_in_all_versions_and_after_a_restart(s: Service) -> None:
    await deployed(s, answers=["ok"])
    first = await s.invoke("f", 1, caller_id="mine")
    for round in range(2):
        for qualifier in ("latest", "1", "prod"):
            with pytest.raises(CallerIdTaken) as taken:
                await s.invoke("f", 1, caller_id="mine", qualifier=qualifier)
            assert taken.value.fields == {"caller_id": "mine", "invocation": first}
        assert await s.engine.invocations.by_caller_id("f", "mine") == parse_id(first)
        await (s.restart() if round else s.crash())
    await s.settle()
    assert len(s.starts("f")) == 1 and await listed(s) == ["mine"]
    assert (await s.engine.stats()).accepted == 1


async def test_a_taken_id_gives_its_slot_back(s: Service) -> None:
    await deployed(s, answers=[Ok(seconds=1)], concurrency=1)
    await s.invoke("f", caller_id="mine")
    await s.clock.advance(2)
    with pytest.raises(CallerIdTaken):
        await s.invoke("f", caller_id="mine")
    await s.invoke("f", caller_id="other")
    await s.settle()
    assert len(s.starts("f")) == 2


async def test_a_taken_id_leaves_no_large_body_behind(s: Service) -> None:
    await deployed(s, answers=["ok"])
    large = b"1" * 100_000
    for _ in range(2):
        try:
            await s.invoke("f", large, caller_id="mine")
        except CallerIdTaken:
            await s.settle()
    kept = [path for path in (s.directory / "blobs").rglob("*") if path.is_file()]
    assert len(kept) == 1


async def test_functions_have_lists_of_their_own(s: Service) -> None:
    await deployed(s)
    await s.function("g")
    await s.invoke("f", caller_id="mine")
    await s.invoke("g", caller_id="mine", listed=True)
    assert await s.engine.invocations.by_caller_id(
        "g", "mine"
    ) != await s.engine.invocations.by_caller_id("f", "mine")
    assert await s.engine.invocations.by_caller_id("g", "other") is None
    for work in (
        s.engine.invocations.listed("x", ANY, 1, None),
        s.engine.invocations.by_caller_id("x", "mine"),
    ):
        with pytest.raises(FunctionNotFound):
            await work


async def test_whether_one_is_listed_is_configured_or_asked_for(s: Service) -> None:
    await s.function("f", answers=["ok"])
    await s.invoke("f", caller_id="a")
    await s.invoke("f", caller_id="a")  # taken only in the list
    await s.invoke("f", caller_id="b", listed=True)
    await s.engine.functions.put_async_config("f", "latest", AsyncConfig(listed=True))
    await s.invoke("f", caller_id="c", listed=False)
    own = await s.invoke("f")
    assert await listed(s) == [own, "b"]
    view = await s.show(await s.invoke("f", caller_id="d"))
    assert view.meta.caller_id == "d"
    assert await s.engine.invocations.by_caller_id("f", own) == parse_id(own)


async def test_a_list_knows_states_qualifiers_and_the_order(s: Service) -> None:
    await deployed(
        s, answers=lambda run: Error() if run.payload == b"1" else Forever(), concurrency=1
    )
    await s.invoke("f", 1, caller_id="a1", qualifier="prod")
    await s.clock.advance(1)
    await s.invoke("f", 2, caller_id="a2", qualifier="1")
    await s.clock.advance(1)
    await s.invoke("f", 3, caller_id="b3")
    await s.settle()
    assert await listed(s) == ["b3", "a2", "a1"]
    assert await listed(s, states=frozenset({State.FAILED})) == ["a1"]
    assert await listed(s, states=frozenset({State.RUNNING})) == ["b3", "a2"]
    assert await listed(s, qualifier="prod") == ["a1"]
    assert await listed(s, caller_id_prefix="a") == ["a2", "a1"]
    page = await s.engine.invocations.listed("f", ANY, 2, None, ascending=True)
    assert [view.meta.caller_id for view in page.items] == ["a1", "a2"]
    assert (page.items[0].qualifier, page.items[0].version) == ("prod", "1")
    rest = await s.engine.invocations.listed("f", ANY, 2, page.cursor, ascending=True)
    assert [view.meta.caller_id for view in rest.items] == ["b3"]


async def test_an_id_that_cannot_be_is_refused(s: Service) -> None:
    await s.function("f")
    for wrong in ("a" * 256, "a\nb"):
        with pytest.raises(InvalidInput) as refused:
            await s.invoke("f", caller_id=wrong)
        assert refused.value.fields["field"] == "caller_id"


async def test_a_repeated_key_is_answered_before_its_id_is_taken(s: Service) -> None:
    await deployed(s, answers=["ok"])
    ids = {await s.invoke("f", 1, caller_id="mine", idempotency_key="k") for _ in range(2)}
    assert len(ids) == 1


async def test_a_redriven_one_is_listed_under_an_id_of_its_own(s: Service) -> None:
    await deployed(s, answers=[Error()])
    id = await s.invoke("f", caller_id="mine")
    await s.settle()
    new = await s.redrive(id)
    assert await listed(s) == [new, "mine"]


async def test_begun_tells_when_the_code_has_begun() -> None:
    async with Service(ahead=1) as s:
        await s.function("f", answers=[Ok(seconds=1)], concurrency=1)
        ids = [parse_id(await s.invoke("f")) for _ in range(3)]
        await s.settle()
        # The second is handed over and waits inside; the third waits in the store.
        states = [str((await s.show(id or 0)).state) for id in ids]
        assert states == ["running", "running", "queued"]
        assert [s.engine.invocations.begun(id) for id in ids] == [True, False, False]
        await s.clock.advance(1)
        assert [s.engine.invocations.begun(id) for id in ids] == [False, True, False]
