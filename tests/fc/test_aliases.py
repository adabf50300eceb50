"""Aliases of functions (FC 3.0) and of services (FC 2.0 and older)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from thence.testing.answers import Ok

V3 = "/2023-03-30/functions/f/aliases"
V2 = "/2021-04-06/services/s/aliases"
OLD = "/2016-08-15/services/s/aliases"
BOTH = pytest.mark.parametrize("path", [V3, V2])
ASYNC = {"x-fc-invocation-type": "Async"}


@pytest.fixture
async def door(door: Any) -> Any:
    """Versions 1 and 2 of f and of the service s with f and g; s has h besides, in 2 alone."""
    for name in ("f", "s$f", "s$g"):
        await door.service.function(name, answers=lambda run: Ok(run.function.version))
    for path in ("/2023-03-30/functions/f/versions", "/2021-04-06/services/s/versions"):
        await door.post(path)
    await door.service.function("s$h", answers=lambda run: Ok(run.function.version))
    for path in ("/2023-03-30/functions/f/versions", "/2021-04-06/services/s/versions"):
        await door.post(path)
    return door


# ---------------------------------------------------------------- shape


async def test_an_alias_is_created_shown_changed_and_deleted(door: Any) -> None:
    body = {"additionalVersionWeight": {"2": 0.1}, "aliasName": "prod", "versionId": "1"}
    made = await door.post(V3, json=body)
    shown = {
        **body,
        "description": "",
        "createdTime": "2026-01-01T00:00:00Z",
        "lastModifiedTime": "2026-01-01T00:00:00Z",
    }
    assert made.status == 200 and made.json == shown
    got = await door.get(V3 + "/prod")
    assert got.json == shown and got.headers["etag"] == made.headers["etag"]
    assert (await door.get(V3)).json == {"aliases": [shown]}
    await door.clock.advance(2)
    changed = await door.put(V3 + "/prod", json={"description": "d"})
    assert changed.json == {
        **shown,
        "description": "d",
        "lastModifiedTime": "2026-01-01T00:00:02Z",
    }
    assert (await door.delete(V3 + "/prod")).status == 204
    for answer in (await door.get(V3 + "/prod"), await door.delete(V3 + "/prod")):
        assert answer.error()[:2] == (404, "AliasNotFound")
    assert (await door.put(V3 + "/prod", json={})).error()[1] == "AliasNotFound"


async def test_fc_2_shows_the_policy_and_takes_random_alone(door: Any) -> None:
    body = {"aliasName": "prod", "versionId": "1", "resolvePolicy": "Random", "routePolicy": {}}
    made = await door.post(V2, json=body)
    assert made.json["resolvePolicy"] == "Random" and made.json["routePolicy"] == {}
    assert (await door.get(OLD + "/prod")).json == made.json
    assert (await door.get(OLD)).json == {"aliases": [made.json], "nextToken": ""}
    content = await door.put(V2 + "/prod", json={"resolvePolicy": "Content"})
    assert "resolvePolicy: 'Content' cannot be done" in content.error()[2]
    route = {"condition": "OR", "policyItems": [{"type": "Header", "key": "k", "value": "v"}]}
    routed = await door.put(V2 + "/prod", json={"routePolicy": route})
    assert "routePolicy: calls cannot be routed by their content" in routed.error()[2]
    in_3 = await door.post(V3, json=body)
    assert "resolvePolicy: there is no such field" in in_3.error()[2]
    old = await door.put(OLD + "/prod", json={"VersionId": "2", "Description": "x"})
    assert (old.json["versionId"], old.json["description"]) == ("2", "x")


@BOTH
async def test_a_name_is_taken_once(door: Any, path: str) -> None:
    body = {"aliasName": "prod", "versionId": "1"}
    await door.post(path, json=body)
    assert (await door.post(path, json=body)).error()[:2] == (409, "AliasAlreadyExists")


@BOTH
@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"aliasName": "LATEST", "versionId": "1"}, "aliasName: 'LATEST' is not valid"),
        ({"aliasName": "latest", "versionId": "1"}, "aliasName"),
        ({"aliasName": "1a", "versionId": "1"}, "aliasName"),
        ({"aliasName": "-a", "versionId": "1"}, "aliasName"),
        ({"aliasName": "a b", "versionId": "1"}, "aliasName"),
        ({"aliasName": "a" * 129, "versionId": "1"}, "aliasName"),
        ({"versionId": "1"}, "aliasName: '' is not valid"),
        ({"aliasName": "a"}, "versionId: an alias needs the version"),
        ({"aliasName": "a", "versionId": "latest"}, "versionId: 'latest' is not the number"),
        ({"aliasName": "a", "versionId": 1}, "versionId: 1 is not valid"),
        ({"aliasName": "a", "versionId": "1", "description": "d" * 257}, "description"),
        ({"aliasName": "a", "versionId": "1", "weight": {}}, "weight: there is no such field"),
    ],
)
async def test_a_mistake_is_named(door: Any, path: str, body: Any, says: str) -> None:
    status, code, message = (await door.post(path, json=body)).error()
    assert (status, code) == (400, "InvalidArgument") and says in message, message
    assert (await door.get(path)).json["aliases"] == []


@BOTH
@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"2": 1.1}, "additionalVersionWeight.2: '1.1' is not a share"),
        ({"2": -0.1}, "additionalVersionWeight.2"),
        ({"2": "x"}, "additionalVersionWeight.2: 'x'"),
        ({"2": True}, "additionalVersionWeight.2"),
        ({"1": 0.5}, "version '1' is versionId itself"),
        ({"2": 0.1, "1": 0.1}, "2 versions; at most one"),
        ({"a b": 0.1}, "additionalVersionWeight.a b"),
        ([], "additionalVersionWeight"),
    ],
)
async def test_shares_are_checked(door: Any, path: str, weights: Any, says: str) -> None:
    body = {"aliasName": "a", "versionId": "1", "additionalVersionWeight": weights}
    status, code, message = (await door.post(path, json=body)).error()
    assert (status, code) == (400, "InvalidArgument") and says in message, message


@BOTH
async def test_versions_must_be_there(door: Any, path: str) -> None:
    for more in ({"versionId": "9"}, {"versionId": "1", "additionalVersionWeight": {"9": 0.1}}):
        answer = await door.post(path, json={"aliasName": "a", **more})
        assert answer.error()[:2] == (404, "VersionNotFound") and "'9'" in answer.error()[2]
    assert (await door.get(path)).json["aliases"] == []


@BOTH
async def test_a_change_may_ask_that_nothing_else_was_changed(door: Any, path: str) -> None:
    made = await door.post(path, json={"aliasName": "prod", "versionId": "1"})
    old = {"if-match": made.headers["etag"]}
    changed = await door.put(path + "/prod", json={"description": "x"}, headers=old)
    assert changed.status == 200
    for answer in (
        await door.put(path + "/prod", json={"versionId": "2"}, headers=old),
        await door.delete(path + "/prod", headers=old),
    ):
        assert answer.error()[:2] == (412, "PreconditionFailed")
    assert (await door.get(path + "/prod")).json["versionId"] == "1"
    now = {"if-match": changed.headers["etag"]}
    assert (await door.delete(path + "/prod", headers=now)).status == 204


@BOTH
async def test_the_list_is_by_name_in_pages_and_by_prefix(door: Any, path: str) -> None:
    for name in ("b", "a2", "a1", "c"):
        await door.post(path, json={"aliasName": name, "versionId": "1"})

    async def names(query: str) -> list[str]:
        return [alias["aliasName"] for alias in (await door.get(path + query)).json["aliases"]]

    assert await names("") == ["a1", "a2", "b", "c"]
    assert await names("?prefix=a") == ["a1", "a2"]
    page = (await door.get(path + "?limit=3")).json
    assert await names(f"?limit=3&nextToken={page['nextToken']}") == ["c"]
    if path == V2:
        assert await names("?startKey=a2") == ["a2", "b", "c"]


async def test_an_update_keeps_the_share_until_the_alias_moves_there(door: Any) -> None:
    body = {"additionalVersionWeight": {"2": 0.1}, "aliasName": "prod", "versionId": "1"}
    await door.post(V3, json=body)
    moved = await door.put(V3 + "/prod", json={"versionId": "2"})
    assert moved.json["additionalVersionWeight"] == {} and moved.json["versionId"] == "2"
    await door.put(V3 + "/prod", json={"additionalVersionWeight": {"1": 0.5}})
    cleared = await door.put(V3 + "/prod", json={"additionalVersionWeight": {}})
    assert cleared.json["additionalVersionWeight"] == {}


async def test_an_alias_may_stand_for_latest(door: Any) -> None:
    made = await door.post(V3, json={"aliasName": "now", "versionId": "LATEST"})
    assert made.json["versionId"] == "LATEST"
    call = await door.post("/2023-03-30/functions/f/invocations?qualifier=now")
    assert call.body == b'"latest"'
    of_service = await door.post(V2, json={"aliasName": "now", "versionId": "LATEST"})
    assert of_service.error()[:2] == (400, "InvalidArgument")


# ---------------------------------------------------------------- that they count


async def test_calls_are_shared_by_the_weights(door: Any) -> None:
    body = {"additionalVersionWeight": {"2": 0.25}, "aliasName": "prod", "versionId": "1"}
    await door.post(V3, json=body)
    await door.post(V2, json=body)
    for path in (
        "/2023-03-30/functions/f/invocations?qualifier=prod",
        "/2016-08-15/services/s.prod/functions/g/invocations",
    ):
        ran = Counter([(await door.post(path)).body for _ in range(400)])
        assert set(ran) == {b'"1"', b'"2"'} and 60 <= ran[b'"2"'] <= 140, ran


async def test_all_and_nothing_are_shares(door: Any) -> None:
    path = "/2023-03-30/functions/f/invocations?qualifier=prod"
    for share, runs in ((0, b'"1"'), (1, b'"2"')):
        body = {"additionalVersionWeight": {"2": share}, "versionId": "1"}
        await door.post(V3, json={"aliasName": "prod", "versionId": "1"})
        await door.put(V3 + "/prod", json=body)
        assert {(await door.post(path)).body for _ in range(30)} == {runs}


async def test_an_alias_of_a_service_is_on_the_functions_that_have_its_version(door: Any) -> None:
    async def runs(function: str) -> Any:
        path = f"/2021-04-06/services/s/functions/{function}/invocations?qualifier=prod"
        answer = await door.post(path)
        return answer.json if answer.status == 200 else answer.error()[1]

    weights = {"additionalVersionWeight": {"2": 1}}
    await door.post(V2, json={"aliasName": "prod", "versionId": "1", **weights})
    assert [await runs(name) for name in "fgh"] == ["2", "2", "AliasNotFound"]
    body = {"versionId": "2", "additionalVersionWeight": {"1": 1}}
    await door.put(V2 + "/prod", json=body)
    # h has no version 1: the version that the alias stands for gets all its calls.
    assert [await runs(name) for name in "fgh"] == ["1", "1", "2"]
    await door.put(V2 + "/prod", json={"versionId": "1", "additionalVersionWeight": {}})
    assert [await runs(name) for name in "fgh"] == ["1", "1", "AliasNotFound"]
    await door.delete(V2 + "/prod")
    assert [await runs(name) for name in "fgh"] == ["AliasNotFound"] * 3


async def test_a_configuration_comes_back_with_the_alias(door: Any) -> None:
    path = "/2021-04-06/services/s/functions/h/async-invoke-config?qualifier=prod"
    await door.post(V2, json={"aliasName": "prod", "versionId": "2"})
    kept = (await door.put(path, json={"maxAsyncRetryAttempts": 0})).json
    await door.put(V2 + "/prod", json={"versionId": "1"})
    assert (await door.get(path)).error()[1] == "AliasNotFound"
    await door.put(V2 + "/prod", json={"versionId": "2"})
    assert (await door.get(path)).json["maxAsyncRetryAttempts"] == kept["maxAsyncRetryAttempts"]


async def test_a_version_of_a_service_that_an_alias_names_is_not_deleted(door: Any) -> None:
    body = {"aliasName": "prod", "versionId": "1", "additionalVersionWeight": {"2": 0.1}}
    await door.post(V2, json=body)
    for version in ("1", "2"):
        path = f"/2021-04-06/services/s/versions/{version}"
        status, code, message = (await door.delete(path)).error()
        assert (status, code) == (400, "InvalidArgument") and "alias 'prod'" in message
    assert len(door.engine.functions.versions("s$f")) == 2


async def test_an_alias_outlives_a_restart(door: Any) -> None:
    for path in (V3, V2):
        await door.post(path, json={"aliasName": "prod", "versionId": "1"})
    await door.service.restart()
    engine = door.service.engine
    assert (
        engine.functions.alias("f", "prod").version
        == engine.functions.alias("s$g", "prod").version
        == "1"
    )
    assert [entry.name for entry in engine.functions.entries("fc.service_alias", "s")] == ["prod"]
