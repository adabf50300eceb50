"""Accepting, both ways: in the protocol itself and through the application."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from thence.api.native.accepting import AcceptedAnswer
from thence.config.settings import Destinations, Limits
from thence.lifecycle.ids import parse_id
from thence.notices import AttemptStarted, DeliveryEnded
from thence.testing.answers import Forever

PATH = "/v1/functions/f/invocations"
WAYS = ("fast", "slow")


def way_headers(way: str) -> dict[str, str]:
    """`Prefer` takes a request to the application."""
    return {"Prefer": "respond-async"} if way == "slow" else {}


@pytest.fixture(params=WAYS)
def way(request: Any) -> dict[str, str]:
    return way_headers(request.param)


async def test_an_accepted_invocation_can_be_asked_for_at_once(server: Any, way: Any) -> None:
    await server.deploy()
    answer = await server.post(PATH, data=b'{"a":1}', headers=way)
    assert answer.status == 202
    body = answer.json
    assert body["function"] == "f" and body["state"] == "queued"
    assert set(body["links"]) == set(AcceptedAnswer.__annotations__) - {
        "id",
        "function",
        "state",
        "links",
    } | {"self", "wait", "payload", "result", "log", "stop", "events"}
    assert answer.headers["location"] == f"/v1/invocations/{body['id']}" == body["links"]["self"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["date"].endswith("GMT")
    shown = await server.get(body["links"]["self"])
    assert shown.status == 200 and shown.json["id"] == body["id"]
    for link in ("payload", "wait"):
        assert (await server.get(body["links"][link])).status == 200


async def test_both_ways_answer_the_same(server: Any) -> None:
    await server.deploy()
    answers = [await server.post(PATH, data=b"{}", headers=way_headers(way)) for way in WAYS]
    first, second = (answer.body.replace(answer.json["id"].encode(), b"") for answer in answers)
    assert first == second


async def test_the_payload_comes_back_as_it_was_sent(server: Any, way: Any) -> None:
    await server.deploy()
    data = bytes(range(256)) * 3
    id = await server.accept(data=data, **way, **{"Content-Type": "image/x-thing"})
    answer = await server.get(f"/v1/invocations/{id}/payload")
    assert answer.body == data and answer.headers["content-type"] == "image/x-thing"
    assert (await server.ended(id))["payload_bytes"] == len(data)


@pytest.mark.parametrize(
    ("data", "kind"), [(b'{"a": 1}', "application/json"), (b"\xff", "application/octet-stream")]
)
async def test_without_a_content_type_the_payload_says_what_it_is(
    server: Any, way: Any, data: bytes, kind: str
) -> None:
    await server.deploy()
    headers = {**way, "Content-Type": "application/json"}
    id = await server.accept(data=data, **headers)
    answer = await server.get(f"/v1/invocations/{id}/payload")
    assert answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_payload_over_the_inline_limit_goes_to_a_file_and_comes_back(
    server: Any, way: Any
) -> None:
    await server.deploy()
    data = b"x" * 200_000
    id = await server.accept(data=data, **way)
    assert (await server.get(f"/v1/invocations/{id}/payload")).body == data


async def test_an_empty_body_is_a_payload(server: Any, way: Any) -> None:
    await server.deploy()
    id = await server.accept(data=b"", **way)
    assert (await server.get(f"/v1/invocations/{id}/payload")).body == b""


async def test_the_same_key_and_body_is_accepted_once(server: Any, way: Any) -> None:
    await server.deploy()
    headers = {**way, "Idempotency-Key": "order-17"}
    first = await server.post(PATH, data=b"{}", headers=headers)
    again = await server.post(PATH, data=b"{}", headers=headers)
    assert again.status == 202 and again.json == first.json
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = await server.post(PATH, data=b"[]", headers=headers)
    assert other.status == 422 and other.problem()["code"] == "idempotency_mismatch"
    assert await server.accepted() == 1


async def test_a_key_used_one_way_is_known_the_other_way(server: Any) -> None:
    await server.deploy()
    answers = [
        await server.post(PATH, data=b"{}", headers={**way_headers(way), "Idempotency-Key": "k"})
        for way in WAYS
    ]
    assert answers[0].json == answers[1].json and await server.accepted() == 1


async def test_a_delay_is_waited_for(server: Any, way: Any) -> None:
    await server.deploy()
    headers = {**way, "Thence-Delay-Seconds": "3600"}
    answer = await server.post(PATH, data=b"{}", headers=headers)
    shown = (await server.get(answer.headers["location"])).json
    assert shown["state"] == "queued" and shown["why"]["code"] == "delayed"
    assert shown["next_attempt_at"] == shown["why"]["until"] == shown["due_at"]


@pytest.mark.parametrize("delay", ["-1", "x", "", "2592001", "1e3", "nan", "inf", "1,5"])
async def test_a_bad_delay_is_refused(server: Any, way: Any, delay: str) -> None:
    await server.deploy()
    headers = {**way, "Thence-Delay-Seconds": delay}
    answer = await server.post(PATH, data=b"{}", headers=headers)
    problem = answer.problem()
    assert answer.status == 400 and problem["field"] == "Thence-Delay-Seconds"
    assert problem["limit"] == 30 * 86_400
    assert await server.accepted() == 0


async def test_a_trace_is_kept_and_a_broken_one_left_out(server: Any, way: Any) -> None:
    await server.deploy()
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    good = await server.accept(**way, traceparent=trace)
    bad = await server.accept(**way, traceparent="nonsense")
    assert (await server.get(f"/v1/invocations/{good}")).json["traceparent"] == trace
    assert (await server.get(f"/v1/invocations/{bad}")).json["traceparent"] is None


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/functions/nobody/invocations", {}, 404, "function_not_found"),
        ("/v1/functions/no%20name/invocations", {}, 404, "function_not_found"),
        (PATH + "?qualifier=v7", {}, 404, "qualifier_not_found"),
        (PATH + "?colour=red", {}, 400, "invalid_input"),
        (PATH + "?qualifier=a&qualifier=b", {}, 400, "invalid_input"),
        (PATH, {"Idempotency-Key": ""}, 400, "invalid_input"),
        (PATH, {"Idempotency-Key": "k" * 256}, 400, "invalid_input"),
        (PATH, {"Content-Type": "x" * 300}, 400, "invalid_input"),
        (PATH, {"Prefer": "wait=soon"}, 400, "invalid_input"),
    ],
)
async def test_a_bad_accept_is_a_problem_and_stores_nothing(
    server: Any, way: Any, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    await server.deploy()
    answer = await server.post(path, data=b"{}", headers={**way, **headers})
    assert (answer.status, answer.problem()["code"]) == (status, code)
    assert await server.accepted() == 0


async def test_a_body_over_the_limit_is_refused_while_it_is_read(
    make_server: Any, way: Any
) -> None:
    server = await make_server(limits=Limits(payload_bytes_max=1000))
    await server.deploy()

    async def pieces() -> Any:
        for _ in range(20):
            yield b"x" * 100

    for data in (b"x" * 1001, pieces()):
        answer = await server.post(PATH, data=data, headers=way)
        problem = answer.problem()
        assert answer.status == 413 and problem["limit_bytes"] == 1000
    assert (await server.post(PATH, data=b"x" * 1000, headers=way)).status == 202
    assert await server.accepted() == 1


async def test_a_full_backlog_is_answered_429(make_server: Any, way: Any) -> None:
    server = await make_server(limits=Limits(waiting_max=1))
    await server.deploy(concurrency=0)
    await server.accept(**way)
    answer = await server.post(PATH, data=b"{}", headers=way)
    assert answer.status == 429 and answer.problem()["code"] == "throttled"
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_draining_service_answers_503_and_stores_nothing(server: Any, way: Any) -> None:
    await server.deploy()
    server.engine.parts.accept.closed = True
    answer = await server.post(PATH, data=b"{}", headers=way)
    assert answer.status == 503 and answer.problem()["code"] == "draining"
    assert int(answer.headers["retry-after"]) >= 1
    assert await server.accepted() == 0


async def test_a_store_that_cannot_write_is_answered_503(server: Any, way: Any) -> None:
    await server.deploy()
    server.engine.parts.writer.outage.down = True
    answer = await server.post(PATH, data=b"{}", headers=way)
    assert answer.status == 503 and answer.problem()["code"] == "store_unavailable"
    assert (await server.get("/readyz")).status == 503
    server.engine.parts.writer.outage.down = False
    assert (await server.post(PATH, data=b"{}", headers=way)).status == 202
    assert (await server.get("/readyz")).status == 200


async def test_a_mistake_inside_is_a_500_that_tells_nothing(
    server: Any, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.deploy()

    def broken(*_arguments: Any, **_more: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(server.engine.parts.accept, "accept", broken)
    answer = await server.post(PATH, data=b"{}", headers=way)
    assert answer.status == 500 and answer.problem()["code"] == "internal"
    assert b"secret" not in answer.body


# ---------------------------------------------------------------- Prefer: wait


async def test_with_wait_the_ended_invocation_is_the_answer(server: Any) -> None:
    await server.deploy(answers=[{"sum": 3}])
    answer = await server.post(PATH, data=b"{}", headers={"Prefer": "respond-async, wait=10"})
    assert answer.status == 200 and answer.headers["preference-applied"] == "wait=10"
    assert answer.json["state"] == "succeeded" and answer.json["result"] == {"sum": 3}
    assert answer.headers["location"] == f"/v1/invocations/{answer.json['id']}"


async def test_when_it_does_not_end_in_time_it_is_accepted(server: Any) -> None:
    await server.deploy(answers=[Forever()])
    answer = await server.post(PATH, data=b"{}", headers={"Prefer": "wait=0.01"})
    assert answer.status == 202 and answer.headers["preference-applied"] == "respond-async"
    await server.post(answer.json["links"]["stop"])


async def test_a_wait_ends_when_the_service_shuts_down(server: Any) -> None:
    await server.deploy(answers=[Forever()])
    started = server.next(AttemptStarted)
    asking = asyncio.ensure_future(server.post(PATH, data=b"{}", headers={"Prefer": "wait=60"}))
    await started
    server.service.context.closing.set()
    assert (await asyncio.wait_for(asking, 10)).status == 202


async def test_a_large_result_is_left_to_its_link(server: Any) -> None:
    await server.deploy(answers=["y" * 100_000])
    answer = await server.post(PATH, data=b"{}", headers={"Prefer": "wait=10"})
    assert answer.status == 200 and "result" not in answer.json
    found = await server.get(answer.json["links"]["result"])
    assert found.json == "y" * 100_000


CHAIN = "01890a5d-ac96-774b-bcce-b302099a8057"


async def test_a_chain_of_webhooks_ends_after_its_hops(server: Any, way: Any) -> None:
    await server.deploy()
    lineage = {**way, "Thence-Lineage": f"{CHAIN};hops=16"}
    kept = await server.accept(**lineage)
    view = await server.engine.invocations.get(parse_id(kept))
    assert (view.meta.lineage.root, view.meta.lineage.hops) == (CHAIN, 16)
    left_out = await server.accept(**way, **{"Thence-Lineage": "nonsense"})
    assert (await server.engine.invocations.get(parse_id(left_out))).meta.lineage is None
    lineage["Thence-Lineage"] = f"{CHAIN};hops=17"
    answer = await server.post(PATH, data=b"{}", headers=lineage)
    assert answer.status == 400 and answer.problem()["field"] == "Thence-Lineage"
    lines = {**lineage, "Content-Type": "application/x-ndjson"}
    batch = await server.post(PATH + ":batch", data=b"{}\n", headers=lines)
    assert batch.status == 400 and await server.accepted() == 2


async def test_a_function_whose_webhook_leads_back_to_it_does_not_run_for_ever(
    make_server: Any,
) -> None:
    server = await make_server(destinations=Destinations(allow_networks=("127.0.0.0/8",)))
    ended = server.next(DeliveryEnded)
    while_dead = asyncio.get_running_loop().create_future()
    server.notices.on(
        DeliveryEnded, lambda view: view.state == "dead" and while_dead.set_result(view.reason)
    )
    await server.deploy(answers=["ok"], on_success=server.url + PATH)
    await server.accept()
    assert (await ended).state == "delivered"
    assert await asyncio.wait_for(while_dead, 20) == "rejected"
    assert await server.accepted() == 17
