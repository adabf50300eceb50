"""Versions at the native door: published, looked at, called by name, deleted, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from thence.testing.answers import Error

ALL = "/v1/functions/f/versions"
SECRET = "whsec_" + "QUJD" * 8


async def publish(server: Any, **body: Any) -> Any:
    answer = await server.post(ALL, json=body)
    assert answer.status == 201, answer.body
    return answer.json


async def test_a_version_is_frozen_while_the_function_goes_on(server: Any) -> None:
    await server.deploy(timeout_seconds=5, environment={"COLOUR": "red"})
    answer = await server.post(ALL, json={"note": "first release"})
    assert answer.status == 201 and answer.headers["location"] == f"{ALL}/1"
    await server.deploy(timeout_seconds=9)
    shown = (await server.get(f"{ALL}/1")).json
    assert shown == answer.json
    assert (shown["name"], shown["version"], shown["note"]) == ("f", "1", "first release")
    assert (shown["timeout_seconds"], shown["environment"]) == (5, {"COLOUR": "red"})
    function = (await server.get("/v1/functions/f")).json
    assert function["timeout_seconds"] == 9 and function["versions"] == ["1"]
    assert function["links"]["versions"] == ALL


async def test_a_version_may_have_a_name_and_an_empty_object_publishes_too(server: Any) -> None:
    await server.deploy()
    assert (await publish(server, version="v1.0"))["version"] == "v1.0"
    answer = await server.post(ALL, json={})
    assert answer.status == 201 and answer.json["version"] == "1" and answer.json["note"] == ""


async def test_versions_are_listed_newest_first_in_pages(server: Any) -> None:
    await server.deploy()
    for _ in range(5):
        await publish(server)
    found, cursor = [], ""
    while True:
        page = (await server.get(f"{ALL}?limit=2{cursor}")).json
        found += [item["version"] for item in page["items"]]
        if page["cursor"] is None:
            break
        # A version that goes meanwhile neither repeats nor hides another.
        if not cursor:
            await server.request("DELETE", f"{ALL}/{page['items'][-1]['version']}")
        cursor = f"&cursor={page['cursor']}"
    assert found == list("54321")
    bad = await server.get(f"{ALL}?cursor=x")
    assert bad.status == 400 and bad.problem()["field"] == "cursor"


async def test_the_secrets_of_a_version_are_not_shown(server: Any) -> None:
    hook = {
        "type": "webhook",
        "url": "https://example.com/x",
        "secrets": [SECRET],
        "headers": {"X-Key": "hush"},
    }
    await server.deploy(on_failure=hook)
    published = await server.post(ALL, json={})
    for body in (published.body, (await server.get(ALL)).body, (await server.get(f"{ALL}/1")).body):
        assert b"hush" not in body and SECRET[6:].encode() not in body
    assert published.json["on_failure"]["url"] == "https://example.com/x"


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "wait=20"}])
async def test_the_version_that_a_call_names_runs_it_and_is_shown(
    server: Any, prefer: dict[str, str]
) -> None:
    await server.deploy(answers=[1])
    await publish(server)
    answer = await server.post(
        "/v1/functions/f/invocations?qualifier=1", data=b"{}", headers=prefer
    )
    assert answer.status == (200 if prefer else 202), answer.body
    ended = await server.ended(answer.json["id"])
    assert (ended["function"], ended["version"], ended["qualifier"]) == ("f", "1", "1")
    listed = (await server.get("/v1/invocations")).json["items"]
    assert [entry["version"] for entry in listed] == ["1"]
    plain = await server.ended(await server.accept())
    assert (plain["version"], plain["qualifier"]) == ("latest", "latest")
    assert [start.version for start in server.scripts.starts] == ["1", "latest"]


async def test_batches_and_synchronous_calls_take_a_version_too(server: Any) -> None:
    await server.deploy(answers=[1])
    await publish(server)
    batch = await server.post(
        "/v1/functions/f/invocations:batch?qualifier=1",
        data=b"1\n2\n",
        headers={"Content-Type": "application/x-ndjson"},
    )
    for item in batch.json["items"]:
        assert (await server.ended(item["id"]))["version"] == "1"
    assert (await server.post("/v1/functions/f/invoke?qualifier=1", data=b"{}")).status == 200
    assert [start.version for start in server.scripts.starts] == ["1"] * 3


async def test_a_deleted_version_is_gone_and_what_waited_is_invalid(server: Any) -> None:
    await server.deploy(concurrency=0)
    await publish(server)
    path = "/v1/functions/f/invocations?qualifier=1"
    id = (await server.post(path, data=b"{}")).json["id"]
    assert (await server.request("DELETE", f"{ALL}/1")).status == 204
    assert (await server.ended(id))["state"] == "invalid"
    for answer in (
        await server.get(f"{ALL}/1"),
        await server.request("DELETE", f"{ALL}/1"),
        await server.post(path, data=b"{}"),
    ):
        assert answer.status == 404 and answer.problem()["code"] == "version_not_found"
    assert (await publish(server))["version"] == "2"  # no number is given twice


async def test_a_version_that_an_alias_names_is_not_deleted(server: Any) -> None:
    await server.deploy()
    await publish(server)
    await server.request("PUT", "/v1/functions/f/aliases/prod", json={"version": "1"})
    answer = await server.request("DELETE", f"{ALL}/1")
    assert answer.status == 409 and answer.problem()["aliases"] == ["prod"]
    assert (await server.get(f"{ALL}/1")).status == 200


async def test_a_version_answers_to_its_own_name_only(server: Any) -> None:
    await server.deploy()
    await publish(server)
    await server.request("PUT", "/v1/functions/f/aliases/prod", json={"version": "1"})
    for qualifier in ("prod", "latest"):
        answer = await server.get(f"{ALL}/{qualifier}")
        assert answer.status == 404 and answer.problem()["code"] == "version_not_found"
    answer = await server.request("DELETE", f"{ALL}/latest")
    assert answer.status == 400 and answer.problem()["field"] == "version"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": "x" * 1025}, "note"),
        ({"note": 7}, "note"),
        ({"version": "latest"}, "version"),
        ({"version": "a/b"}, "version"),
        ({"version": ""}, "version"),
        ({"colour": "red"}, "colour"),
        ([], "body"),
    ],
)
async def test_a_bad_version_is_refused_and_nothing_is_published(
    server: Any, body: Any, field: str
) -> None:
    await server.deploy()
    answer = await server.post(ALL, json=body)
    assert (answer.status, answer.problem()["field"]) == (400, field)
    assert (await server.get(ALL)).json == {"items": [], "cursor": None}


async def test_a_name_that_is_taken_is_a_conflict(server: Any) -> None:
    await server.deploy()
    await publish(server, version="a")
    answer = await server.post(ALL, json={"version": "a"})
    assert answer.status == 409 and answer.problem()["code"] == "conflict"


async def test_the_versions_of_no_function_are_not_found(server: Any) -> None:
    for method, path in (("GET", ALL), ("POST", ALL), ("GET", f"{ALL}/1"), ("DELETE", f"{ALL}/1")):
        answer = await server.request(method, path)
        assert answer.status == 404 and answer.problem()["code"] == "function_not_found"


async def test_a_retry_stays_with_the_version_of_its_call(server: Any) -> None:
    wait = {"first_seconds": 0, "cap_seconds": 0}
    await server.deploy(answers=[Error(), 1], max_retries=1, retry_wait=wait)
    await publish(server)
    path = "/v1/functions/f/invocations?qualifier=1"
    ended = await server.ended((await server.post(path, data=b"{}")).json["id"])
    assert (ended["state"], ended["version"], ended["attempts_made"]) == ("succeeded", "1", 2)
    assert [start.version for start in server.scripts.starts] == ["1", "1"]
