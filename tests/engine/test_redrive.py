"""redrive: dead letters are run again as new invocations, once, at a rate."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from thence.catalog.control import Control
from thence.errors import Conflict, InvalidInput, InvocationNotFound, QualifierNotFound
from thence.lifecycle.states import Reason, State
from thence.store.records import Filter
from thence.testing import Error, Forever, Service
from thence.testing.service import gather_now, number

DEAD = Filter(dead=True)


async def dead_letters(s: Service, count: int) -> list[str]:
    await s.function("f", answers=[Error()], max_retries=0, concurrency=100)
    ids = [await s.invoke("f", {"n": n}) for n in range(count)]
    await s.settle()
    s.scripts.set("f", ["ok"])
    return ids


async def test_a_redriven_invocation_is_a_new_one_with_the_same_payload(s: Service) -> None:
    (old,) = await dead_letters(s, 1)
    new = await s.redrive(old)
    await s.settle()
    view = await s.show(new)
    assert view.state is State.SUCCEEDED and view.meta.redrive_of == old
    assert view.meta.source == "redrive"
    assert s.scripts.starts[1].payload == s.scripts.starts[0].payload == b'{"n":0}'
    before = await s.show(old)
    assert before.state is State.FAILED and before.redriven_as == number(new)


async def test_a_repeated_redrive_answers_the_first_one(s: Service) -> None:
    (old,) = await dead_letters(s, 1)
    answers = await gather_now(s, *[s.redrive(old) for _ in range(5)])
    assert len(set(answers)) == 1
    assert await s.redrive(old) == answers[0] and len(s.starts("f")) == 2


async def test_a_version_is_not_passed_over_where_another_has_redriven_it(s: Service) -> None:
    (old,) = await dead_letters(s, 1)
    await s.engine.functions.publish_version("f")
    first = await s.redrive(old)
    await s.settle()
    for qualifier in ("1", "77"):
        with pytest.raises(Conflict) as refused:
            await s.redrive(old, again=True, qualifier=qualifier)
        error = refused.value
        assert (error.fields["field"], error.fields["value"]) == ("qualifier", qualifier)
        assert error.fields["redriven_as"] == first and first in error.detail
        assert "redriven before by 'latest'" in error.detail
    assert len(s.starts("f")) == 2
    # The same once more is harmless, and so is one that says no version.
    assert await s.redrive(old, qualifier="latest") == first == await s.redrive(old)
    other = await s.redrive(first, again=True, qualifier="1")
    await s.settle()
    assert (await s.show(other)).version == "1"
    assert await s.redrive(first, qualifier="1") == other


async def test_of_two_redrives_at_once_the_one_with_another_version_is_told(s: Service) -> None:
    (old,) = await dead_letters(s, 1)
    await s.engine.functions.publish_version("f")
    answers = await gather_now(
        s,
        *[
            s.engine.redrive.invocation(number(old), qualifier=item)
            for item in ("latest", "1", "latest")
        ],
    )
    assert [isinstance(answer, Conflict) for answer in answers] == [False, True, False]


async def test_a_redrive_that_was_cut_off_before_its_mark_goes_on_with_any_rate(
    s: Service,
) -> None:
    (old,) = await dead_letters(s, 1)
    mark = s.store.mark_redriven

    async def nothing(pairs: object) -> None:
        """The process died after the accept and before the mark."""

    s.store.mark_redriven = nothing
    first = await s.redrive(old)
    s.store.mark_redriven = mark
    new, duplicate = await s.engine.redrive.invocation(number(old), delay_seconds=30.0)
    assert (new, duplicate) == (number(first), True)
    assert (await s.show(old)).redriven_as == number(first)


async def test_only_what_is_over_can_be_redriven(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=3600)
    id = await s.invoke("f")
    with pytest.raises(Conflict):
        await s.redrive(id)
    with pytest.raises(InvocationNotFound):
        await s.redrive(99 << 64)


async def test_a_dry_run_says_what_would_be_done_and_changes_nothing(s: Service) -> None:
    ids = await dead_letters(s, 5)
    report = await s.engine.redrive.dead_letters(DEAD, dry_run=True)
    await s.settle()
    assert (report.matched, report.redriven) == (5, 5)
    assert {invocation["id"] for invocation in report.invocations} == set(ids)
    assert len(s.starts("f")) == 5


async def test_a_rate_spaces_the_starts(s: Service) -> None:
    await dead_letters(s, 5)
    report = await s.engine.redrive.dead_letters(DEAD, rate_per_second=2)
    assert report.redriven == 5 and report.seconds == 2.0
    await s.crash()
    await s.clock.advance(10)
    assert s.starts("f")[5:] == [0.0, 0.5, 1.0, 1.5, 2.0]


async def test_a_second_redrive_of_the_same_dead_letters_does_nothing(s: Service) -> None:
    await dead_letters(s, 5)
    await s.engine.redrive.dead_letters(DEAD)
    again = await s.engine.redrive.dead_letters(DEAD)
    await s.settle()
    assert (again.redriven, again.skipped) == (0, 5) and len(s.starts("f")) == 10


async def test_a_redrive_by_filter_never_runs_a_success_again(s: Service) -> None:
    await s.function("f", answers=["ok"])
    await s.invoke("f")
    await s.settle()
    report = await s.engine.redrive.dead_letters(Filter())
    await s.settle()
    assert report.redriven == 0 and len(s.starts("f")) == 1


async def test_a_limit_and_its_cursor_redrive_all_in_steps(s: Service) -> None:
    await dead_letters(s, 7)
    done, cursor = 0, None
    for _ in range(10):
        report = await s.engine.redrive.dead_letters(DEAD, limit=3, cursor=cursor)
        done, cursor = done + report.redriven, report.cursor
        if cursor is None:
            break
    await s.settle()
    assert done == 7 and len(s.starts("f")) == 14


@pytest.mark.parametrize(
    "wrong", [{"rate_per_second": 0}, {"rate_per_second": 1e9}, {"limit": 0}, {"limit": 10_001}]
)
async def test_numbers_out_of_range_are_refused(s: Service, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        await s.engine.redrive.dead_letters(DEAD, **wrong)


async def test_what_has_lost_its_payload_is_said_and_not_run() -> None:
    async with Service(payload_retention_seconds=60) as s:
        (old,) = await dead_letters(s, 1)
        await s.clock.advance(300)
        with pytest.raises(Conflict) as refused:
            await s.redrive(old)
        assert "retention" in refused.value.detail
        report = await s.engine.redrive.dead_letters(DEAD)
        assert report.skipped == 0 and report.errors[0]["id"] == old


async def test_every_match_is_redriven_skipped_or_an_error_and_a_dry_run_foretells_it(
    s: Service,
) -> None:
    await dead_letters(s, 3)
    await s.function("gone", answers=[Error()], max_retries=0)
    await s.invoke("gone")
    await s.settle()
    await s.engine.functions.delete("gone")
    for dry_run in (True, False):
        report = await s.engine.redrive.dead_letters(Filter(), dry_run=dry_run)
        assert (report.matched, report.redriven, report.skipped) == (4, 3, 0)
        assert [error["code"] for error in report.errors] == ["function_not_found"]
    await s.settle()


async def test_a_dry_run_foretells_a_disabled_function_and_a_version_that_is_not_there(
    s: Service,
) -> None:
    await dead_letters(s, 2)
    report = await s.engine.redrive.dead_letters(DEAD, dry_run=True, qualifier="7")
    assert report.redriven == 0
    assert {error["code"] for error in report.errors} == {"version_not_found"}
    await s.engine.functions.put_control("f", Control(disabled="moving"))
    for dry_run in (True, False):
        report = await s.engine.redrive.dead_letters(DEAD, dry_run=dry_run)
        assert (report.matched, report.redriven, report.skipped) == (2, 0, 0)
        assert [error["code"] for error in report.errors] == ["function_disabled"] * 2


async def test_a_redrive_whose_caller_has_gone_is_run(s: Service) -> None:
    await s.function("f", answers=[Error(), "ok"], max_retries=0)
    id = await s.invoke("f")
    await s.settle()
    commit = s.store.commit

    async def commit_for_nobody(batch: Any) -> Any:
        redriving.cancel()
        return await commit(batch)

    s.store.commit = commit_for_nobody
    redriving = asyncio.ensure_future(s.engine.redrive.invocation((await s.show(id)).id))
    await s.settle()
    stats = await s.engine.stats()
    assert (stats.failed, stats.succeeded, stats.running) == (1, 1, 0)


async def test_what_has_succeeded_is_run_again_only_when_that_is_said(s: Service) -> None:
    await s.function("f", answers=["ok"])
    id = await s.invoke("f")
    await s.settle()
    with pytest.raises(Conflict, match="again=true") as refused:
        await s.redrive(id)
    assert refused.value.fields["state"] == "succeeded" and len(s.starts("f")) == 1
    new = await s.redrive(id, again=True)
    await s.settle()
    assert (await s.show(new)).state is State.SUCCEEDED and len(s.starts("f")) == 2
    assert await s.redrive(id) == new  # repeating it is harmless


async def test_what_a_disable_stopped_is_a_dead_letter_and_redriven_by_filter(s: Service) -> None:
    await s.function("f", answers=[Forever()], timeout_seconds=3600, concurrency=2)
    aborted = [await s.invoke("f") for _ in range(2)]
    waits, stopped = await s.invoke("f"), None
    await s.settle()
    await s.engine.functions.put_control("f", Control(disabled="moving"), abort=True)
    await s.settle()
    for id in aborted:
        view = await s.show(id)
        assert (view.state, view.reason) == (State.STOPPED, Reason.FUNCTION_DISABLED)
        assert "disabled" in view.attempts[0].error_message
    assert (await s.show(waits)).state is State.QUEUED
    s.scripts.set("f", ["ok"])
    await s.engine.functions.put_control("f", Control())
    await s.settle()
    stopped = await s.invoke("f", delay_seconds=60)
    await s.stop(stopped)
    report = await s.engine.redrive.dead_letters(Filter())
    await s.settle()
    assert {invocation["id"] for invocation in report.invocations} == set(aborted)
    assert (report.redriven, report.errors) == (2, [])
    for invocation in report.invocations:
        assert (await s.show(invocation["redriven_as"])).state is State.SUCCEEDED
    assert (await s.show(stopped)).reason is Reason.STOPPED_BY_CALLER
    assert await s.verify() == []


async def test_another_version_may_run_what_is_redriven(s: Service) -> None:
    first, second = await dead_letters(s, 2)
    await s.engine.functions.publish_version("f", "the good one")
    new = await s.redrive(first, qualifier="1")
    report = await s.engine.redrive.dead_letters(DEAD, qualifier="1")
    await s.settle()
    for id in (new, report.invocations[0]["redriven_as"]):
        view = await s.show(id)
        assert (view.version, view.state) == ("1", State.SUCCEEDED)
    assert report.invocations[0]["id"] == second
    await s.function("g", answers=[Error()], max_retries=0)
    other = await s.invoke("g")
    await s.settle()
    with pytest.raises(QualifierNotFound):
        await s.redrive(other, qualifier="1")
    assert (await s.engine.redrive.dead_letters(DEAD, qualifier="1")).errors[0]["id"] == other
