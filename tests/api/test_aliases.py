"""Aliases at the native door: created, moved, weighed, called by, deleted, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

ALL = "/v1/functions/f/aliases"
PROD = f"{ALL}/prod"
CALL = "/v1/functions/f/invocations?qualifier=prod"


@pytest.fixture
async def server(server: Any) -> Any:
    """With a function `f` that has two versions."""
    await server.deploy(answers=[1])
    for _ in range(2):
        assert (await server.post("/v1/functions/f/versions", json={})).status == 201
    return server


async def test_an_alias_is_created_and_replaced_as_a_whole(server: Any) -> None:
    body = {"version": "1", "weights": {"2": 0.25}, "description": "a quarter for 2"}
    answer = await server.request("PUT", PROD, json=body)
    assert answer.status == 201 and answer.headers["location"] == PROD
    shown = answer.json
    assert {name: shown[name] for name in body} == body
    assert (shown["name"], shown["function"]) == ("prod", "f")
    assert (await server.get(PROD)).json == shown
    again = await server.request("PUT", PROD, json={"version": "2"})
    assert again.status == 200 and "location" not in again.headers
    assert (again.json["version"], again.json["weights"], again.json["description"]) == (
        "2",
        {},
        "",
    )
    assert again.json["created_at"] == shown["created_at"]
    assert (await server.get("/v1/functions/f")).json["aliases"] == {"prod": "2"}


async def test_a_call_by_an_alias_keeps_the_version_that_was_chosen(server: Any) -> None:
    await server.request("PUT", PROD, json={"version": "1", "weights": {"2": 1}})
    id = (await server.post(CALL, data=b"{}")).json["id"]
    ended = await server.ended(id)
    assert (ended["qualifier"], ended["version"]) == ("prod", "2")
    await server.request("PUT", PROD, json={"version": "1"})
    assert (await server.get(f"/v1/invocations/{id}")).json["version"] == "2"
    ended = await server.ended((await server.post(CALL, data=b"{}")).json["id"])
    assert (ended["qualifier"], ended["version"]) == ("prod", "1")
    sync = await server.post("/v1/functions/f/invoke?qualifier=prod", data=b"{}")
    assert sync.status == 200
    assert [start.version for start in server.scripts.starts] == ["2", "1", "1"]


async def test_aliases_are_listed_by_name_in_pages(server: Any) -> None:
    for name in "bdace":
        await server.request("PUT", f"{ALL}/{name}", json={"version": "latest"})
    found, cursor = [], ""
    while True:
        page = (await server.get(f"{ALL}?limit=2{cursor}")).json
        found += [item["name"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert found == list("abcde")
    bad = await server.get(f"{ALL}?cursor=%20")
    assert bad.status == 400 and bad.problem()["field"] == "cursor"


async def test_a_deleted_alias_is_gone(server: Any) -> None:
    await server.request("PUT", PROD, json={"version": "1"})
    assert (await server.request("DELETE", PROD)).status == 204
    for answer in (await server.get(PROD), await server.request("DELETE", PROD)):
        assert answer.status == 404 and answer.problem()["code"] == "alias_not_found"
    call = await server.post(CALL, data=b"{}")
    assert call.status == 404 and call.problem()["code"] == "qualifier_not_found"
    assert await server.accepted() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "version"),
        ({"version": 1}, "version"),
        ({"version": "1", "weights": {"2": "half"}}, "weights.2"),
        ({"version": "1", "weights": {"2": True}}, "weights.2"),
        ({"version": "1", "weights": {"2": -0.1}}, "weights.2"),
        ({"version": "1", "weights": {"2": 10**400}}, "weights.2"),
        ({"version": "1", "weights": [2]}, "weights"),
        ({"version": "1", "weights": {"1": 0.5}}, "weights"),
        ({"version": "1", "weights": {"2": 0.6, "latest": 0.6}}, "weights"),
        ({"version": "1", "description": "x" * 1025}, "description"),
        ({"version": "1", "weight": {}}, "weight"),
    ],
)
async def test_a_bad_alias_is_refused_and_nothing_is_stored(
    server: Any, body: Any, field: str
) -> None:
    answer = await server.request("PUT", PROD, json=body)
    assert (answer.status, answer.problem()["field"]) == (400, field)
    assert (await server.get(ALL)).json == {"items": [], "cursor": None}


@pytest.mark.parametrize("body", [{"version": "9"}, {"version": "1", "weights": {"9": 0.1}}])
async def test_an_alias_names_versions_that_there_are(server: Any, body: Any) -> None:
    answer = await server.request("PUT", PROD, json=body)
    assert answer.status == 404 and answer.problem()["code"] == "version_not_found"


@pytest.mark.parametrize("name", ["latest", "LATEST", "-x", "a%20b", "x" * 129])
async def test_a_bad_name_of_an_alias_is_refused(server: Any, name: str) -> None:
    answer = await server.request("PUT", f"{ALL}/{name}", json={"version": "1"})
    assert answer.status == 400 and answer.problem()["field"] == "name"


async def test_the_name_of_a_version_is_no_alias(server: Any) -> None:
    answer = await server.request("PUT", f"{ALL}/1", json={"version": "2"})
    assert answer.status == 409 and answer.problem()["code"] == "conflict"


async def test_the_aliases_of_no_function_are_not_found(server: Any) -> None:
    none = PROD.replace("/f/", "/g/")
    for method, path in (("GET", none), ("PUT", none), ("DELETE", none), ("GET", none[:-5])):
        answer = await server.request(method, path)
        assert answer.status == 404 and answer.problem()["code"] == "function_not_found"
