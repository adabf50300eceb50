"""Versions of functions (FC 3.0) and of services (FC 2.0 and older)."""

from __future__ import annotations

from typing import Any

import pytest

from thence.catalog.step import PublishVersion
from thence.testing.answers import Ok

V3 = "/2023-03-30/functions/f/versions"
V2 = "/2021-04-06/services/s/versions"
OLD = "/2016-08-15/services/s/versions"
ASYNC = {"x-fc-invocation-type": "Async"}


@pytest.fixture
async def door(door: Any) -> Any:
    for name in ("f", "s$f", "s$g", "other$f"):
        await door.service.function(name, answers=lambda run: Ok(run.function.version))
    return door


def ids(answer: Any) -> list[str]:
    return [version["versionId"] for version in answer.json["versions"]]


# ---------------------------------------------------------------- of a function


async def test_versions_are_numbered_from_1_and_no_number_comes_twice(door: Any) -> None:
    first = await door.post(V3, json={"description": "v"})
    assert first.status == 200 and first.json == {
        "versionId": "1",
        "description": "v",
        "createdTime": "2026-01-01T00:00:00Z",
        "lastModifiedTime": "2026-01-01T00:00:00Z",
    }
    second = await door.post(V3)  # nothing has changed since: a further one all the same
    assert second.json["versionId"] == "2"
    assert (await door.delete(V3 + "/2")).status == 204
    assert (await door.post(V3)).json["versionId"] == "3"
    assert ids(await door.get(V3)) == ["3", "1"]


async def test_a_version_stays_as_it_was_published(door: Any) -> None:
    await door.service.function("f", description="old")
    await door.post(V3)
    await door.service.function("f", description="new")
    assert door.engine.functions.get("f", "1").spec.description == "old"
    path = "/2023-03-30/functions/f/invocations"
    for query, runs in (("", b'"latest"'), ("?qualifier=1", b'"1"')):
        assert (await door.post(path + query)).body == runs


async def test_the_list_goes_both_ways_in_pages(door: Any) -> None:
    for _ in range(5):
        await door.post(V3)
    for direction, order in (("BACKWARD", "54321"), ("FORWARD", "12345"), ("", "54321")):
        seen, token = [], ""
        for _ in range(4):
            page = await door.get(f"{V3}?limit=2&direction={direction}&nextToken={token}")
            assert page.json["direction"] == (direction or "BACKWARD")
            seen += ids(page)
            token = page.json.get("nextToken", "")
            if not token:
                break
        assert "".join(seen) == order and not token
    wrong = await door.get(V3 + "?direction=sideways")
    assert wrong.error()[:2] == (400, "InvalidArgument")


async def test_a_page_is_not_moved_by_what_is_deleted_meanwhile(door: Any) -> None:
    for _ in range(4):
        await door.post(V3)
    page = await door.get(V3 + "?limit=2&direction=FORWARD")
    await door.delete(V3 + "/1")
    await door.delete(V3 + "/3")
    rest = await door.get(f"{V3}?limit=2&direction=FORWARD&nextToken={page.json['nextToken']}")
    assert ids(rest) == ["4"]


async def test_a_version_that_an_alias_names_is_not_deleted(door: Any) -> None:
    await door.post(V3)
    await door.post("/2023-03-30/functions/f/aliases", json={"aliasName": "prod", "versionId": "1"})
    status, code, message = (await door.delete(V3 + "/1")).error()
    assert (status, code) == (400, "InvalidArgument") and "alias 'prod'" in message
    await door.delete("/2023-03-30/functions/f/aliases/prod")
    assert (await door.delete(V3 + "/1")).status == 204


@pytest.mark.parametrize("path", [V3, V2])
async def test_what_is_not_there_is_said(door: Any, path: str) -> None:
    assert (await door.delete(path + "/9")).error()[:2] == (404, "VersionNotFound")
    assert (await door.delete(path + "/%20")).error()[:2] == (404, "VersionNotFound")
    assert (await door.delete(path + "/LATEST")).error()[:2] == (400, "InvalidArgument")
    refused = await door.post(path, json={"note": "x"})
    assert refused.error()[2].startswith("note: there is no such field")
    assert (await door.post(path, json={"description": "x" * 257})).error()[0] == 400


async def test_functions_and_services_that_are_not_there_are_told_apart(door: Any) -> None:
    for method in ("GET", "POST"):
        function = await door.request(method, V3.replace("/f/", "/x/"))
        assert function.error()[1] == "FunctionNotFound"
        service = await door.request(method, V2.replace("/s/", "/x/"))
        assert service.error()[1] == "ServiceNotFound"


# ---------------------------------------------------------------- of a service


async def test_a_version_of_a_service_is_one_number_for_all_its_functions(door: Any) -> None:
    await door.engine.functions.publish_version("s$f")  # at another door
    published = await door.post(V2, json={"description": "all"})
    assert published.json["versionId"] == "2" and published.json["description"] == "all"
    for name in ("s$f", "s$g"):
        assert door.engine.functions.get(name, "2").note == "all"
    assert (
        door.engine.functions.versions("other$f") == []
        and door.engine.functions.versions("f") == []
    )
    assert (await door.get(V2)).json == {"versions": [published.json], "direction": "BACKWARD"}
    assert (await door.get(OLD)).json["nextToken"] == ""
    call = await door.post("/2016-08-15/services/s.2/functions/g/invocations")
    assert call.body == b'"2"'


async def test_a_function_that_came_later_is_not_in_earlier_versions(door: Any) -> None:
    await door.post(V2)
    await door.service.function("s$late")
    path = "/2021-04-06/services/s/functions/late/invocations?qualifier="
    assert (await door.post(path + "1")).error()[:2] == (404, "VersionNotFound")
    assert (await door.post(V2)).json["versionId"] == "2"
    assert (await door.post(path + "2")).status == 200


async def test_deleting_a_version_of_a_service_deletes_it_of_all_functions(door: Any) -> None:
    await door.post(V2)
    await door.post(OLD, json={"Description": "two"})
    await door.service.function("s$late")
    assert (await door.delete(V2 + "/1")).status == 204
    assert (await door.delete(V2 + "/1")).error()[1] == "VersionNotFound"
    assert [version.version for version in door.engine.functions.versions("s$g")] == ["2"]
    assert ids(await door.get(V2)) == ["2"]
    assert (await door.get(V2)).json["versions"][0]["description"] == "two"
    assert (await door.delete(V2 + "/2")).status == 204
    assert (await door.post(V2)).json["versionId"] == "3"


async def test_the_list_of_a_service_begins_where_start_key_says(door: Any) -> None:
    for _ in range(11):
        await door.post(V2)
    assert ids(await door.get(V2 + "?startKey=2")) == ["2", "1"]
    assert ids(await door.get(V2 + "?startKey=10&direction=FORWARD")) == ["10", "11"]
    assert ids(await door.get(V2 + "?limit=2")) == ["11", "10"]
    assert (await door.get(V2 + "?startKey=x")).error()[1] == "InvalidArgument"


async def test_a_publication_that_breaks_off_leaves_no_version_behind(door: Any) -> None:
    """In the store: when the versions of all functions are written, but not yet all of it."""
    store = door.engine.parts.store
    change = store.change

    async def breaks_off(steps: Any, *args: Any, **named: Any) -> Any:
        return await change([*steps, PublishVersion(10**9, "1")], *args, **named)

    store.change = breaks_off
    assert (await door.post(V2)).error()[:2] == (404, "FunctionNotFound")
    store.change = change
    assert door.engine.functions.versions("s$f") == [] and ids(await door.get(V2)) == []
    assert (await door.post(V2)).json["versionId"] == "1"
    assert ids(await door.get(V2)) == ["1"]


async def test_a_publication_on_a_full_disk_can_be_made_again(door: Any) -> None:
    door.service.disk_full(5)
    assert (await door.post(V2)).error()[:2] == (503, "ResourceThrottled")
    await door.clock.advance(10)
    assert (await door.post(V2)).status == 200
    assert [version.version for version in door.engine.functions.versions("s$f")] == ids(
        await door.get(V2)
    )


async def test_a_publication_may_ask_that_the_service_is_unchanged(door: Any) -> None:
    path = "/2021-04-06/services"
    await door.post(path, json={"serviceName": "t"})
    etag = (await door.get(path + "/t")).headers["etag"]
    versions = path + "/t/versions"
    assert (await door.post(versions, headers={"if-match": etag})).status == 200
    await door.put(path + "/t", json={"description": "changed"})
    refused = await door.post(versions, headers={"if-match": etag})
    assert refused.error()[:2] == (412, "PreconditionFailed")
    assert ids(await door.get(versions)) == ["1"]


async def test_what_belongs_to_a_service_goes_with_it(door: Any) -> None:
    path = "/2021-04-06/services"
    await door.post(path, json={"serviceName": "t"})
    await door.post(path + "/t/versions")
    await door.post(path + "/t/aliases", json={"aliasName": "prod", "versionId": "1"})
    assert (await door.delete(path + "/t")).status == 204
    await door.post(path, json={"serviceName": "t"})
    assert (await door.get(path + "/t/versions")).json["versions"] == []
    assert (await door.get(path + "/t/aliases")).json["aliases"] == []
    assert (await door.post(path + "/t/versions")).json["versionId"] == "1"
