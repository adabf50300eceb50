"""Triggers, test events, tags, pins, quotas, and what is not here."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from thence.api.functiongraph.triggers import KINDS

from .conftest import FUNCTIONS, PROJECT, REGION, at, urn

TRIGGERS = f"/v2/{PROJECT}/fgs/triggers/{urn()}"
EVENTS = at(urn(), "events")
TAGS = f"/v2/{PROJECT}/functions/{urn(version=None)}/tags"


@pytest.fixture
async def deployed(door: Any) -> Any:
    await door.function()
    return door


@pytest.mark.parametrize("kind", KINDS)
async def test_a_kind_of_trigger_that_cannot_fire_is_refused(deployed: Any, kind: str) -> None:
    found = await deployed.post(
        TRIGGERS,
        json={"trigger_type_code": kind, "trigger_status": "ACTIVE", "event_data": {"name": "t"}},
    )
    assert found.error() == (400, "FSS.1101")
    assert f"triggers of type {kind} " in found.message()
    assert (await deployed.get(TRIGGERS)).json == []
    one = f"{TRIGGERS}/{kind}/id"
    for method in ("GET", "PUT", "DELETE"):
        assert (await deployed.request(method, one, json={})).error() == (404, "FSS.1131")
    assert (await deployed.delete(TRIGGERS)).status == 204


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"trigger_type_code": "MOON", "event_data": {}}, (404, "FSS.1137")),
        ({"trigger_type_code": "TIMER"}, (400, "FSS.0400")),
        ({"event_data": {}}, (400, "FSS.0400")),
        (
            {"trigger_type_code": "TIMER", "event_data": {}, "trigger_status": "ON"},
            (400, "FSS.0400"),
        ),
    ],
)
async def test_a_trigger_that_is_none_is_refused_for_that(
    deployed: Any, fields: Any, wanted: Any
) -> None:
    assert (await deployed.post(TRIGGERS, json=fields)).error() == wanted


async def test_a_trigger_belongs_to_a_function(door: Any) -> None:
    for method in ("GET", "POST", "DELETE"):
        found = await door.request(method, TRIGGERS, json={})
        assert found.error() == (404, "FSS.1051")


# ---------------------------------------------------------------- test events


def event(name: str = "e", data: bytes = b"{}") -> dict[str, str]:
    return {"name": name, "content": base64.b64encode(data).decode()}


async def test_a_function_has_at_most_10_test_events(deployed: Any) -> None:
    for number in range(10):
        assert (await deployed.post(EVENTS, json=event(f"e{number}"))).status == 200
    assert (await deployed.post(EVENTS, json=event())).error() == (403, "FSS.1068")
    found = (await deployed.get(f"{EVENTS}?maxitems=4&marker=8")).json
    assert ([item["name"] for item in found["events"]], found["count"]) == (["e8", "e9"], 10)
    assert found["next_marker"] == 0


async def test_the_time_of_a_test_event_is_a_number_of_seconds(deployed: Any) -> None:
    made = (await deployed.post(EVENTS, json=event())).json
    await deployed.clock.advance(5)
    now = deployed.clock.now() / 1000
    found = (await deployed.get(f"{EVENTS}/{made['id']}")).json
    assert found["last_modified"] == now - 5
    await deployed.put(f"{EVENTS}/{made['id']}", json={"content": "MQ=="})
    found = (await deployed.get(f"{EVENTS}/{made['id']}")).json
    assert (found["last_modified"], found["content"]) == (now, "MQ==")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        (event("1e"), (400, "FSS.1002")),
        (event(data=b"{"), (400, "FSS.0400")),
        (event(data=b'"' + b"x" * 4095 + b'"'), (403, "FSS.1069")),
        ({"name": "e", "content": "?"}, (400, "FSS.0400")),
        ({"name": "e"}, (400, "FSS.0400")),
    ],
)
async def test_a_test_event_that_cannot_be_is_refused(
    deployed: Any, fields: Any, wanted: Any
) -> None:
    assert (await deployed.post(EVENTS, json=fields)).error() == wanted
    assert (await deployed.get(EVENTS)).json["events"] == []


# ---------------------------------------------------------------- tags and pins


async def test_tags_are_put_by_urn_or_id_and_deleted(deployed: Any) -> None:
    id = (await deployed.get(at(urn(), "config"))).json["resource_id"]
    by_id = f"/v2/{PROJECT}/functions/{id}/tags"
    pairs = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert (await deployed.post(f"{TAGS}/create", json={"tags": pairs})).status == 204
    assert (await deployed.get(by_id)).json == {"tags": pairs, "sys_tags": []}
    gone = {"action": "delete", "tags": [{"key": "a"}]}
    assert (await deployed.delete(f"{by_id}/delete", json=gone)).status == 204
    assert (await deployed.get(TAGS)).json["tags"] == pairs[1:]
    project = (await deployed.get(f"/v2/{PROJECT}/functions/tags")).json
    assert project == {"tags": [{"key": "b", "values": ["2"]}], "sys_tags": []}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tags": [{"key": ""}]},
        {"tags": [{"key": "k" * 129}]},
        {"tags": [{"key": "k"}], "action": "delete"},
        {"tags": [{"key": "k"}], "sys_tags": [{"key": "k"}]},
        {"tags": [{"key": str(number)} for number in range(21)]},
    ],
)
async def test_tags_that_cannot_be_are_refused(deployed: Any, fields: Any) -> None:
    assert (await deployed.post(f"{TAGS}/create", json=fields)).error() == (400, "FSS.0400")
    assert (await deployed.get(TAGS)).json["tags"] == []


async def test_tags_belong_to_a_function(door: Any) -> None:
    for which in ("none", urn("none")):
        found = await door.get(f"/v2/{PROJECT}/functions/{which}/tags")
        assert found.error() == (404, "FSS.1051")


async def test_pinned_functions_come_first(door: Any) -> None:
    for name in ("a", "b", "c"):
        await door.function(name)

    async def names() -> list[str]:
        return [function["func_name"] for function in (await door.get(FUNCTIONS)).json["functions"]]

    await door.put(at(urn("c"), "collect/true"))
    assert await names() == ["c", "a", "b"]
    await door.put(at(urn("c"), "collect/false"))
    assert await names() == ["a", "b", "c"]
    assert (await door.put(at(urn("c"), "collect/maybe"))).error() == (400, "FSS.0400")


# ---------------------------------------------------------------- the project


async def test_quotas_count_functions(deployed: Any) -> None:
    found = (await deployed.get(f"/v2/{PROJECT}/fgs/quotas")).json["quotas"]["resources"]
    assert found[0] == {"quota": -1, "used": 1, "type": "fgs_func_num", "unit": ""}


async def test_what_is_not_here_is_empty_or_refused(deployed: Any) -> None:
    empty = (await deployed.get(f"{FUNCTIONS}/reservedinstances")).json
    assert (empty["reservedinstances"], empty["count"]) == ([], 0)
    empty = (await deployed.get(f"{FUNCTIONS}/reservedinstanceconfigs")).json
    assert (empty["reserved_instances"], empty["count"]) == ([], 0)
    assert (await deployed.get(f"/v2/{PROJECT}/fgs/dependencies")).json["dependencies"] == []
    reserved = at(urn(), "reservedinstances")
    nothing = {"count": 0, "idle_mode": False, "tactics_config": {"cron_configs": []}}
    assert (await deployed.put(reserved, json=nothing)).status == 200
    for fields in ({"count": 1}, {"tactics_config": {"cron_configs": [{"name": "c"}]}}):
        assert (await deployed.put(reserved, json=fields)).error() == (400, "FSS.0400")
    for method, path, wanted in (
        ("GET", at(urn(), "export"), (400, "FSS.0400")),
        ("POST", f"{FUNCTIONS}/import", (400, "FSS.0400")),
        ("POST", f"/v2/{PROJECT}/fgs/dependencies/version", (400, "FSS.1024")),
        ("GET", f"/v2/{PROJECT}/fgs/dependencies/d/version", (404, "FSS.1056")),
        ("GET", f"/v2/{PROJECT}/fgs/workflows", (404, "FSS.0404")),
    ):
        assert (await deployed.request(method, path, json={})).error() == wanted


async def test_a_region_that_is_another_is_refused(deployed: Any) -> None:
    other = urn().replace(REGION, "other")
    assert (await deployed.get(at(other, "events"))).error() == (400, "FSS.1309")
