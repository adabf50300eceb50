"""Triggers as resources: what cannot fire is refused, after everything else was checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thence.api.fc.triggers import KINDS

V3 = "/2023-03-30/functions/f/triggers"
V2 = "/2021-04-06/services/s/functions/f/triggers"
OLD = "/2016-08-15/services/s/functions/f/triggers"
ALL = pytest.mark.parametrize("path", [V3, V2, OLD])
SOURCE = "acs:oss:cn-hangzhou:123:bucket"


@pytest.fixture
async def door(door: Any) -> Any:
    for name in ("f", "s$f"):
        await door.service.function(name)
    return door


def asked(**more: Any) -> dict[str, Any]:
    """As captured, of a timer."""
    config = {"cronExpression": "@every 4m", "enable": True, "payload": "p"}
    return {
        "qualifier": "LATEST",
        "triggerConfig": json.dumps(config),
        "triggerName": "t",
        "triggerType": "timer",
        **more,
    }


@ALL
@pytest.mark.parametrize("kind", KINDS)
async def test_no_kind_can_fire_so_none_is_created(door: Any, path: str, kind: str) -> None:
    body = asked(triggerType=kind, sourceArn=SOURCE, invocationRole="acs:ram::1:role/r")
    status, code, message = (await door.post(path, json=body)).error()
    assert (status, code) == (400, "InvalidArgument")
    assert f"triggers of type '{kind}'" in message and "cannot fire" in message
    assert (await door.get(path)).json["triggers"] == []


@ALL
async def test_there_are_none(door: Any, path: str) -> None:
    listed = (await door.get(path + "?limit=10&prefix=t")).json
    assert listed == {"triggers": []} or listed == {"triggers": [], "nextToken": ""}
    for method in ("GET", "PUT", "DELETE"):
        answer = await door.request(method, path + "/t", json={} if method == "PUT" else None)
        assert answer.error()[:2] == (404, "TriggerNotFound") and "trigger 't'" in answer.error()[2]


@ALL
@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"triggerName": "1t"}, "triggerName: '1t' is not valid"),
        ({"triggerName": ""}, "triggerName"),
        ({"triggerName": "t" * 129}, "triggerName"),
        ({"triggerName": 5}, "triggerName: 5"),
        ({"triggerType": "cron"}, "triggerType: 'cron' is not a type of triggers; it is one of"),
        ({"triggerType": "cron"}, "timer, oss, log, mns_topic, http"),
        ({"triggerType": "oss"}, "sourceArn: a trigger of type 'oss' must name its source"),
        ({"triggerConfig": "{"}, "triggerConfig: the text is not valid JSON"),
        ({"triggerConfig": "[]"}, "triggerConfig: the text must hold a JSON object"),
        ({"triggerConfig": [1]}, "triggerConfig: it must be"),
        ({"triggerConfig": '"' + "x" * 131072 + '"'}, "at most 131072 bytes"),
        ({"cron": "x"}, "cron: there is no such field"),
    ],
)
async def test_a_mistake_is_named_first(door: Any, path: str, more: Any, says: str) -> None:
    status, code, message = (await door.post(path, json=asked(**more))).error()
    assert (status, code) == (400, "InvalidArgument") and says in message, message


async def test_a_configuration_is_a_text_and_in_the_oldest_generation_an_object(door: Any) -> None:
    body = asked(triggerConfig={"cronExpression": "@every 4m", "enable": True})
    for path in (V3, V2):
        assert (
            "it must be a text that holds a JSON object"
            in (await door.post(path, json=body)).error()[2]
        )
    assert "cannot fire" in (await door.post(OLD, json=body)).error()[2]


@pytest.mark.parametrize(
    ("path", "more", "code"),
    [
        (V3.replace("/f/", "/x/"), {}, "FunctionNotFound"),
        (V2.replace("/s/", "/x/"), {}, "ServiceNotFound"),
        (V3, {"qualifier": "9"}, "VersionNotFound"),
        (V3, {"qualifier": "prod"}, "AliasNotFound"),
    ],
)
async def test_what_it_would_call_must_be_there(door: Any, path: str, more: Any, code: str) -> None:
    assert (await door.post(path, json=asked(**more))).error()[:2] == (404, code)


async def test_a_trigger_that_is_there_is_listed(door: Any) -> None:
    shown = {"triggerName": "h", "triggerType": "http"}
    owner = str(door.engine.functions.get("f").id)
    await door.engine.functions.put_entry("fc.trigger", owner, "h", json.dumps(shown).encode())
    assert (await door.get(V3)).json == {"triggers": [shown]}
    assert (await door.get(V3 + "?prefix=x")).json == {"triggers": []}
    taken = await door.post(V3, json=asked(triggerName="h"))
    assert taken.error()[:2] == (409, "TriggerAlreadyExists")
