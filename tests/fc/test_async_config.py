"""Asynchronous configuration in all three generations: its shape, and that it counts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from thence.catalog.async_config import AsyncConfig
from thence.testing.answers import Error, Forever

V3 = "/2023-03-30/functions/f/async-invoke-config"
LIST = "/2023-03-30/async-invoke-configs"
V2 = "/2021-04-06/services/s/functions/f/async-invoke-config"
OLD = "/2016-08-15/services/s.LATEST/functions/f/async-invoke-config"
QUEUE = "acs:mns:::/queues/q/messages"
FAILED = {"destinationConfig": {"onFailure": {"destination": QUEUE}}}


@pytest.fixture
async def door(door: Any) -> Any:
    await door.service.function("f", answers=["ok"])
    await door.service.function("s$f", answers=["ok"])
    return door


# ---------------------------------------------------------------- shape


async def test_a_configuration_is_put_shown_listed_and_deleted(door: Any) -> None:
    body = {
        "asyncTask": True,
        "destinationConfig": {
            "onFailure": {"destination": "acs:mq:local::/instances/i/topic/t"},
            "onSuccess": {"destination": "acs:eventbridge::thence:eventbus/bus"},
        },
        "maxAsyncEventAgeInSeconds": 3600,
        "maxAsyncRetryAttempts": 0,
    }
    answer = await door.put(V3 + "?qualifier=LATEST", json=body)
    assert answer.status == 200, answer.body
    found = answer.json
    assert {key: found[key] for key in body} == body  # ARNs as they were written
    assert found["functionArn"] == "acs:fc:local:thence:functions/f"
    assert found["createdTime"] == found["lastModifiedTime"] == "2026-01-01T00:00:00Z"
    got = await door.get(V3)
    assert got.json == found and got.headers["etag"]
    assert (await door.get(LIST)).json == {"configs": [found]}
    assert (await door.get(LIST + "?functionName=f&limit=20")).json == {"configs": [found]}
    assert (await door.get(LIST + "?functionName=other")).json == {"configs": []}
    deleted = await door.delete(V3)
    assert (deleted.status, deleted.body) == (204, b"")
    for answer in (await door.get(V3), await door.delete(V3)):
        assert answer.error()[:2] == (404, "AsyncConfigNotExists")
        assert "'LATEST'" in answer.error()[2]


async def test_a_change_of_a_state_that_is_over_is_refused(door: Any) -> None:
    reserved = "/2023-03-30/functions/f/concurrency"
    for path, field in ((V3, "maxAsyncRetryAttempts"), (reserved, "reservedConcurrency")):
        old = {"if-match": (await door.put(path, json={field: 1})).headers["etag"]}
        assert (await door.put(path, json={field: 2}, headers=old)).status == 200
        for refused in (
            await door.put(path, json={field: 3}, headers=old),
            await door.delete(path, headers=old),
        ):
            assert refused.error()[:2] == (412, "PreconditionFailed")
        got = await door.get(path)
        assert got.json[field] == 2
        now = {"if-match": got.headers["etag"]}
        assert (await door.delete(path, headers=now)).status == 204


async def test_a_put_replaces_the_whole_and_what_it_leaves_out_has_the_default(door: Any) -> None:
    await door.put(V3, json={"maxAsyncRetryAttempts": 8, "asyncTask": True, **FAILED})
    await door.clock.advance(5)
    answer = await door.put(V3, json={"maxAsyncEventAgeInSeconds": 2592000})
    found = answer.json
    assert found["maxAsyncRetryAttempts"] == 3 and found["asyncTask"] is False
    assert found["destinationConfig"] == {} and found["maxAsyncEventAgeInSeconds"] == 2592000
    assert found["createdTime"] == "2026-01-01T00:00:00Z"
    assert found["lastModifiedTime"] == "2026-01-01T00:00:05Z"
    assert (await door.put(V3)).json["maxAsyncEventAgeInSeconds"] == 86400


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"destinationConfig": {}},
        {"destinationConfig": None},
        {"destinationConfig": {"onSuccess": None, "onFailure": {}}},
        {"destinationConfig": {"onSuccess": {"destination": ""}}},
        {"destinationConfig": {"onSuccess": {"destination": None}}},
    ],
)
async def test_no_destination_can_be_written_in_many_ways(door: Any, config: Any) -> None:
    assert (await door.put(V3, json=config)).json["destinationConfig"] == {}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"maxAsyncRetryAttempts": 9}, "maxAsyncRetryAttempts: 9 is not valid"),
        ({"maxAsyncRetryAttempts": -1}, "at least 0 and at most 8"),
        ({"maxAsyncRetryAttempts": "1"}, "maxAsyncRetryAttempts: '1'"),
        ({"maxAsyncEventAgeInSeconds": 0}, "at least 1 and at most 2592000"),
        ({"maxAsyncEventAgeInSeconds": 2592001}, "maxAsyncEventAgeInSeconds: 2592001"),
        ({"asyncTask": "yes"}, "asyncTask: 'yes'"),
        ({"statefulInvocation": True}, "statefulInvocation: there is no such field"),
        ({"retries": 1}, "retries: there is no such field"),
        ({"destinationConfig": []}, "destinationConfig"),
        ({"destinationConfig": {"onSuccess": "x"}}, "destinationConfig.onSuccess"),
        (
            {"destinationConfig": {"onSuccess": {"destination": "queue:q"}}},
            "destinationConfig.onSuccess.destination: 'queue:q' is not an ARN",
        ),
        (
            {"destinationConfig": {"onFailure": {"destination": "acs:mns:x::/queues/q/messages"}}},
            "destinationConfig.onFailure.destination: the region 'x' is not this service's",
        ),
    ],
)
async def test_a_mistake_is_named_and_nothing_is_saved(door: Any, body: Any, says: str) -> None:
    status, code, message = (await door.put(V3, json=body)).error()
    assert (status, code) == (400, "InvalidArgument") and says in message, message
    assert (await door.get(V3)).status == 404


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/2023-03-30/functions/x/async-invoke-config", "FunctionNotFound"),
        (V3 + "?qualifier=7", "VersionNotFound"),
        (V3 + "?qualifier=prod", "AliasNotFound"),
        ("/2021-04-06/services/x/functions/f/async-invoke-config", "ServiceNotFound"),
        ("/2016-08-15/services/s.prod/functions/f/async-invoke-config", "AliasNotFound"),
    ],
)
async def test_what_it_is_for_must_be_there(door: Any, path: str, code: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await door.request(method, path, json={} if method == "PUT" else None)
        assert answer.error()[:2] == (404, code), answer.body


async def test_fc_2_shows_service_function_and_qualifier(door: Any) -> None:
    body = {"statefulInvocation": True, "maxAsyncRetryAttempts": 2, **FAILED}
    found = (await door.put(V2 + "?qualifier=LATEST", json=body)).json
    assert {key: found[key] for key in body} == body
    assert (found["service"], found["function"], found["qualifier"]) == ("s", "f", "LATEST")
    assert "functionArn" not in found and "asyncTask" not in found
    assert (await door.get(V2)).json == (await door.get(OLD)).json == found
    assert (await door.get(V2 + "s?limit=20")).json == {"configs": [found]}
    assert (await door.get(LIST)).json == {"configs": []}  # FC 3.0 knows no services
    refused = await door.put(V2, json={"asyncTask": True})
    assert refused.error()[2].startswith("asyncTask: there is no such field")


async def test_the_oldest_generation_takes_keys_in_any_case_and_answers_in_camel_case(
    door: Any,
) -> None:
    body = {
        "DestinationConfig": {"OnSuccess": {"Destination": QUEUE}},
        "MaxAsyncEventAgeInSeconds": 60,
        "MaxAsyncRetryAttempts": 1,
    }
    found = (await door.put(OLD, json=body)).json
    assert found["destinationConfig"] == {"onSuccess": {"destination": QUEUE}}
    assert found["maxAsyncEventAgeInSeconds"] == 60 and found["maxAsyncRetryAttempts"] == 1
    listed = await door.get(OLD.replace(".LATEST", "") + "s?limit=5")
    assert listed.json == {"configs": [found], "nextToken": ""}
    refused = await door.put(OLD, json={"MaxAsyncRetryAttempts": 9})
    assert refused.error()[2].startswith("maxAsyncRetryAttempts: 9 is not valid")
    assert (await door.delete(OLD)).status == 204


async def test_the_list_goes_over_all_functions_in_pages(door: Any) -> None:
    await door.engine.functions.publish_version("f")
    for name in ("g", "h"):
        await door.service.function(name)
        await door.put(V3.replace("/f/", f"/{name}/"), json={})
    for qualifier in ("LATEST", "1"):
        await door.put(f"{V3}?qualifier={qualifier}", json={})
    seen, token = [], ""
    for _ in range(4):
        page = (await door.get(f"{LIST}?limit=1&nextToken={token}")).json
        seen += [config["functionArn"].partition("functions/")[2] for config in page["configs"]]
        token = page.get("nextToken", "")
        if not token:
            break
    assert seen == ["f/1", "f", "g", "h"] and not token
    for wrong in ("%21", "eyJhIjoxfQ", "WzFd", "WyJhIl0"):
        refused = await door.get(f"{LIST}?nextToken={wrong}")
        assert refused.error()[:2] == (400, "InvalidArgument")
    assert (await door.get(LIST + "?limit=101")).error()[1] == "InvalidArgument"


async def test_what_another_door_configured_is_shown_with_its_arns(door: Any) -> None:
    config = AsyncConfig(max_retries=5, on_success="queue:done", on_failure="https://example.com/x")
    await door.engine.functions.put_async_config("f", "latest", config)
    assert (await door.get(V3)).json["destinationConfig"] == {
        "onSuccess": {"destination": "acs:mns:local:thence:/queues/done/messages"},
        "onFailure": {"destination": "https://example.com/x"},
    }


# ---------------------------------------------------------------- function destinations


def to(arn: str) -> dict[str, Any]:
    return {"destinationConfig": {"onSuccess": {"destination": arn}}}


@pytest.mark.parametrize(
    ("arn", "code", "says"),
    [
        ("acs:fc:::functions/nobody", "FunctionNotFound", "function 'nobody' does not exist"),
        ("acs:fc:::services/s.LATEST/functions/x", "FunctionNotFound", "function 's/x'"),
        ("acs:fc:::functions/g/9", "VersionNotFound", "version '9' of function 'g'"),
        ("acs:fc:::functions/g/prod", "AliasNotFound", "alias 'prod' of function 'g'"),
    ],
)
async def test_a_target_that_is_not_there_is_refused(
    door: Any, arn: str, code: str, says: str
) -> None:
    await door.service.function("g")
    status, found, message = (await door.put(V3, json=to(arn))).error()
    assert (status, found) == (404, code)
    assert message.startswith("destinationConfig.onSuccess.destination: ") and says in message


async def test_a_cycle_is_refused_and_spelled(door: Any) -> None:
    await door.service.function("g")
    assert (await door.put(V3.replace("/f/", "/g/"), json=to("acs:fc:::functions/f"))).status == 200
    status, code, message = (await door.put(V3, json=to("acs:fc:::functions/g"))).error()
    assert (status, code) == (400, "InvalidArgument") and "f -> g -> f" in message
    assert message.startswith("destinationConfig.onSuccess: ")
    failure = {"onFailure": {"destination": "acs:fc:::functions/g"}}
    refused = await door.put(V3, json={"destinationConfig": failure})
    assert refused.error()[2].startswith("destinationConfig.onFailure: these destinations form")
    itself = await door.put(V2, json=to("acs:fc:::services/s.LATEST/functions/f"))
    assert "s/f -> s/f" in itself.error()[2]


# ---------------------------------------------------------------- that it counts

INVOKE = "/2023-03-30/functions/f/invocations"
ASYNC = {"x-fc-invocation-type": "Async"}


async def call(door: Any, path: str = INVOKE, data: bytes = b'{"n":1}') -> str:
    answer = await door.post(path, data=data, headers=ASYNC)
    assert answer.status == 202, answer.body
    return str(answer.headers["x-fc-request-id"])


async def test_zero_retries_are_zero_and_the_record_is_delivered(door: Any) -> None:
    door.service.scripts.set("f", [Error("no", "ValueError")])
    await door.put(V3, json={"maxAsyncRetryAttempts": 0, **FAILED})
    id = await call(door)
    await door.clock.advance(3600)
    view = await door.service.show(id)
    assert (view.state, view.attempt) == ("failed", 1)
    [record] = await door.service.mail("queue:q")
    assert record["requestContext"]["requestId"] == id
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["requestContext"]["condition"] == "UnhandledInvocationError"
    assert record["requestPayload"] == '{"n":1}'
    assert record["responseContext"]["functionError"] == "UnhandledInvocationError"


async def test_the_default_is_three_retries(door: Any) -> None:
    door.service.scripts.set("f", [Error()])
    await door.put(V3, json={})
    id = await call(door)
    await door.clock.advance(3600)
    assert (await door.service.show(id)).attempt == 4


async def test_the_configuration_of_the_qualifier_that_was_called_counts(door: Any) -> None:
    door.service.scripts.set("f", [Error()])
    await door.post("/2023-03-30/functions/f/versions", json={})
    await door.post("/2023-03-30/functions/f/aliases", json={"aliasName": "prod", "versionId": "1"})
    await door.put(V3, json={"maxAsyncRetryAttempts": 0})
    await door.put(V3 + "?qualifier=1", json={"maxAsyncRetryAttempts": 1})
    await door.put(V3 + "?qualifier=prod", json={"maxAsyncRetryAttempts": 2, **FAILED})
    ids = [await call(door, INVOKE + query) for query in ("", "?qualifier=1", "?qualifier=prod")]
    await door.clock.advance(3600)
    assert [(await door.service.show(id)).attempt for id in ids] == [1, 2, 3]
    [record] = await door.service.mail("queue:q")
    assert record["requestContext"]["functionArn"] == "acs:fc:::functions/f/prod"


async def test_an_event_too_old_is_not_run_and_goes_to_the_failure_destination(door: Any) -> None:
    await door.service.function("f", concurrency=1, answers=[Forever(), "late"])
    await door.put(V3, json={"maxAsyncEventAgeInSeconds": 30, **FAILED})
    await call(door)
    waiting = await call(door)
    await door.clock.advance(31)
    assert (await door.service.show(waiting)).state == "expired"
    [record] = await door.service.mail("queue:q")
    assert record["requestContext"]["requestId"] == waiting


async def test_a_stopped_invocation_notifies_too(door: Any) -> None:
    door.service.scripts.set("f", [Forever()])
    await door.put(V3, json=FAILED)
    id = await call(door)
    await door.service.settle()
    await door.service.stop(id)
    await door.clock.advance(1)
    [record] = await door.service.mail("queue:q")
    assert record["requestContext"]["requestId"] == id


@pytest.mark.parametrize(
    ("arn", "box"),
    [
        ("acs:mns:::/queues/q/messages", "queue:q"),
        ("acs:mns:::/topics/t/messages", "topic:t"),
        ("acs:mq:::/instances/i/topic/t", "topic:i.t"),
    ],
)
async def test_boxes_get_the_object(door: Any, arn: str, box: str) -> None:
    await door.put(V3, json=to(arn))
    id = await call(door)
    await door.clock.advance(1)
    [record] = await door.service.mail(box)
    assert record["requestContext"] == {
        "requestId": id,
        "functionArn": "acs:fc:::functions/f",
        "condition": "",
        "approximateInvokeCount": 1,
    }
    assert record["responsePayload"] == '"ok"'


async def test_a_bus_gets_a_cloudevent_with_its_name(door: Any) -> None:
    await door.put(V3, json=to("acs:eventbridge:::eventbus/bus"))
    id = await call(door)
    await door.clock.advance(1)
    [event] = await door.service.mail("stream:bus")
    assert event["specversion"] == "1.0" and event["type"] == "fc:AsyncInvoke:succeeded"
    assert event["aliyuneventbusname"] == "bus"
    assert event["data"]["requestContext"]["requestId"] == id


async def test_a_function_gets_the_object_as_its_event_at_its_qualifier(door: Any) -> None:
    await door.service.function("s$after", answers=["seen"])
    await door.engine.functions.publish_version("s$after")
    await door.put(V3, json=to("acs:fc:::services/s.1/functions/after"))
    id = await call(door)
    await door.clock.advance(1)
    [start] = [item for item in door.service.scripts.starts if item.function == "s$after"]
    assert msgspec.json.decode(start.payload)["requestContext"]["requestId"] == id


async def test_a_record_over_the_limit_of_its_destination_is_recorded_not_sent(door: Any) -> None:
    await door.put(V3, json=to(QUEUE))
    id = await call(door, data=b"x" * (64 * 1024))
    await door.clock.advance(3600)
    assert await door.service.mail("queue:q") == []
    [delivery] = (await door.service.show(id)).deliveries
    assert (delivery.state, delivery.reason) == ("dead", "rejected"), delivery
    assert "takes at most 65536" in (delivery.attempts[-1].error or "")
