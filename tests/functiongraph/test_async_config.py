"""Asynchronous settings: put, get, delete, list; targets read leniently and checked strictly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig

from .conftest import PROJECT, REGION, at, urn

ONE = "async-invoke-config"
ALL = "async-invoke-configs"
TOPIC = f"urn:smn:{REGION}:{PROJECT}:alerts"


def target(kind: str, **param: Any) -> dict[str, str]:
    return {"destination": kind, "param": json.dumps(param)}


async def put(door: Any, body: Any, which: str = "") -> Any:
    return await door.put(at(which or urn(), ONE), json=body)


async def test_what_is_put_is_shown(door: Any) -> None:
    await door.function()
    body = {
        "max_async_event_age_in_seconds": 600,
        "max_async_retry_attempts": 2,
        "destination_config": {
            "on_success": target("OBS", bucket="results", prefix="ok/", expires=1),
            "on_failure": target("SMN", topic_urn=TOPIC),
        },
        "enable_async_status_log": True,
    }
    found = (await put(door, body)).json
    assert found == {
        **body,
        "func_urn": urn(),
        "created_time": "2026-01-01T00:00:00.000Z",
        "last_modified": "2026-01-01T00:00:00.000Z",
    }
    assert (await door.get(at(urn(), ONE))).json == found


async def test_a_put_replaces_the_whole_and_what_is_missing_has_its_default(door: Any) -> None:
    await door.function()
    await put(door, {"max_async_retry_attempts": 3, "enable_async_status_log": True})
    await door.clock.advance(60)
    found = (await put(door, {"destination_config": {}})).json
    assert found["max_async_retry_attempts"] == 3  # the seed's "Default value: 3"
    assert found["max_async_event_age_in_seconds"] == 3600
    assert found["enable_async_status_log"] is False
    assert found["created_time"] != found["last_modified"]


async def test_no_retries_are_kept_as_none(door: Any) -> None:
    await door.function()
    assert (await put(door, {"max_async_retry_attempts": 0})).json["max_async_retry_attempts"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_async_retry_attempts": 4}, "max_async_retry_attempts"),
        ({"max_async_retry_attempts": -1}, "max_async_retry_attempts"),
        ({"max_async_event_age_in_seconds": 0}, "max_async_event_age_in_seconds"),
        ({"max_async_event_age_in_seconds": 86_401}, "max_async_event_age_in_seconds"),
        ({"destination_config": {"on_success": target("OBS")}}, "on_success.param"),
        ({"destination_config": {"on_success": target("OBS", bucket="b", expires=366)}}, "expires"),
        ({"destination_config": {"on_success": target("OBS", bucket="b", more=1)}}, "more"),
        ({"destination_config": {"on_failure": target("SMN", topic_urn="alerts")}}, "topic_urn"),
        (
            {"destination_config": {"on_failure": target("SMN", topic_urn=f"{TOPIC[:-6]}x:y:z")}},
            "topic_urn",
        ),
        ({"destination_config": {"on_failure": target("ROCKETMQ")}}, "ROCKETMQ"),
        (
            {"destination_config": {"on_failure": {"destination": "DIS", "param": "{"}}},
            "on_failure.param",
        ),
        (
            {"destination_config": {"on_failure": {"destination": "DIS", "param": "[1]"}}},
            "on_failure.param",
        ),
        ({"max_retries": 1}, "max_retries"),
    ],
)
async def test_a_refusal_names_the_field(door: Any, body: Any, field: str) -> None:
    await door.function()
    found = await put(door, body)
    assert found.error()[0] == 400 and field in found.message(), found.message()
    assert (await door.get(at(urn(), ONE))).error() == (404, "FSS.0404")


@pytest.mark.parametrize("which", ["on_success", "on_failure"])
async def test_a_cycle_is_laid_to_the_destination_that_makes_it(door: Any, which: str) -> None:
    await door.function()
    written = {which: target("FunctionGraph", func_urn=urn())}
    found = await put(door, {"destination_config": written})
    assert found.error()[0] == 400
    assert found.message().startswith(f"destination_config.{which}: "), found.message()
    assert "would notify each other for ever" in found.message()


@pytest.mark.parametrize(
    "param",
    [
        '{ "expires" : 7,"bucket":"b" }',
        '{"bucket":"b","prefix":null,"expires":7}',
        '\n{"prefix": "", "bucket": "b", "expires": 7}\t',
    ],
)
async def test_param_is_read_leniently_and_shown_as_it_was(door: Any, param: str) -> None:
    await door.function()
    written = {"on_success": {"destination": "OBS", "param": param}}
    assert (await put(door, {"destination_config": written})).status == 200
    found = (await door.get(at(urn(), ONE))).json
    assert found["destination_config"] == written
    config = door.engine.functions.async_config("f", "latest")
    assert (config.on_success["name"], config.on_success["expires_days"]) == ("b", 7)


async def test_a_function_target_must_exist_as_a_version_or_an_alias_may(door: Any) -> None:
    await door.function()
    await door.function("next")
    await door.engine.functions.publish_version("next", version="v1")
    await door.engine.functions.put_alias("next", Alias(name="prod", version="v1"), create=True)
    for which in (urn("next"), urn("next", "v1"), urn("next", "!prod"), urn("next", None)):
        found = await put(
            door,
            {"destination_config": {"on_success": target("FunctionGraph", func_urn=which)}},
        )
        assert found.status == 200, found.body
    for which in (urn("none"), urn("next", "v2"), urn("next", "!test")):
        found = await put(
            door,
            {"destination_config": {"on_success": target("FunctionGraph", func_urn=which)}},
        )
        assert found.error() == (404, "FSS.1051")


async def test_functions_that_notify_each_other_are_refused_also_over_a_third(door: Any) -> None:
    for name in ("a", "b", "c"):
        await door.function(name)

    async def point(one: str, other: str) -> Any:
        where = target("FunctionGraph", func_urn=urn(other))
        return await put(door, {"destination_config": {"on_failure": where}}, urn(one))

    assert (await point("a", "b")).status == 200
    found = await point("b", "a")
    assert found.error() == (400, "FSS.0400") and "each other" in found.message()
    assert (await point("b", "c")).status == 200
    assert (await point("c", "a")).error() == (400, "FSS.0400")
    assert (await point("c", "c")).error() == (400, "FSS.0400")


async def test_each_version_and_alias_has_its_own(door: Any) -> None:
    await door.function()
    await door.engine.functions.publish_version("f", version="v1")
    await door.engine.functions.put_alias("f", Alias(name="prod", version="v1"), create=True)
    for number, version in enumerate(("latest", "v1", "!prod")):
        await put(door, {"max_async_retry_attempts": number}, urn(version=version))
    found = (await door.get(at(urn(), ALL))).json
    shown = {
        config["func_urn"]: config["max_async_retry_attempts"]
        for config in found["async_invoke_configs"]
    }
    assert shown == {urn(): 0, urn(version="v1"): 1, urn(version="!prod"): 2}
    assert found["count"] == 3
    assert (await door.delete(at(urn(version="v1"), ONE))).status == 204
    assert (await door.get(at(urn(version="v1"), ONE))).error() == (404, "FSS.0404")
    assert (await door.delete(at(urn(version="v1"), ONE))).error() == (404, "FSS.0404")
    assert (await door.get(at(urn(version="!prod"), ONE))).status == 200


async def test_the_list_has_pages(door: Any) -> None:
    await door.function()
    names = [f"v{number:02d}" for number in range(12)]
    for name in names:
        await door.engine.functions.publish_version("f", version=name)
        await put(door, {}, urn(version=name))

    async def page(query: str) -> Any:
        return (await door.get(at(urn(), f"{ALL}?{query}"))).json

    first = await page("limit=0")
    assert len(first["async_invoke_configs"]) == 10
    assert first["page_info"] == {"next_marker": 10, "previous_marker": None, "current_count": 10}
    last = await page("marker=10&limit=10")
    assert [config["func_urn"] for config in last["async_invoke_configs"]] == [
        urn(version=name) for name in names[10:]
    ]
    assert last["page_info"] == {"next_marker": None, "previous_marker": 0, "current_count": 2}
    for bad in ("limit=101", "limit=-1", "marker=x"):
        found = await door.get(at(urn(), f"{ALL}?{bad}"))
        assert found.error() == (400, "FSS.1001")


async def test_what_another_door_configured_is_shown_without_its_secrets(door: Any) -> None:
    await door.function()
    await door.function("next")
    shown = {}
    for written in (
        "function:next",
        "stream:s",
        "topic:alerts",
        {"type": "bucket", "name": "b", "prefix": "p/", "expires_days": 3},
        {"type": "webhook", "url": "https://example.com/", "headers": {"x-key": "secret"}},
    ):
        await door.engine.functions.put_async_config("f", "latest", AsyncConfig(on_success=written))
        one = (await door.get(at(urn(), ONE))).json["destination_config"]["on_success"]
        shown[one["destination"], one["param"]] = True
    assert list(shown) == [
        ("FunctionGraph", json.dumps({"func_urn": urn("next")}, separators=(",", ":"))),
        ("DIS", '{"stream_name":"s"}'),
        ("SMN", json.dumps({"topic_urn": TOPIC}, separators=(",", ":"))),
        ("OBS", '{"bucket":"b","prefix":"p/","expires":3}'),
        ("other", "{}"),
    ]


async def test_names_of_a_log_of_its_own_are_kept_and_shown(door: Any) -> None:
    await door.function()
    found = (await put(door, {"log_group_id": "g", "log_stream_id": "s"})).json
    assert (found["log_group_id"], found["log_stream_id"]) == ("g", "s")


async def test_what_does_not_exist_has_no_settings(door: Any) -> None:
    await door.function()
    assert (await put(door, {}, urn("none"))).error() == (404, "FSS.1051")
    assert (await put(door, {}, urn(version="v9"))).error() == (404, "FSS.1052")
    assert (await put(door, {}, urn(version="!none"))).error() == (404, "FSS.1053")


@pytest.mark.parametrize("which", [urn("next", "prod"), urn("next", "!v1"), urn("next", "!latest")])
async def test_a_target_is_an_alias_only_with_its_mark_and_a_version_only_without(
    door: Any, which: str
) -> None:
    await door.function()
    await door.function("next")
    await door.engine.functions.publish_version("next", version="v1")
    await door.engine.functions.put_alias("next", Alias(name="prod", version="v1"), create=True)
    assert (await door.get(at(which, "config"))).status == 404
    found = await put(
        door, {"destination_config": {"on_success": target("FunctionGraph", func_urn=which)}}
    )
    assert found.error() == (404, "FSS.1051")
    assert found.message().startswith("destination_config.on_success.param: func_urn: ")


@pytest.mark.parametrize(
    ("name", "qualifier", "shown"),
    [
        ("next", "prod", urn("next", "!prod")),
        ("next", "v1", urn("next", "v1")),
        ("next", "latest", urn("next")),
        ("gone", "prod", urn("gone", "prod")),
        ("default$next", "latest", None),  # which has no URN
    ],
)
async def test_a_target_of_another_door_is_shown_by_its_urn(
    door: Any, name: str, qualifier: str, shown: str | None
) -> None:
    await door.function()
    await door.function("next")
    await door.engine.functions.publish_version("next", version="v1")
    await door.engine.functions.put_alias("next", Alias(name="prod", version="v1"), create=True)
    to = {"type": "function", "name": name, "qualifier": qualifier}
    await door.engine.functions.put_async_config("f", "latest", AsyncConfig(on_success=to))
    found = (await door.get(at(urn(), ONE))).json["destination_config"]["on_success"]
    if shown is None:
        assert found == {"destination": "other", "param": "{}"}
    else:
        assert json.loads(found["param"]) == {"func_urn": shown}
