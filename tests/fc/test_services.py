"""Services of FC 2.0 and older: create, get, list, update, delete."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from thence.catalog.code import pack

GENERATIONS = ["/2021-04-06", "/2016-08-15"]
ZIP = base64.b64encode(pack([("index.py", b"handler = print\n")])).decode()
FUNCTION = {
    "functionName": "f",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"zipFile": ZIP},
}
MISSING = (404, "ServiceNotFound", "service 's' does not exist")


@pytest.fixture(params=GENERATIONS)
def services(request: pytest.FixtureRequest) -> str:
    return f"{request.param}/services"


async def create(door: Any, services: str, **fields: Any) -> Any:
    answer = await door.post(services, json={"serviceName": "s", **fields})
    assert answer.status == 200, answer.body
    return answer.json


async def test_a_service_is_created_shown_updated_and_deleted(door: Any, services: str) -> None:
    created = await create(door, services, description="d", role="r")
    assert created["serviceName"] == "s" and created["serviceId"]
    assert created["createdTime"] == "2026-01-01T00:00:00Z" and created["internetAccess"] is True
    found = await door.get(f"{services}/s")
    assert found.json == created and found.headers["etag"]
    await door.clock.advance(1)
    updated = (await door.put(f"{services}/s", json={"description": "new"})).json
    assert updated["lastModifiedTime"] == "2026-01-01T00:00:01Z"
    assert updated == {**created, "description": "new", "lastModifiedTime": "2026-01-01T00:00:01Z"}
    assert (await door.delete(f"{services}/s")).status == 204
    assert (await door.get(f"{services}/s")).error() == MISSING


async def test_a_service_is_still_there_after_a_restart(door: Any, services: str) -> None:
    created = await create(door, services, description="d")
    await door.service.restart()
    door.context.engine = door.service.engine
    assert (await door.get(f"{services}/s")).json == created


async def test_what_has_no_effect_is_shown_as_given(door: Any, services: str) -> None:
    given = {
        "role": "r",
        "logConfig": {"project": "p", "logstore": "l", "enableInstanceMetrics": False},
        "tracingConfig": {"type": "Jaeger", "params": {"endpoint": "e"}},
        "internetAccess": True,
    }
    shown = await create(door, services, **given)
    assert {name: shown[name] for name in given} == given


async def test_values_that_ask_for_nothing_are_taken(door: Any, services: str) -> None:
    await create(
        door,
        services,
        vpcConfig={"vpcId": "", "vSwitchIds": []},
        nasConfig={"userId": -1, "groupId": -1, "mountPoints": []},
        ossMountConfig={"mountPoints": []},
        logConfig={},
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("serviceName", "1s"),
        ("serviceName", "s$s"),
        ("serviceName", "s" * 129),
        ("description", "d" * 257),
        ("internetAccess", False),
        ("vpcConfig", {"vpcId": "v"}),
        ("nasConfig.mountPoints", {"mountPoints": [{"serverAddr": "a"}]}),
        ("ossMountConfig.mountPoints", {"mountPoints": [{"bucketName": "b"}]}),
        ("hopes", 1),
    ],
)
async def test_what_cannot_be_done_is_refused_by_its_name(
    door: Any, services: str, field: str, value: Any
) -> None:
    body = {"serviceName": "s", field.partition(".")[0]: value}
    status, code, message = (await door.post(services, json=body)).error()
    assert (status, code) == (400, "InvalidArgument") and message.startswith(field)
    assert (await door.get(services)).json["services"] == []


async def test_a_service_that_is_there_is_not_created_again(door: Any, services: str) -> None:
    before = await create(door, services)
    answer = await door.post(services, json={"serviceName": "s", "description": "other"})
    assert answer.error() == (409, "ServiceAlreadyExists", "service 's' already exists")
    assert (await door.get(f"{services}/s")).json == before


async def test_a_service_with_functions_is_not_deleted(door: Any, services: str) -> None:
    await create(door, services)
    await door.post(f"{services}/s/functions", json=FUNCTION)
    status, code, message = (await door.delete(f"{services}/s")).error()
    assert (status, code) == (409, "ServiceNotEmpty") and message.startswith("service 's'")
    assert (await door.delete(f"{services}/s/functions/f")).status == 204
    assert (await door.delete(f"{services}/s")).status == 204


async def test_what_is_not_there_is_not_found(door: Any, services: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert (await door.request(method, f"{services}/s", json={})).error() == MISSING


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_if_match_must_name_the_service_as_it_is(
    door: Any, services: str, method: str
) -> None:
    await create(door, services)
    old = (await door.get(f"{services}/s")).headers["etag"]
    await door.put(f"{services}/s", json={"description": "new"})
    answer = await door.request(method, f"{services}/s", json={}, headers={"If-Match": old})
    assert answer.error()[:2] == (412, "PreconditionFailed")
    assert (await door.get(f"{services}/s")).json["description"] == "new"


async def test_a_list_comes_in_pages(door: Any, services: str) -> None:
    for name in ("b1", "a", "b2"):
        await create(door, services, serviceName=name)

    async def names(query: str) -> list[str]:
        answer = await door.get(f"{services}?{query}")
        return [service["serviceName"] for service in answer.json["services"]]

    assert await names("") == ["a", "b1", "b2"]
    assert await names("prefix=b") == ["b1", "b2"]
    assert await names("startKey=b1") == ["b1", "b2"]
    first = (await door.get(f"{services}?limit=2")).json
    assert await names(f"limit=2&nextToken={first['nextToken']}") == ["b2"]


async def test_a_list_can_be_asked_by_tags(door: Any, services: str) -> None:
    tag = f"{services.removesuffix('/services')}/tag"
    for name in ("a", "b"):
        await create(door, services, serviceName=name)
    await door.post(tag, json={"resourceArn": "services/b", "tags": {"k": "v"}})
    found = (await door.get(f"{services}?tag_k=v")).json["services"]
    assert [entry["serviceName"] for entry in found] == ["b"]
    assert (await door.get(f"{services}?tag_k=w")).json["services"] == []


async def test_a_service_is_there_for_functions_of_another_door(door: Any, services: str) -> None:
    await door.service.function("s$f")
    shown = (await door.get(f"{services}/s")).json
    assert (shown["serviceName"], shown["createdTime"]) == ("s", "2026-01-01T00:00:00Z")
    assert [service["serviceName"] for service in (await door.get(services)).json["services"]] == [
        "s"
    ]
    missing = "function 'g' does not exist in service 's'"
    assert (await door.get(f"{services}/s/functions/g")).error()[2] == missing
    assert (await door.put(f"{services}/s", json={"description": "d"})).status == 200
    assert (await door.get(f"{services}/s")).json["description"] == "d"


async def test_contexts_of_functions_name_the_services_log(door: Any, services: str) -> None:
    def told() -> Any:
        return door.engine.functions.get("s$f").spec.attributes["fc"].get("logConfig")

    await create(door, services, logConfig={"project": "p", "logstore": "l"})
    await door.post(f"{services}/s/functions", json=FUNCTION)
    assert told() == {"project": "p", "logstore": "l"}
    await door.put(f"{services}/s", json={"description": "d"})
    revision = door.engine.functions.get("s$f").revision
    assert told() == {"project": "p", "logstore": "l"} and revision == 1
    await door.put(f"{services}/s", json={"logConfig": {"project": "q"}})
    assert told() == {"project": "q"}
    await door.put(f"{services}/s/functions/f", json={"timeout": 5})
    assert told() == {"project": "q"}


async def test_a_qualifier_must_be_one_that_the_service_has(door: Any, services: str) -> None:
    old = services.startswith("/2016")

    def path(qualifier: str) -> str:
        return f"{services}/s.{qualifier}" if old else f"{services}/s?qualifier={qualifier}"

    await create(door, services)
    assert (await door.get(path("LATEST"))).json["serviceName"] == "s"
    message = "version '1' of service 's' does not exist"
    assert (await door.get(path("1"))).error() == (404, "VersionNotFound", message)
    message = "alias 'a' of service 's' does not exist"
    assert (await door.get(path("a"))).error() == (404, "AliasNotFound", message)
    functions = path("1").replace("?", "/functions?") if not old else f"{path('1')}/functions"
    assert (await door.get(functions)).error()[:2] == (404, "VersionNotFound")
