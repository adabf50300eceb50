"""`alibabacloud_fc20230330` against the service, from the creation of a function to its deletion."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from darabonba.runtime import RuntimeOptions

from conftest import ACCOUNT, KEY_ID, REGION, SERVICE, config, mailbox, until, zipped

FINAL = {"Succeeded", "Failed", "Stopped", "Expired", "Invalid"}


@pytest.fixture(scope="module")
def name(fc3: Client) -> Any:
    name = f"sdk3-{uuid.uuid4().hex[:8]}"
    made = fc3.create_function(
        models.CreateFunctionRequest(
            body=models.CreateFunctionInput(
                function_name=name,
                runtime="python3.10",
                handler="index.handler",
                code=models.InputCodeLocation(zip_file=zipped()),
                cpu=0.1,
                memory_size=128,
                disk_size=512,
                timeout=60,
                description="sdk test",
                environment_variables={"SMOKE": "1"},
            )
        )
    ).body
    assert (made.function_name, made.runtime, made.handler) == (name, "python3.10", "index.handler")
    yield name
    fc3.delete_function(name)
    with pytest.raises(ClientException) as refused:
        fc3.get_function(name, models.GetFunctionRequest())
    assert refused.value.code == "FunctionNotFound"
    assert refused.value.status_code == 404


def invoke(
    client: Client, name: str, body: bytes, qualifier: str | None = None, **headers: str
) -> Any:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    modelled = models.InvokeFunctionHeaders(
        x_fc_invocation_type=named.pop("type", None),
        x_fc_log_type=named.pop("log", None),
        x_fc_async_task_id=named.pop("task", None),
        common_headers=named or None,
    )
    return client.invoke_function_with_options(
        name,
        models.InvokeFunctionRequest(body=body, qualifier=qualifier),
        modelled,
        RuntimeOptions(read_timeout=60_000),
    )


def task(client: Client, name: str, id: str, qualifier: str | None = None) -> Any:
    return client.get_async_task(name, id, models.GetAsyncTaskRequest(qualifier=qualifier)).body


def ended(client: Client, name: str, id: str) -> Any:
    return until(lambda: task(client, name, id), lambda answer: answer.status in FINAL)


def put_config(client: Client, name: str, qualifier: str | None = None, **body: Any) -> Any:
    return client.put_async_invoke_config(
        name,
        models.PutAsyncInvokeConfigRequest(
            body=models.PutAsyncInvokeConfigInput().from_map(body), qualifier=qualifier
        ),
    ).body


def told(queue: str, request_id: str) -> list[Any]:
    """The records of that call in a queue of the mailbox."""
    return [
        entry
        for entry in mailbox("queue", queue)
        if entry["requestContext"]["requestId"] == request_id
    ]


def test_a_function_is_shown_as_it_was_created(fc3: Client, name: str) -> None:
    shown = fc3.get_function(name, models.GetFunctionRequest()).body
    assert shown.environment_variables == {"SMOKE": "1"}
    assert (shown.timeout, shown.memory_size, shown.cpu, shown.disk_size) == (60, 128, 0.1, 512)
    assert shown.function_arn == f"acs:fc:{REGION}:{ACCOUNT}:functions/{name}"
    assert shown.code_checksum.isdecimal() and shown.code_size > 0
    listed = fc3.list_functions(models.ListFunctionsRequest(prefix=name, limit=5)).body
    assert [function.function_name for function in listed.functions] == [name]
    code = fc3.get_function_code(name, models.GetFunctionCodeRequest()).body
    assert code.checksum == shown.code_checksum and code.url.startswith("http")


def test_a_synchronous_call_answers_the_functions_bytes(fc3: Client, name: str) -> None:
    answer = invoke(fc3, name, b"plain \xff bytes", type="Sync")
    assert answer.status_code == 200
    assert answer.body.read() == b"plain \xff bytes"
    assert answer.headers["x-fc-request-id"]


def test_a_synchronous_call_brings_the_end_of_the_log(fc3: Client, name: str) -> None:
    answer = invoke(fc3, name, b'{"a": 1}', type="Sync", log="Tail")
    log = base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    assert "asked ['a']" in log and "FC Invoke Start RequestId" in log
    assert float(answer.headers["x-fc-invocation-duration"]) >= 0
    assert float(answer.headers["x-fc-max-memory-usage"]) > 1


def test_the_context_is_the_vendors(fc3: Client, name: str) -> None:
    told = json.loads(invoke(fc3, name, b'{"tell": 1}').body.read())
    assert told.pop("request_id")
    assert told == {
        "function": name, "account": ACCOUNT, "region": REGION, "retry_count": 0, "bytes": True,
    }  # fmt: skip


def test_a_function_error_is_200_with_its_json(fc3: Client, name: str) -> None:
    answer = invoke(fc3, name, b'{"fail": "disk is full"}', type="Sync")
    assert answer.status_code == 200
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    body = json.loads(answer.body.read())
    assert (body["errorMessage"], body["errorType"]) == ("disk is full", "ValueError")
    assert body["stackTrace"]


def test_an_asynchronous_call_without_task_mode_has_no_task(fc3: Client, name: str) -> None:
    answer = invoke(fc3, name, b"{}", type="Async")
    assert answer.status_code == 202
    assert answer.headers["x-fc-request-id"]
    with pytest.raises(ClientException) as refused:
        task(fc3, name, answer.headers["x-fc-request-id"])
    assert refused.value.code == "AsyncTaskNotFound"


def test_the_asynchronous_configuration_is_kept_as_it_was_put(fc3: Client, name: str) -> None:
    put = put_config(
        fc3,
        name,
        "LATEST",
        asyncTask=True,
        maxAsyncRetryAttempts=0,
        maxAsyncEventAgeInSeconds=3600,
        destinationConfig={
            "onSuccess": {"destination": f"acs:mns:{REGION}:{ACCOUNT}:/queues/{name}-ok/messages"},
            "onFailure": {"destination": f"acs:mns:::/queues/{name}-bad/messages"},
        },
    )
    got = fc3.get_async_invoke_config(
        name, models.GetAsyncInvokeConfigRequest(qualifier="LATEST")
    ).body
    assert put.to_map() == got.to_map()
    assert got.max_async_retry_attempts == 0 and got.async_task is True
    assert got.destination_config.on_failure.destination.startswith("acs:mns:::")
    listed = fc3.list_async_invoke_configs(
        models.ListAsyncInvokeConfigsRequest(function_name=name, limit=20)
    ).body
    assert [item.function_arn for item in listed.configs] == [got.function_arn]


def test_a_task_is_there_at_once_and_its_success_is_told(fc3: Client, name: str) -> None:
    test_the_asynchronous_configuration_is_kept_as_it_was_put(fc3, name)
    answer = invoke(fc3, name, b'{"k": 1}', type="Async", task="task-1")
    assert answer.status_code == 202 and answer.headers["x-fc-async-task-id"] == "task-1"
    assert task(fc3, name, "task-1").request_id == answer.headers["x-fc-request-id"]
    done = ended(fc3, name, "task-1")
    assert (done.status, done.task_payload, done.return_payload) == (
        "Succeeded",
        '{"k": 1}',
        '{"k": 1}',
    )
    assert next(event.status for event in done.events) == "Enqueued"
    # A call of an earlier test that ends only now is told there as well.
    [record] = until(lambda: told(f"{name}-ok", done.request_id), bool)
    assert list(record) == [
        "timestamp", "requestContext", "requestPayload", "responseContext", "responsePayload",
    ]  # fmt: skip
    assert (record["requestPayload"], record["responsePayload"]) == ('{"k": 1}', '{"k": 1}')
    until(lambda: task(fc3, name, "task-1"), lambda item: item.destination_status == "Succeeded")


def test_a_second_task_of_the_same_id_is_refused(fc3: Client, name: str) -> None:
    invoke(fc3, name, b"{}", type="Async", task="task-twice")
    with pytest.raises(ClientException) as refused:
        invoke(fc3, name, b"{}", type="Async", task="task-twice")
    assert (refused.value.status_code, refused.value.code) == (409, "AsyncTaskAlreadyExists")


def test_a_failed_task_says_why_and_its_failure_is_told(fc3: Client, name: str) -> None:
    invoke(fc3, name, b'{"fail": "no"}', type="Async", task="task-fails")
    done = ended(fc3, name, "task-fails")
    assert (done.status, done.already_retried_times) == ("Failed", 0)
    record = until(lambda: mailbox("queue", f"{name}-bad"), bool)[0]
    assert record["requestContext"]["condition"] == "UnhandledInvocationError"
    assert json.loads(record["responsePayload"])["errorMessage"] == "no"


def test_a_running_task_is_stopped(fc3: Client, name: str) -> None:
    invoke(fc3, name, b'{"sleep": 50}', type="Async", task="task-long")
    until(lambda: task(fc3, name, "task-long"), lambda answer: answer.status == "Running")
    fc3.stop_async_task(name, "task-long", models.StopAsyncTaskRequest())
    assert ended(fc3, name, "task-long").status == "Stopped"
    with pytest.raises(ClientException) as refused:
        fc3.stop_async_task(name, "task-long", models.StopAsyncTaskRequest())
    assert refused.value.code == "InvalidArgument"


def test_a_delayed_task_waits_and_can_be_stopped(fc3: Client, name: str) -> None:
    invoke(fc3, name, b"{}", type="Async", task="task-later", x_fc_async_delay="600")
    assert task(fc3, name, "task-later").status == "Enqueued"
    fc3.stop_async_task(name, "task-later", models.StopAsyncTaskRequest())
    assert task(fc3, name, "task-later").status == "Stopped"


def test_tasks_are_listed_by_every_filter(fc3: Client, name: str) -> None:
    def listed(**filter: Any) -> list[str]:
        found: list[str] = []
        token = None
        while True:
            page = fc3.list_async_tasks(
                name, models.ListAsyncTasksRequest(next_token=token, **filter)
            ).body
            found += [item.task_id for item in page.tasks]
            token = page.next_token
            if not token:
                return found

    now = int(time.time() * 1000)
    for number in range(5):
        invoke(fc3, name, b"{}", type="Async", task=f"list-{number}")
        ended(fc3, name, f"list-{number}")
    names = [f"list-{number}" for number in range(5)]
    assert listed(prefix="list-", sort_order_by_time="asc", limit=2) == names
    assert listed(prefix="list-", sort_order_by_time="desc") == names[::-1]
    assert listed(prefix="list-", status="Failed") == []
    assert listed(prefix="list-", status="Succeeded", qualifier="LATEST", limit=100) == names[::-1]
    assert listed(prefix="list-", started_time_begin=now - 60_000, started_time_end=now + 60_000)
    assert listed(prefix="list-", started_time_end=now - 3_600_000) == []
    with_payload = fc3.list_async_tasks(
        name, models.ListAsyncTasksRequest(prefix="list-", include_payload=True)
    ).body
    assert {item.task_payload for item in with_payload.tasks} == {"{}"}


def test_versions_and_aliases_with_weights(fc3: Client, name: str) -> None:
    one = fc3.publish_function_version(
        name, models.PublishFunctionVersionRequest(body=models.PublishVersionInput(description="a"))
    ).body.version_id
    fc3.update_function(
        name,
        models.UpdateFunctionRequest(
            body=models.UpdateFunctionInput(environment_variables={"V": "2"})
        ),
    )
    two = fc3.publish_function_version(
        name, models.PublishFunctionVersionRequest(body=models.PublishVersionInput(description="b"))
    ).body.version_id
    assert (one, two) == ("1", "2")
    newest = fc3.list_function_versions(name, models.ListFunctionVersionsRequest(limit=1)).body
    assert [v.version_id for v in newest.versions] == ["2"]
    alias = fc3.create_alias(
        name,
        models.CreateAliasRequest(
            body=models.CreateAliasInput(
                alias_name="prod", version_id=one, additional_version_weight={two: 0.1}
            )
        ),
    ).body
    assert alias.additional_version_weight == {"2": 0.1}
    assert invoke(fc3, name, b"via alias", qualifier="prod").body.read() == b"via alias"
    put_config(fc3, name, "prod", asyncTask=True, maxAsyncRetryAttempts=8)
    config_ = fc3.get_async_invoke_config(
        name, models.GetAsyncInvokeConfigRequest(qualifier="prod")
    ).body
    assert config_.function_arn.split("/")[2] == "prod"
    invoke(fc3, name, b"{}", qualifier="prod", type="Async", task="by-alias")
    assert task(fc3, name, "by-alias", "prod").qualifier == "prod"
    fc3.update_alias(
        name, "prod", models.UpdateAliasRequest(body=models.UpdateAliasInput(version_id=two))
    )
    assert fc3.get_alias(name, "prod").body.version_id == two
    assert [a.alias_name for a in fc3.list_aliases(name, models.ListAliasesRequest()).body.aliases]
    fc3.delete_alias(name, "prod")
    with pytest.raises(ClientException) as refused:
        invoke(fc3, name, b"{}", qualifier="prod")
    assert refused.value.status_code == 404
    fc3.delete_function_version(name, one)


def test_concurrency_is_reserved_and_limits(fc3: Client, name: str) -> None:
    put = fc3.put_concurrency_config(
        name,
        models.PutConcurrencyConfigRequest(body=models.PutConcurrencyInput(reserved_concurrency=5)),
    ).body
    assert put.reserved_concurrency == 5
    assert fc3.get_concurrency_config(name).body.reserved_concurrency == 5
    listed = fc3.list_concurrency_configs(models.ListConcurrencyConfigsRequest()).body
    assert put.function_arn in [item.function_arn for item in listed.configs]
    fc3.delete_concurrency_config(name)


def test_a_disabled_function_takes_no_calls(fc3: Client, name: str) -> None:
    fc3.disable_function_invocation(
        name, models.DisableFunctionInvocationRequest(reason="upkeep", abort_ongoing_request=False)
    )
    shown = fc3.get_function(name, models.GetFunctionRequest()).body
    assert shown.invocation_restriction.disable is True
    assert shown.invocation_restriction.reason == "upkeep"
    with pytest.raises(ClientException):
        invoke(fc3, name, b"{}")
    fc3.enable_function_invocation(name)
    assert invoke(fc3, name, b"again").body.read() == b"again"


def test_tags(fc3: Client, name: str) -> None:
    arn = fc3.get_function(name, models.GetFunctionRequest()).body.function_arn
    fc3.tag_resources(
        models.TagResourcesRequest(
            body=models.TagResourcesInput(
                resource_id=[arn], resource_type="function", tag=[models.Tag(key="team", value="a")]
            )
        )
    )
    found = fc3.list_tag_resources(
        models.ListTagResourcesRequest(resource_id=[arn], resource_type="function")
    ).body
    assert [(resource.tag_key, resource.tag_value) for resource in found.tag_resources] == [
        ("team", "a")
    ]
    fc3.untag_resources(
        models.UntagResourcesRequest(resource_id=[arn], resource_type="function", tag_key=["team"])
    )


def test_a_trigger_that_cannot_fire_is_refused(fc3: Client, name: str) -> None:
    with pytest.raises(ClientException) as refused:
        fc3.create_trigger(
            name,
            models.CreateTriggerRequest(
                body=models.CreateTriggerInput(
                    trigger_name="t", trigger_type="timer", qualifier="LATEST",
                    trigger_config='{"cronExpression":"@every 4m","enable":true,"payload":"p"}',
                )
            ),
        )  # fmt: skip
    assert refused.value.code == "InvalidArgument"
    assert fc3.list_triggers(name, models.ListTriggersRequest()).body.triggers == []


def test_too_large_a_payload_is_refused(fc3: Client, name: str) -> None:
    with pytest.raises(ClientException) as refused:
        invoke(fc3, name, b"x" * (128 * 1024 + 1), type="Async")
    assert (refused.value.status_code, refused.value.code) == (400, "EntityTooLarge")
    assert "131072 bytes" in str(refused.value)


def test_wrong_secrets_and_unknown_keys_are_refused(name: str) -> None:
    wrong = config()
    wrong.access_key_secret = "wrong"
    with pytest.raises(ClientException) as refused:
        Client(wrong).get_function(name, models.GetFunctionRequest())
    assert (refused.value.status_code, refused.value.code) == (403, "SignatureNotMatch")
    unknown = config()
    unknown.access_key_id = "nobody"
    with pytest.raises(ClientException) as refused:
        Client(unknown).get_function(name, models.GetFunctionRequest())
    assert refused.value.code == "InvalidAccessKeyID" and "nobody" in str(refused.value)


def test_the_other_forms_of_the_endpoint_work(name: str) -> None:
    other = config()
    other.endpoint, other.protocol = f"http://{SERVICE}", None
    assert Client(other).get_function(name, models.GetFunctionRequest()).body.function_name == name
    assert KEY_ID
