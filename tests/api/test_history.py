"""Looking at invocations, stopping and redriving them, dead letters, deliveries."""

from __future__ import annotations

from typing import Any

import pytest

from thence.config.settings import Limits
from thence.lifecycle.ids import format_id
from thence.notices import AttemptStarted, DeliveryEnded
from thence.testing.answers import Crash, Error, Forever, Ok

NONE = "01890a5d-ac96-774b-8cce-b302099a8057"
QUICK = {"first_seconds": 0, "cap_seconds": 0, "jitter": "none"}

PAUSED = (
    "paused: the function's concurrency is 0; deploy it with another (thence deploy --concurrency)"
)


async def test_every_attempt_is_shown_with_outcome_and_budget(server: Any) -> None:
    await server.deploy(
        answers=[Error("first", log=b"one\n"), Crash(), Ok({"n": 3}, log=b"three\n")],
        retry_wait=QUICK,
    )
    id = await server.accept(data=b'{"n": 1}')
    view = await server.ended(id)
    assert view["state"] == "succeeded" and view["reason"] == "ok" and view["attempts_made"] == 3
    assert [attempt["attempt"] for attempt in view["attempts"]] == [1, 2, 3]
    assert [attempt["outcome"] for attempt in view["attempts"]] == [
        "function_error",
        "crashed",
        "ok",
    ]
    assert [attempt["budget"] for attempt in view["attempts"]] == ["function_errors"] * 2 + [None]
    assert [attempt["billed"] for attempt in view["attempts"]] == [True] * 3
    assert view["attempts"][0]["error"]["message"] == "first"
    assert view["attempts"][0]["retry_at"] is not None and view["attempts"][2]["error"] is None
    assert view["spent"] == {"retries": 2, "platform_errors": 0, "losses": 0}
    assert view["why"] is None and view["next_attempt_at"] is None
    assert (await server.get(f"/v1/invocations/{id}/result")).json == {"n": 3}
    log = await server.get(f"/v1/invocations/{id}/log")
    assert log.body == b"three\n" and log.headers["content-type"].startswith("text/plain")
    assert (await server.get(f"/v1/invocations/{id}/log?attempt=1")).body == b"one\n"
    missing = await server.get(f"/v1/invocations/{id}/log?attempt=9")
    assert missing.status == 404 and missing.problem()["code"] == "no_log"


async def test_why_it_waits_is_answered(server: Any) -> None:
    await server.deploy("busy", answers=[Forever()], concurrency=1)
    await server.deploy("paused", concurrency=0)
    await server.deploy(
        "failing", answers=[Error()], retry_wait={"first_seconds": 3600, "cap_seconds": 3600}
    )
    running = await server.accept("busy")
    cases = {
        await server.accept("busy"): ("function_limit", "function limit 1/1"),
        await server.accept("paused"): ("paused", PAUSED),
    }
    for id, (code, text) in cases.items():
        why = (await server.get(f"/v1/invocations/{id}")).json["why"]
        assert (why["code"], why["text"]) == (code, text)
    failing = await server.accept("failing")
    view = (await server.get(f"/v1/invocations/{failing}?wait=0.2")).json
    assert view["state"] == "retrying" and view["why"]["code"] == "backing_off"
    assert view["next_attempt_at"] == view["why"]["until"]
    await server.post(f"/v1/invocations/{running}/stop")


async def test_there_is_no_result_before_and_without_success(server: Any) -> None:
    await server.deploy(answers=[Forever()])
    id = await server.accept()
    early = await server.get(f"/v1/invocations/{id}/result")
    assert early.status == 404 and early.problem()["code"] == "no_result"
    await server.post(f"/v1/invocations/{id}/stop")
    await server.ended(id)
    late = await server.get(f"/v1/invocations/{id}/result")
    assert late.status == 404 and late.problem()["state"] == "stopped"


async def test_a_body_whose_retention_has_ended_is_gone(server: Any) -> None:
    await server.deploy(answers=[{"n": 1}])
    id = await server.accept(data=b'{"a": 1}')
    await server.ended(id)
    later = server.service.context.clock.now() + 10
    await server.engine.parts.store.prune(
        history_before=0,
        payload_before=later,
        result_before=later,
        journal_before=0,
        now=later,
        limit=100,
    )
    for part in ("payload", "result"):
        answer = await server.get(f"/v1/invocations/{id}/{part}")
        assert answer.status == 410 and answer.problem()["code"] == "gone", part
    again = await server.post(f"/v1/invocations/{id}/redrive")
    assert again.status == 409 and again.problem()["code"] == "conflict"


@pytest.mark.parametrize("id", ["x", "1", NONE, NONE.upper(), "..;", "0" * 5000])
@pytest.mark.parametrize("part", ["", "/payload", "/result", "/log", "/stop", "/redrive"])
async def test_an_unknown_invocation_is_a_404(server: Any, id: str, part: str) -> None:
    method = "POST" if part in ("/stop", "/redrive") else "GET"
    answer = await server.request(method, f"/v1/invocations/{id}{part}")
    assert answer.status == 404 and answer.problem()["code"] == "invocation_not_found"


async def test_lists_are_filtered_and_paged(server: Any) -> None:
    await server.deploy("good", answers=["x"])
    await server.deploy("bad", answers=[Error()], max_retries=0)
    good = [await server.accept("good") for _ in range(5)]
    bad = [await server.accept("bad") for _ in range(3)]
    for id in (*good, *bad):
        await server.ended(id)

    async def listed(query: str) -> list[str]:
        found, cursor = [], ""
        while True:
            page = (await server.get(f"/v1/invocations?{query}limit=2{cursor}")).json
            found += [item["id"] for item in page["items"]]
            if page["cursor"] is None:
                return found
            cursor = f"&cursor={page['cursor']}"

    assert await listed("") == [*reversed(bad), *reversed(good)]
    assert await listed("function=bad&") == [*reversed(bad)]
    assert await listed("state=succeeded&") == [*reversed(good)]
    assert len(await listed("state=succeeded,failed&")) == 8
    assert await listed("reason=retries_exhausted&") == [*reversed(bad)]
    assert await listed("since=2100-01-01T00:00:00Z&") == []
    assert await listed("until=2000-01-02&") == []
    assert len(await listed("since=946684800000&until=2100-01-01T00:00:00%2B02:00&")) == 8


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("state=asleep", "state"),
        ("state=failed,", "state"),
        ("reason=why", "reason"),
        ("since=yesterday", "since"),
        ("since=5&until=5", "since"),
        ("until=2026-13-01", "until"),
        ("cursor=nonsense", "cursor"),
        ("colour=red", "colour"),
        ("colour", "query"),
        ("state=%ff", "query"),
        ("&".join(f"a{n}=1" for n in range(50)), "query"),
    ],
)
async def test_a_bad_query_is_refused(server: Any, query: str, field: str) -> None:
    answer = await server.get(f"/v1/invocations?{query}")
    assert answer.status == 400 and answer.problem()["field"] == field


async def test_a_list_of_an_unknown_function_is_a_404(server: Any) -> None:
    for path in ("/v1/invocations", "/v1/dead-letters", "/v1/deliveries", "/v1/events"):
        answer = await server.get(f"{path}?function=nobody")
        assert answer.status == 404 and answer.problem()["code"] == "function_not_found"


@pytest.mark.parametrize("wait", ["-1", "x", "86401", "1e9"])
async def test_a_bad_wait_is_refused(server: Any, wait: str) -> None:
    answer = await server.get(f"/v1/invocations/{NONE}?wait={wait}")
    assert answer.status == 400 and answer.problem()["field"] == "wait"


async def test_stop_in_every_state(server: Any) -> None:
    await server.deploy(answers=[Forever()], concurrency=1)
    started = server.next(AttemptStarted)
    running = await server.accept()
    await started
    waiting = await server.accept()
    answer = await server.post(f"/v1/invocations/{waiting}/stop")
    assert answer.json == {
        "id": waiting,
        "state": "stopped",
        "changed": True,
        "deliveries_stopped": 0,
    }
    assert (await server.post(f"/v1/invocations/{running}/stop")).json["state"] in (
        "stopping",
        "stopped",
    )
    assert (await server.ended(running))["state"] == "stopped"
    again = await server.post(f"/v1/invocations/{running}/stop")
    assert again.status == 200 and again.json["changed"] is False


async def test_a_redrive_is_a_new_invocation_once(server: Any) -> None:
    await server.deploy(answers=[Error(), "fine"], max_retries=0)
    id = await server.accept(data=b'{"n": 7}')
    await server.ended(id)
    answer = await server.post(f"/v1/invocations/{id}/redrive")
    new = answer.json["id"]
    assert answer.status == 202 and answer.headers["location"] == f"/v1/invocations/{new}"
    again = await server.post(f"/v1/invocations/{id}/redrive")
    assert again.json == {"id": new, "redrive_of": id, "replayed": True}
    view = await server.ended(new)
    assert view["state"] == "succeeded" and view["redrive_of"] == id and view["source"] == "redrive"
    assert (await server.get(f"/v1/invocations/{id}")).json["redriven_as"] == new


async def test_what_is_not_over_cannot_be_redriven(server: Any) -> None:
    await server.deploy(concurrency=0)
    id = await server.accept()
    answer = await server.post(f"/v1/invocations/{id}/redrive")
    assert answer.status == 409 and answer.problem()["state"] == "queued"


# ---------------------------------------------------------------- dead letters


async def test_dead_letters_are_listed_and_redriven_by_filter(server: Any) -> None:
    await server.deploy("bad", answers=[Error()], max_retries=0)
    await server.deploy("good", answers=["x"])
    dead = [await server.accept("bad") for _ in range(3)]
    for id in (*dead, await server.accept("good")):
        await server.ended(id)
    listed = (await server.get("/v1/dead-letters")).json
    assert {item["id"] for item in listed["items"]} == set(dead)
    dry = await server.post("/v1/dead-letters:redrive", json={"function": "bad", "dry_run": True})
    assert (dry.json["redriven"], dry.json["dry_run"]) == (3, True) and await server.accepted() == 4
    server.scripts.set("bad", ["now it works"])
    body = {
        "function": "bad",
        "rate_per_second": 1000,
        "reason": "retries_exhausted",
        "since": 946684800000,
    }
    report = (await server.post("/v1/dead-letters:redrive", json=body)).json
    assert report["redriven"] == 3 and {
        invocation["id"] for invocation in report["invocations"]
    } == set(dead)
    for invocation in report["invocations"]:
        assert (await server.ended(invocation["redriven_as"]))["state"] == "succeeded"
    again = (await server.post("/v1/dead-letters:redrive", json={"all": True})).json
    assert again["matched"] == 0 and await server.accepted() == 7


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "all"),
        ({"all": False, "limit": 5}, "all"),
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"rate_per_second": 0}, "rate_per_second"),
        ({"rate_per_second": "fast"}, "rate_per_second"),
        ({"reason": "why"}, "reason"),
        ({"since": "x"}, "since"),
        ({"cursor": "x", "all": True}, "cursor"),
        ({"colour": 1}, "colour"),
        ([], "body"),
    ],
)
async def test_a_bad_redrive_is_refused(server: Any, body: Any, field: str) -> None:
    answer = await server.post("/v1/dead-letters:redrive", json=body)
    assert answer.status == 400 and answer.problem()["field"] == field


# ---------------------------------------------------------------- deliveries


async def test_a_dead_delivery_is_listed_and_sent_again(server: Any) -> None:
    # A chain to a function that is not there: rejected, so a dead letter at once.
    await server.deploy(answers=["x"], on_success="function:later")
    dead = server.next(DeliveryEnded)
    id = await server.accept()
    notice = await dead
    delivery = format_id(notice.id)
    shown = (await server.get(f"/v1/deliveries/{delivery}")).json
    assert shown["state"] == "dead" and shown["invocation"] == id and shown["function"] == "f"
    assert shown["destination"] == "function:later" and shown["attempts"][0]["status"] == 404
    view = (await server.get(f"/v1/invocations/{id}")).json
    assert view["deliveries"][0]["id"] == delivery
    for path in ("/v1/deliveries?state=dead", "/v1/dead-letters?kind=delivery&function=f"):
        assert [item["id"] for item in (await server.get(path)).json["items"]] == [delivery]
    await server.deploy("later", answers=["y"])
    done = server.next(DeliveryEnded)
    answer = await server.post(f"/v1/deliveries/{delivery}/redrive")
    assert answer.status == 202 and answer.json == {"id": delivery, "state": "pending"}
    assert (await done).state == "delivered"
    refused = await server.post(f"/v1/deliveries/{delivery}/redrive")
    assert refused.status == 409 and refused.problem()["state"] == "delivered"


@pytest.mark.parametrize("id", ["x", NONE])
async def test_an_unknown_delivery_is_a_404(server: Any, id: str) -> None:
    for answer in (
        await server.get(f"/v1/deliveries/{id}"),
        await server.post(f"/v1/deliveries/{id}/redrive"),
    ):
        assert answer.status == 404 and answer.problem()["code"] == "delivery_not_found"


async def test_bad_queries_of_deliveries_and_dead_letters_are_refused(server: Any) -> None:
    for path, field in (
        ("/v1/deliveries?state=lost", "state"),
        ("/v1/deliveries?cursor=%7f", "cursor"),
        ("/v1/dead-letters?kind=both", "kind"),
        ("/v1/dead-letters?kind=delivery&since=1", "since"),
    ):
        answer = await server.get(path)
        assert answer.status == 400 and answer.problem()["field"] == field, path


async def test_a_list_by_function_has_the_invocations_of_its_versions_too(server: Any) -> None:
    await server.deploy("f", answers=["ok"], on_success="queue:done")
    latest = await server.accept("f")
    await server.ended(latest)
    version = await server.engine.functions.publish_version("f")
    accepted = await server.engine.accepted("f", b"{}", qualifier=version.version)
    other = format_id(accepted.id)
    await server.ended(other)
    found = (await server.get("/v1/invocations?function=f")).json["items"]
    assert {entry["id"] for entry in found} == {latest, other}
    deliveries = (await server.get("/v1/deliveries?function=f")).json["items"]
    assert {delivery["invocation"] for delivery in deliveries} == {latest, other}


@pytest.mark.parametrize("time", ["0", "1767225600", "946684799999", "1999-12-31T23:59:59Z"])
async def test_a_time_before_2000_is_refused_for_it_is_seconds_or_a_slip(
    server: Any, time: str
) -> None:
    for query in (f"/v1/invocations?since={time}", f"/v1/dead-letters?until={time}"):
        refused = (await server.get(query)).problem()
        assert refused["field"] in ("since", "until") and "milliseconds" in refused["detail"]
    answer = await server.post("/v1/dead-letters:redrive", json={"since": time})
    assert answer.problem()["field"] == "since"


async def test_a_redrive_of_a_success_is_refused_and_another_version_can_be_said(
    server: Any,
) -> None:
    await server.deploy("good", answers=["x"])
    await server.post("/v1/functions/good/versions", json={})
    id = await server.accept("good")
    await server.ended(id)
    path = f"/v1/invocations/{id}/redrive"
    refused = await server.post(path)
    assert refused.status == 409 and refused.problem()["field"] == "again"
    missing = await server.post(f"{path}?again=true&qualifier=9")
    assert missing.status == 404 and await server.accepted() == 1
    answer = await server.post(f"{path}?again=true&qualifier=1")
    assert answer.status == 202
    assert (await server.ended(answer.json["id"]))["version"] == "1"


async def test_a_redrive_by_filter_takes_a_version_of_the_function_that_it_names(
    server: Any,
) -> None:
    await server.deploy("bad", answers=[Error()], max_retries=0)
    await server.post("/v1/functions/bad/versions", json={})
    id = await server.accept("bad")
    await server.ended(id)
    for body, status in (({"qualifier": "1"}, 400), ({"function": "bad", "qualifier": "9"}, 404)):
        assert (await server.post("/v1/dead-letters:redrive", json=body)).status == status
    server.scripts.set("bad", ["now it works"])
    body = {"function": "bad", "qualifier": "1"}
    report = (await server.post("/v1/dead-letters:redrive", json=body)).json
    ended = await server.ended(report["invocations"][0]["redriven_as"])
    assert (ended["state"], ended["version"], ended["redrive_of"]) == ("succeeded", "1", id)


async def test_no_wait_is_longer_than_the_setting(make_server: Any) -> None:
    server = await make_server(limits=Limits(wait_seconds_max=0.05))
    await server.deploy(concurrency=0)
    answer = await server.post(
        "/v1/functions/f/invocations", data=b"1", headers={"Prefer": "wait=80000"}
    )
    assert answer.status == 202  # or this test would take a day
    shown = await server.get(f"/v1/invocations/{answer.json['id']}?wait=80000")
    assert shown.json["state"] == "queued"
