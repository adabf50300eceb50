"""Async records: every status, the filters, offsets, the window, and cancelling."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from thence.catalog.async_config import AsyncConfig
from thence.lifecycle.outcome import Fault
from thence.lifecycle.policy import RetryWait
from thence.lifecycle.states import State
from thence.testing.answers import Error, Forever, Ok, PlatformError

from .conftest import at, urn

ALL, ACTIVE, CANCEL = "async-invocations", "active-async-invocations", "cancel"
WAIT = RetryWait(first_seconds=10, factor=1, jitter="none")


async def deploy(door: Any, answers: Any = None, **config: Any) -> None:
    await door.function(answers=answers, concurrency=config.pop("concurrency", 50))
    given = {"max_retries": 0, "retry_wait": WAIT, "listed": True, "stop_notifies": True}
    await door.engine.functions.put_async_config("f", "latest", AsyncConfig(**{**given, **config}))


async def listed(door: Any, query: str = "", path: str = ALL) -> Any:
    found = await door.get(at(urn(), f"{path}?{query}"))
    assert found.status == 200, found.body
    return found.json


async def ids(door: Any, query: str = "", path: str = ALL) -> list[str]:
    return [
        invocation["request_id"] for invocation in (await listed(door, query, path))["invocations"]
    ]


async def cancel(door: Any, id: str, **more: Any) -> Any:
    return await door.post(at(urn(), CANCEL), json={"request_id": id, **more})


# ---------------------------------------------------------------- statuses


async def test_a_success_has_code_0_and_no_message(door: Any) -> None:
    await deploy(door, [Ok(1, seconds=2)])
    id = await door.start()
    running = await door.record(id)
    assert (running["status"], running["end_time"]) == ("RUNNING", None)
    await door.clock.advance(2)
    assert await door.record(id) == {
        "request_id": id,
        "status": "SUCCESS",
        "error_code": 0,
        "error_message": "",
        "start_time": "2026-01-01T00:00:00",
        "end_time": "2026-01-01T00:00:02",
    }


async def test_a_name_that_is_in_the_query_twice_is_refused(door: Any) -> None:
    """The values of one name are signed in no order, so either could be put first on the way."""
    await deploy(door, [Ok(1)])
    for query in ("limit=1&limit=2", "limit=1&a=b&%6Cimit=2"):
        answer = await door.get(at(urn(), f"{ALL}?{query}"))
        assert answer.status == 400 and answer.json["error_code"] == "FSS.1001"
        assert answer.json["error_msg"].startswith("limit: ")
    assert (await door.get(at(urn(), f"{ALL}?limit=1&limit=1"))).status == 200


async def test_what_waits_has_no_start_and_tells_why_it_waits_again(door: Any) -> None:
    await deploy(door, [Forever(), Error("no"), Ok(1)], concurrency=1, max_retries=1)
    first, second = await door.start(), await door.start()
    waiting = await door.record(second)
    assert (waiting["status"], waiting["start_time"], waiting["error_code"]) == ("WAIT", None, 0)
    await cancel(door, first)
    await door.service.settle()
    again = await door.record(second)
    assert (again["status"], again["error_code"]) == ("WAIT", 4002)
    assert again["end_time"] is None and again["start_time"] is not None
    await door.clock.advance(10)
    assert (await door.record(second))["status"] == "SUCCESS"


async def test_an_event_past_its_validity_is_discarded(door: Any) -> None:
    await deploy(door, [Forever()], concurrency=1, max_event_age_seconds=30)
    await door.start()
    late = await door.start()
    await door.clock.advance(31)
    found = await door.record(late)
    assert (found["status"], found["error_code"]) == ("DISCARD", 150408)
    assert found["start_time"] is None and found["end_time"] == "2026-01-01T00:00:30"


async def test_an_event_of_a_deleted_version_is_discarded(door: Any) -> None:
    await door.function(answers=[Forever()], concurrency=1)
    await door.engine.functions.publish_version("f", version="v1")
    await door.start(urn(version="v1"))
    waits = await door.start(urn(version="v1"))
    await door.engine.functions.delete_version("f", "v1")
    await door.service.settle()
    found = await door.record(waits, urn(version="v1"))
    assert (found["status"], found["error_code"]) == ("DISCARD", 4024)


async def test_errors_of_the_platform_have_codes_of_the_platform(door: Any) -> None:
    await deploy(door, [PlatformError("no instance")])
    id = await door.start()
    found = await door.record(id)
    assert (found["status"], found["error_code"]) == ("WAIT", 150500)
    assert found["error_message"] == "no instance"


# ---------------------------------------------------------------- lists


async def test_an_unknown_request_id_is_an_empty_list(door: Any) -> None:
    await deploy(door)
    expected = {"invocations": [], "count": 0, "next_marker": 0}
    assert await listed(door, "request_id=dbe40fba-ee6b-49ae-8fb5-7fd4f8cbe0ba") == expected
    assert await listed(door, "request_id=nonsense") == expected


async def test_the_newest_comes_first_and_the_marker_is_an_offset(door: Any) -> None:
    await deploy(door)
    made = []
    for _ in range(5):
        made.append(await door.start())
        await door.clock.advance(1)
    made.reverse()
    whole = await listed(door)
    assert [invocation["request_id"] for invocation in whole["invocations"]] == made
    assert (whole["count"], whole["next_marker"]) == (5, 5)
    part = await listed(door, "marker=1&limit=2")
    assert [invocation["request_id"] for invocation in part["invocations"]] == made[1:3]
    assert (part["count"], part["next_marker"]) == (2, 3)
    assert await ids(door, "marker=4&limit=2") == made[4:]
    assert await ids(door, "marker=5") == []
    assert await ids(door, "limit=0") == made


async def test_each_status_chooses_its_own(door: Any) -> None:
    await deploy(door, [Ok(1), Error(), Forever()], concurrency=1, max_event_age_seconds=3000)
    success, fail, running, waiting = [await door.start() for _ in range(4)]
    for status, id in (
        ("SUCCESS", success), ("FAIL", fail), ("RUNNING", running), ("WAIT", waiting),
    ):  # fmt: skip
        assert await ids(door, f"status={status}") == [id]
    assert await ids(door, "status=DISCARD") == []
    assert await ids(door, path=ACTIVE) == [waiting, running]
    assert await ids(door, "status=RUNNING", ACTIVE) == [running]
    assert await ids(door, "status=FAIL", ACTIVE) == []
    assert await ids(door, f"requests={fail},{running}", ACTIVE) == [running]
    assert await ids(door, f"request_id={fail}&status=SUCCESS") == []


async def test_a_filter_that_matches_little_is_followed_to_the_end(door: Any) -> None:
    await deploy(door, [Error(), Ok(1)], concurrency=1)
    failed = await door.start()
    for _ in range(30):
        await door.start()
    assert await ids(door, "status=FAIL&limit=1") == [failed]
    assert await ids(door, "status=SUCCESS&marker=28&limit=1") == (await ids(door))[28:29]


async def test_without_times_the_last_hour_is_meant_but_not_for_an_id(door: Any) -> None:
    await deploy(door)
    old = await door.start()
    await door.clock.advance(3601)
    new = await door.start()
    assert await ids(door) == [new]
    assert await ids(door, f"request_id={old}") == [old]
    assert await ids(door, "query_begin_time=2026-01-01T00:00:00") == [new, old]
    assert await ids(door, "query_end_time=2026-01-01T00:30:00") == [old]
    assert await ids(door, f"request_id={old}&query_begin_time=2026-01-01T00:30:00") == []


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:05",
        "2026-01-01T00:00:05.000000",
        "2026-01-01T08:00:05%2B08:00",
        "2026-01-01T08:00:05+08:00",
        "2026-01-01T00:00:05Z",
        "2026-01-01%2000:00:05",
    ],
)
async def test_times_are_read_as_clients_write_them(door: Any, text: str) -> None:
    await deploy(door)
    before = await door.start()
    await door.clock.advance(5.5)
    after = await door.start()
    assert await ids(door, f"query_begin_time={text}") == [after]
    assert await ids(door, f"query_end_time={text.replace('05', '04', 1)}") == [before]


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00", "0001-01-01T00:00:00%2B14:00"])
@pytest.mark.parametrize("path", [ALL, ACTIVE])
async def test_a_time_before_all_records_asks_for_all(door: Any, path: str, text: str) -> None:
    await deploy(door, [Forever()])
    id = await door.start()
    assert await ids(door, f"query_begin_time={text}", path) == [id]
    assert await ids(door, f"query_end_time={text}", path) == []


async def test_the_second_of_the_end_is_part_of_the_window(door: Any) -> None:
    await deploy(door)
    await door.clock.advance(5.5)
    id = await door.start()
    assert await ids(door, "query_end_time=2026-01-01T00:00:05") == [id]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (ALL, "limit=501"),
        (ALL, "limit=-1"),
        (ALL, "marker=10001"),
        (ALL, "status=DONE"),
        (ALL, "query_begin_time=yesterday"),
        (ALL, "query_begin_time=1767225600"),  # seconds
        (ALL, "query_begin_time=2026-01-02T00:00:00&query_end_time=2026-01-01T00:00:00"),
        (ALL, "request_id=" + "x" * 65),
        (ACTIVE, "requests=" + ",".join("abcdefghijk")),
        (ACTIVE, "requests=" + "x" * 641),
    ],
)
async def test_a_query_out_of_range_is_refused(door: Any, path: str, query: str) -> None:
    await deploy(door)
    assert (await door.get(at(urn(), f"{path}?{query}"))).error() == (400, "FSS.1001")


async def test_records_of_another_version_and_another_door_are_not_shown(door: Any) -> None:
    await deploy(door)
    await door.engine.functions.publish_version("f", version="v1")
    await door.start(urn(version="v1"))
    await door.service.invoke("f", {"n": 1}, listed=False)
    assert await ids(door) == []


async def test_a_function_that_is_not_there_has_no_records(door: Any) -> None:
    for path in (ALL, ACTIVE):
        assert (await door.get(at(urn("none"), path))).error() == (404, "FSS.1051")


# ---------------------------------------------------------------- cancelling


@pytest.mark.parametrize("type", ["force", "recursive", None])
async def test_what_runs_is_cancelled(door: Any, type: str | None) -> None:
    await deploy(door, [Forever()], on_failure="topic:failed")
    id = await door.start()
    found = await cancel(door, id, **({} if type is None else {"type": type}))
    assert (found.status, found.body) == (200, b"")
    await door.service.settle()
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("FAIL", 4208)
    assert record["error_message"] == "function invocation canceled"
    assert not door.service.runtime.running()
    assert len(await door.service.mail("topic:failed")) == 1


async def test_what_waits_is_cancelled_and_never_runs(door: Any) -> None:
    await deploy(door, [Forever()], concurrency=1)
    first, second = await door.start(), await door.start()
    assert (await cancel(door, second)).status == 200
    record = await door.record(second)
    assert (record["status"], record["error_code"], record["start_time"]) == ("FAIL", 4208, None)
    await cancel(door, first)
    await door.clock.advance(100)
    assert len(door.service.starts("f")) == 1


async def test_what_backs_off_is_cancelled_and_not_tried_again(door: Any) -> None:
    await deploy(door, [Error()], max_retries=3)
    id = await door.start()
    assert (await door.service.show(id)).state is State.RETRYING
    assert (await cancel(door, id)).status == 200
    await door.clock.advance(1000)
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("FAIL", 4208)
    assert len(door.service.starts("f")) == 1


async def test_a_second_cancel_is_the_same_and_one_that_came_too_late_is_said(door: Any) -> None:
    await deploy(door, [Forever(), Ok(1)])
    id, done = await door.start(), await door.start()
    for _ in range(2):
        assert (await cancel(door, id)).status == 200
        await door.service.settle()
    found = await cancel(door, done)
    assert found.error() == (400, "FSS.0400") and "SUCCESS" in found.message()


@pytest.mark.parametrize(
    "body",
    [
        {"request_id": "dbe40fba-ee6b-49ae-8fb5-7fd4f8cbe0ba", "type": "force"},
        {"request_id": "nonsense"},
        {},
        {"request_id": 7},
    ],
)
async def test_a_bad_id_is_refused(door: Any, body: Any) -> None:
    await deploy(door)
    found = await door.post(at(urn(), CANCEL), json=body)
    assert found.error() == (400, "FSS.0400") and "request_id" in found.message()


async def test_another_type_is_refused(door: Any) -> None:
    await deploy(door, [Forever()])
    id = await door.start()
    found = await cancel(door, id, type="gently")
    assert found.error() == (400, "FSS.0400") and "type" in found.message()


async def test_a_request_of_another_function_is_not_cancelled(door: Any) -> None:
    await deploy(door, [Forever()])
    await door.function("g")
    id = await door.start()
    found = await door.post(at(urn("g"), CANCEL), json={"request_id": id})
    assert found.error() == (400, "FSS.0400")
    assert door.service.runtime.running()


@pytest.mark.parametrize("path", [ALL, ACTIVE])
async def test_an_instant_at_the_end_of_time_may_be_asked_for(door: Any, path: str) -> None:
    await deploy(door, [Forever()])
    id = await door.start()
    assert await ids(door, "query_end_time=9999-12-31T23:59:59", path) == []  # its last hour
    whole = "query_begin_time=2026-01-01T00:00:00&query_end_time=9999-12-31T23:59:59"
    assert await ids(door, whole, path) == [id]


@pytest.mark.parametrize("number", ["\u0663", "\uff13", "3\u0660", "\u00b2"])
async def test_numbers_are_of_ascii_digits(door: Any, number: str) -> None:
    await deploy(door)
    found = await door.get(at(urn(), f"{ALL}?limit={quote(number)}"))
    assert found.error() == (400, "FSS.1001") and found.message().startswith("limit")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (None, 4002),
        (Fault.LOAD, 4001),
        (Fault.EVENT, 4002),
        (Fault.RESULT, 4007),
        (Fault.RESULT_SIZE, 4004),
        (Fault.INITIALIZER, 4009),
    ],
)
async def test_the_code_says_what_the_platform_found_while_it_waits_and_at_the_end(
    door: Any, fault: Fault | None, code: int
) -> None:
    """The same name and message each time."""
    await deploy(door, [Error("no", type="ImportError", fault=fault)], max_retries=1)
    id = await door.start()
    assert (await door.record(id))["error_code"] == code
    await door.clock.advance(60)
    record = await door.record(id)
    assert (record["status"], record["error_code"]) == ("FAIL", code)


async def test_a_cancel_says_that_the_request_has_ended_as_cancelled(door: Any) -> None:
    await deploy(door, [Forever()])
    id = await door.start()
    assert (await cancel(door, id)).headers["x-cff-cancel-status"] == "cancelled"
    assert (await door.record(id))["error_code"] == 4208
    assert (await cancel(door, id)).headers["x-cff-cancel-status"] == "cancelled"


async def test_a_cancel_that_comes_with_the_answer_of_the_function_says_what_became_of_it(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(door, [Ok(1, seconds=1)])
    id = await door.start()
    # The runtime cannot end it in time: the answer is on its way.
    monkeypatch.setattr(door.service.runtime, "stop", lambda id: False)
    asked = asyncio.ensure_future(cancel(door, id))
    await door.clock.advance(1)
    found = await asked
    assert found.error() == (400, "FSS.0400") and "SUCCESS" in found.message()
    assert (await door.record(id))["status"] == "SUCCESS"


async def test_a_cancel_does_not_wait_for_an_end_that_does_not_come(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(door, [Ok(1, seconds=60)])
    id = await door.start()
    monkeypatch.setattr(door.service.runtime, "stop", lambda id: False)
    asked = asyncio.ensure_future(cancel(door, id))
    await door.clock.advance(2)
    found = await asked
    assert (found.status, found.headers["x-cff-cancel-status"]) == (200, "cancelling")
    assert (await door.record(id))["status"] == "RUNNING"


async def test_a_cancel_with_an_unknown_field_is_refused_and_cancels_nothing(door: Any) -> None:
    await deploy(door, [Forever()])
    id = await door.start()
    found = await cancel(door, id, forced=True)
    assert found.error() == (400, "FSS.0400") and "forced" in found.message()
    assert (await door.record(id))["status"] == "RUNNING"
