"""Concurrency, on-demand maximum, provisioned instances, and switching a function off."""

from __future__ import annotations

from typing import Any

import pytest

from thence.testing.answers import Forever, Ok

F = "/2023-03-30/functions/f"
S = "/2021-04-06/services/s/functions/f"
OLD = "/2016-08-15/services/s.LATEST/functions/f"
ASYNC = {"x-fc-invocation-type": "Async"}


@pytest.fixture
async def door(door: Any) -> Any:
    for name in ("f", "g", "s$f"):
        await door.service.function(name, answers=["ok"])
    return door


async def accepted(door: Any, path: str) -> str:
    answer = await door.post(path + "/invocations", headers=ASYNC)
    assert answer.status == 202, answer.body
    await door.service.settle()
    return str(answer.headers["x-fc-request-id"])


# ---------------------------------------------------------------- reserved concurrency


async def test_reserved_concurrency_is_put_shown_listed_and_deleted(door: Any) -> None:
    path = F + "/concurrency"
    assert (await door.get(path)).error()[:2] == (404, "ConcurrencyConfigNotFound")
    put = await door.put(path, json={"reservedConcurrency": 5})
    shown = {"functionArn": "acs:fc:local:thence:functions/f", "reservedConcurrency": 5}
    assert put.json == shown and (await door.get(path)).json == shown
    await door.put("/2023-03-30/functions/g/concurrency", json={"reservedConcurrency": 7})
    await door.put(S + "/on-demand-config", json={"maximumInstanceCount": 3})
    listed = (await door.get("/2023-03-30/concurrency-configs?limit=1")).json
    assert listed["configs"] == [shown]
    more = await door.get(f"/2023-03-30/concurrency-configs?nextToken={listed['nextToken']}")
    assert [config["reservedConcurrency"] for config in more.json["configs"]] == [7]
    only = await door.get("/2023-03-30/concurrency-configs?functionName=f")
    assert only.json == {"configs": [shown]}
    assert (await door.delete(path)).status == 204
    assert (await door.delete(path)).error()[1] == "ConcurrencyConfigNotFound"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "reservedConcurrency: it is required"),
        ({"reservedConcurrency": -1}, "at least 0 and at most 1000"),
        ({"reservedConcurrency": 1001}, "reservedConcurrency: 1001"),
        ({"reservedConcurrency": "5"}, "reservedConcurrency: '5'"),
        ({"reserved": 1}, "reserved: there is no such field"),
    ],
)
async def test_a_wrong_concurrency_is_refused(door: Any, body: Any, says: str) -> None:
    status, code, message = (await door.put(F + "/concurrency", json=body)).error()
    assert (status, code) == (400, "InvalidArgument") and says in message, message


@pytest.mark.parametrize(
    ("path", "config", "field"),
    [
        (F, "/concurrency", "reservedConcurrency"),
        (S, "/on-demand-config", "maximumInstanceCount"),
        (OLD, "/on-demand-config", "maximumInstanceCount"),
    ],
)
async def test_beyond_the_ceiling_sync_gets_429_and_async_waits(
    door: Any, path: str, config: str, field: str
) -> None:
    name = "f" if path == F else "s$f"
    door.service.scripts.set(name, [Forever(60), "second"])
    await door.put(path + config, json={field: 1})
    await accepted(door, path)
    waiting = await accepted(door, path)
    assert (await door.service.show(waiting)).state == "queued"
    sync = await door.post(path + "/invocations")
    assert sync.error()[:2] == (429, "ResourceExhausted")
    await door.delete(path + config)
    await door.service.settle()
    assert (await door.service.show(waiting)).state == "succeeded"


async def test_the_ceiling_is_of_all_versions_together(door: Any) -> None:
    door.service.scripts.set("f", [Forever()])
    await door.post(F + "/versions")
    await door.put(F + "/concurrency", json={"reservedConcurrency": 1})
    await accepted(door, F)
    sync = await door.post(F + "/invocations?qualifier=1")
    assert sync.error()[:2] == (429, "ResourceExhausted")


async def test_a_limit_and_a_switch_do_not_touch_each_other(door: Any) -> None:
    await door.put(F + "/concurrency", json={"reservedConcurrency": 5})
    await door.post(F + "/invoke/disable", json={"reason": "r"})
    await door.put(F + "/concurrency", json={"reservedConcurrency": 6})
    assert door.engine.functions.control("f").disabled == "r"
    await door.post(F + "/invoke/enable")
    await door.post(F + "/invoke/disable")
    await door.delete(F + "/concurrency")
    control = door.engine.functions.control("f")
    assert control.limit is None and control.disabled == ""


# ---------------------------------------------------------------- on-demand maximum


async def test_the_on_demand_maximum_is_put_shown_listed_and_deleted(door: Any) -> None:
    path = S + "/on-demand-config"
    assert (await door.get(path)).error()[:2] == (404, "OnDemandConfigNotFound")
    shown = {"resource": "thence#s#LATEST#f", "maximumInstanceCount": 0}
    put = await door.put(path + "?qualifier=LATEST", json={"maximumInstanceCount": 0})
    assert put.json == shown and (await door.get(path)).json == shown
    old = await door.put(OLD + "/on-demand-config", json={"MaximumInstanceCount": 0})
    assert old.json == shown
    everywhere = "/2021-04-06/on-demand-configs"
    assert (await door.get(everywhere)).json == {"configs": [shown]}
    assert (await door.get(everywhere + "?prefix=thence%23s")).json["configs"] == [shown]
    assert (await door.get(everywhere + "?prefix=x")).json["configs"] == []
    assert (await door.get(everywhere + "?startKey=u")).json["configs"] == []
    assert (await door.delete(path)).status == 204
    assert (await door.delete(path)).error()[1] == "OnDemandConfigNotFound"


async def test_zero_instances_stop_every_call(door: Any) -> None:
    await door.put(S + "/on-demand-config", json={"maximumInstanceCount": 0})
    waiting = await accepted(door, S)
    await door.clock.advance(60)
    assert (await door.service.show(waiting)).attempt == 0
    assert (await door.post(S + "/invocations")).error()[:2] == (429, "ResourceExhausted")


async def test_a_maximum_of_an_alias_alone_is_refused(door: Any) -> None:
    await door.post("/2021-04-06/services/s/versions")
    body = {"aliasName": "prod", "versionId": "1"}
    await door.post("/2021-04-06/services/s/aliases", json=body)
    path = S + "/on-demand-config?qualifier=prod"
    refused = await door.put(path, json={"maximumInstanceCount": 1})
    assert refused.error()[1] == "InvalidArgument" and "name LATEST" in refused.error()[2]
    assert door.engine.functions.control("s$f").limit is None


async def test_a_maximum_may_be_changed_only_as_it_was_seen(door: Any) -> None:
    path = S + "/on-demand-config"
    seen = (await door.put(path, json={"maximumInstanceCount": 1})).headers["etag"]
    headers = {"if-match": seen}
    assert (await door.put(path, json={"maximumInstanceCount": 2}, headers=headers)).status == 200
    for answer in (
        await door.put(path, json={"maximumInstanceCount": 3}, headers=headers),
        await door.delete(path, headers=headers),
    ):
        assert answer.error()[:2] == (412, "PreconditionFailed")
    assert door.engine.functions.control("s$f").limit == 2


# ---------------------------------------------------------------- provisioned instances


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        (F + "/provision-config", {"target": 1}, "target: 1 cannot be kept"),
        (F + "/provision-config", {"defaultTarget": 2}, "defaultTarget: 2"),
        (F + "/provision-config", {"scheduledActions": [{}]}, "scheduledActions: 1 rules"),
        (F + "/scaling-config", {"minInstances": 1}, "minInstances: 1"),
        (F + "/scaling-config", {"residentPoolId": "p"}, "residentPoolId: 'p'"),
        (F + "/scaling-config", {"enableOnDemandScaling": False}, "enableOnDemandScaling"),
        (S + "/provision-config", {"targetTrackingPolicies": [{}]}, "targetTrackingPolicies"),
    ],
)
async def test_instances_kept_ready_are_refused(door: Any, path: str, body: Any, says: str) -> None:
    status, code, message = (await door.put(path, json=body)).error()
    assert (status, code) == (400, "InvalidArgument") and says in message, message


async def test_none_are_shown_and_none_may_be_asked_for(door: Any) -> None:
    path = F + "/provision-config"
    none = (await door.get(path + "?qualifier=LATEST")).json
    assert none["functionArn"] == "acs:fc:local:thence:functions/f"
    assert none["target"] == none["current"] == 0 and none["scheduledActions"] == []
    assert (await door.put(path, json={"target": 0})).json == none
    assert (await door.delete(path)).status == 204
    scaling = (await door.get(F + "/scaling-config")).json
    assert scaling["minInstances"] == 0 and scaling["horizontalScalingPolicies"] == []
    assert (await door.put(F + "/scaling-config", json={"minInstances": 0})).json == scaling
    assert (await door.delete(F + "/scaling-config")).status == 204
    assert (await door.get(S + "/provision-config")).json["resource"] == "thence#s#LATEST#f"
    for where, field in (
        ("/2023-03-30/provision-configs", "provisionConfigs"),
        ("/2021-04-06/provision-configs", "provisionConfigs"),
        ("/2023-03-30/scaling-configs", "scalingConfigs"),
    ):
        assert (await door.get(where)).json == {field: []}
    assert (await door.get(path + "?qualifier=9")).error()[1] == "VersionNotFound"
    missing = await door.get("/2023-03-30/functions/x/scaling-config")
    assert missing.error()[1] == "FunctionNotFound"


# ---------------------------------------------------------------- the switch


async def test_a_disabled_function_starts_nothing_until_it_is_enabled(door: Any) -> None:
    door.service.scripts.set("f", [Ok(seconds=10), "second"])
    await door.put(F + "/concurrency", json={"reservedConcurrency": 1})
    running, waiting = await accepted(door, F), await accepted(door, F)
    off = await door.post(F + "/invoke/disable", json={"reason": "broken"})
    assert off.status == 200 and off.json == {"success": True}
    assert (await door.post(F + "/invocations")).status >= 400
    await door.clock.advance(60)
    assert (await door.service.show(running)).ended_at is not None  # what ran went on
    assert (await door.service.show(waiting)).state == "queued"
    on = await door.post(F + "/invoke/enable")
    assert on.json == {"success": True}
    await door.service.settle()
    assert (await door.service.show(waiting)).state == "succeeded"


async def test_disabling_may_abort_what_runs(door: Any) -> None:
    door.service.scripts.set("f", [Forever()])
    running = await accepted(door, F)
    await door.post(F + "/invoke/disable", json={"abortOngoingRequest": True, "reason": "r"})
    await door.clock.advance(1)
    assert (await door.service.show(running)).state == "stopped"


async def test_the_function_shows_that_it_is_disabled(door: Any) -> None:
    await door.post(F + "/invoke/disable", json={"reason": "broken"})
    shown = (await door.get(F)).json["invocationRestriction"]
    assert shown["disable"] is True and shown["reason"] == "broken"
    await door.post(F + "/invoke/enable")
    assert (await door.get(F)).json["invocationRestriction"]["disable"] is False


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"reason": "r" * 1025}, "reason"),
        ({"abortOngoingRequest": "x"}, "abortOngoingRequest: 'x'"),
        ({"why": "x"}, "why: there is no such field"),
    ],
)
async def test_a_wrong_request_disables_nothing(door: Any, body: Any, says: str) -> None:
    status, code, message = (await door.post(F + "/invoke/disable", json=body)).error()
    assert (status, code) == (400, "InvalidArgument") and says in message
    assert door.engine.functions.control("f").disabled is None
    for word in ("disable", "enable"):
        missing = await door.post(f"/2023-03-30/functions/x/invoke/{word}")
        assert missing.error()[:2] == (404, "FunctionNotFound")


async def test_the_age_of_an_event_goes_on_while_its_function_is_disabled(door: Any) -> None:
    door.service.scripts.set("f", [Forever(), "second"])
    await door.put(F + "/async-invoke-config", json={"maxAsyncEventAgeInSeconds": 30})
    await door.put(F + "/concurrency", json={"reservedConcurrency": 1})
    await accepted(door, F)
    waiting = await accepted(door, F)
    await door.post(F + "/invoke/disable")
    await door.clock.advance(31)
    assert (await door.service.show(waiting)).state == "expired"
