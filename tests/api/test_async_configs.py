"""Asynchronous configurations by qualifier at the native door."""

from __future__ import annotations

from typing import Any

import pytest

from thence.catalog.async_config import AsyncConfig
from thence.testing.answers import Error

ALL = "/v1/functions/f/async-configs"
PROD = f"{ALL}/prod"
SECRET = "whsec_" + "QUJD" * 8
HOOK = {
    "type": "webhook",
    "url": "https://example.com/x",
    "secrets": [SECRET],
    "headers": {"X-Key": "hush"},
}


@pytest.fixture
async def server(server: Any) -> Any:
    """With a function `f`, its version 1, and the alias `prod` of it."""
    await server.deploy(answers=[Error()], max_retries=0)
    assert (await server.post("/v1/functions/f/versions", json={})).status == 201
    alias = await server.request("PUT", "/v1/functions/f/aliases/prod", json={"version": "1"})
    assert alias.status == 201
    return server


async def test_a_configuration_counts_for_the_calls_that_name_its_qualifier(server: Any) -> None:
    wait = {"first_seconds": 0, "cap_seconds": 0}
    body = {"max_retries": 2, "retry_wait": wait, "on_failure": "queue:dead"}
    answer = await server.request("PUT", PROD, json=body)
    assert answer.status == 201 and answer.headers["location"] == PROD
    made = {}
    for qualifier in ("latest", "1", "prod"):
        path = f"/v1/functions/f/invocations?qualifier={qualifier}"
        ended = await server.ended((await server.post(path, data=b"{}")).json["id"])
        made[qualifier] = (ended["attempts_made"], len(ended["deliveries"]))
    assert made == {"latest": (1, 0), "1": (1, 0), "prod": (3, 1)}


async def test_a_configuration_is_replaced_as_a_whole(server: Any) -> None:
    first = await server.request("PUT", PROD, json={"max_retries": 8, "stop_notifies": True})
    assert (first.json["function"], first.json["qualifier"]) == ("f", "prod")
    assert first.json["stop_notifies"] is True and first.json["on_failure"] is None
    again = await server.request("PUT", PROD, json={"max_event_age_seconds": 60})
    assert again.status == 200 and "location" not in again.headers
    shown = (await server.get(PROD)).json
    assert shown | {"warnings": []} == again.json
    assert (shown["max_retries"], shown["stop_notifies"]) == (3, False)
    assert shown["max_event_age_seconds"] == 60 and shown["retry_wait"]["first_seconds"] == 1
    assert shown["created_at"] == first.json["created_at"]


async def test_a_function_and_a_version_show_the_configuration_that_counts_for_them(
    server: Any,
) -> None:
    await server.request("PUT", f"{ALL}/latest", json={"max_retries": 5})
    await server.request("PUT", f"{ALL}/1", json={"max_retries": 6, "on_success": "queue:done"})
    assert (await server.get("/v1/functions/f")).json["max_retries"] == 5
    version = (await server.get("/v1/functions/f/versions/1")).json
    assert (version["max_retries"], version["on_success"]) == (6, "queue:done")
    await server.deploy(max_retries=1)  # says all of it for `latest`, and nothing of versions
    assert (await server.get("/v1/functions/f")).json["max_retries"] == 1
    assert [item["qualifier"] for item in (await server.get(ALL)).json["items"]] == ["1"]


async def test_a_stopped_invocation_owes_its_record_where_that_is_asked_for(server: Any) -> None:
    await server.deploy(concurrency=0)
    for notifies, deliveries in ((False, 0), (True, 1)):
        body = {"on_failure": "queue:dead", "stop_notifies": notifies}
        await server.request("PUT", f"{ALL}/latest", json=body)
        id = await server.accept()
        assert (await server.post(f"/v1/invocations/{id}/stop")).status == 200
        assert len((await server.ended(id))["deliveries"]) == deliveries


async def test_secrets_are_not_shown_and_what_stands_for_them_does_not_come_back(
    server: Any,
) -> None:
    answer = await server.request("PUT", PROD, json={"on_success": HOOK})
    assert answer.status == 201
    for body in (answer.body, (await server.get(PROD)).body, (await server.get(ALL)).body):
        assert b"hush" not in body and SECRET[6:].encode() not in body
    shown = answer.json["on_success"]
    assert shown["url"] == HOOK["url"]
    for field, value in (
        ("secrets[0]", {**HOOK, "secrets": shown["secrets"]}),
        ("headers.X-Key", {**HOOK, "headers": shown["headers"]}),
    ):
        back = await server.request("PUT", PROD, json={"on_success": value})
        assert back.status == 400 and back.problem()["field"] == f"on_success.{field}"
    kept = server.engine.functions.async_config("f", "prod")
    assert kept.on_success == HOOK


async def test_task_mode_of_a_vendors_door_stays_as_it_is(server: Any) -> None:
    await server.engine.functions.put_async_config("f", "prod", AsyncConfig(listed=True))
    assert (await server.request("PUT", PROD, json={"max_retries": 1})).status == 200
    config = server.engine.functions.async_config("f", "prod")
    assert (config.max_retries, config.listed) == (1, True)


async def test_configurations_are_listed_by_qualifier_in_pages(server: Any) -> None:
    for qualifier in ("prod", "latest", "1"):
        await server.request("PUT", f"{ALL}/{qualifier}", json={})
    first = (await server.get(f"{ALL}?limit=2")).json
    rest = (await server.get(f"{ALL}?limit=2&cursor={first['cursor']}")).json
    found = [item["qualifier"] for item in first["items"] + rest["items"]]
    assert found == ["1", "latest", "prod"] and rest["cursor"] is None
    bad = await server.get(f"{ALL}?cursor=%20")
    assert bad.status == 400 and bad.problem()["field"] == "cursor"


async def test_a_deleted_configuration_is_gone(server: Any) -> None:
    await server.request("PUT", PROD, json={})
    assert (await server.request("DELETE", PROD)).status == 204
    for answer in (await server.get(PROD), await server.request("DELETE", PROD)):
        problem = answer.problem()
        assert (answer.status, problem["code"]) == (404, "not_found")
        assert problem["kind"] == "async_config"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"max_retries": 9}, "max_retries", "invalid_input"),
        ({"max_retries": "3"}, "max_retries", "invalid_input"),
        ({"max_event_age_seconds": 0}, "max_event_age_seconds", "invalid_input"),
        ({"retry_wait": {"factr": 2}}, "retry_wait.factr", "invalid_input"),
        ({"retry_wait": {"factor": 99}}, "retry_wait.factor", "invalid_input"),
        (
            {"retry_wait": {"first_seconds": 9, "cap_seconds": 8}},
            "retry_wait.first_seconds",
            "invalid_input",
        ),
        ({"on_success": "nowhere"}, "on_success", "invalid_input"),
        ({"on_failure": {"type": "queue"}}, "on_failure.name", "invalid_input"),
        ({"on_failure": 7}, "on_failure", "invalid_input"),
        ({"on_success": "function:f"}, "on_success", "destination_cycle"),
        ({"stop_notifies": "yes"}, "stop_notifies", "invalid_input"),
        ({"listed": True}, "listed", "invalid_input"),
        ({"attributes": {}}, "attributes", "invalid_input"),
    ],
)
async def test_a_bad_configuration_is_refused_and_nothing_is_stored(
    server: Any, body: Any, field: str, code: str
) -> None:
    answer = await server.request("PUT", PROD, json=body)
    problem = answer.problem()
    assert (answer.status, problem["code"], problem["field"]) == (400, code, field)
    assert (await server.get(ALL)).json == {"items": [], "cursor": None}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{ALL}/9", "version_not_found"),
        (f"{ALL}/nobody", "alias_not_found"),
        ("/v1/functions/g/async-configs/latest", "function_not_found"),
    ],
)
async def test_the_configuration_of_what_is_not_there_is_not_found(
    server: Any, method: str, path: str, code: str
) -> None:
    answer = await server.request(method, path)
    assert (answer.status, answer.problem()["code"]) == (404, code)
