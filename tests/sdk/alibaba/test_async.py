"""The `_async` methods of both OpenAPI clients. aiohttp adds a content type and a length to their
requests after they are signed, also to those without a body."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Coroutine
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc20230330.client import Client as Fc3Client
from alibabacloud_fc_open20210406 import models as models2
from alibabacloud_fc_open20210406.client import Client as Fc2Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_util.models import RuntimeOptions

from conftest import config, until, zipped

FINAL = {"Succeeded", "Failed", "Stopped", "Expired", "Invalid"}
BINARY = bytes(range(256))
runtime = RuntimeOptions(read_timeout=60_000)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """In a loop of its own, as a script would."""
    return asyncio.run(work)


# ---------------------------------------------------------------- FC 3.0


@pytest.fixture(scope="module")
def name(fc3: Fc3Client) -> Any:
    name = f"async3-{uuid.uuid4().hex[:8]}"
    body = models3.CreateFunctionInput(
        function_name=name,
        runtime="python3.10",
        handler="index.handler",
        code=models3.InputCodeLocation(zip_file=zipped()),
        memory_size=128,
        timeout=60,
    )
    run(fc3.create_function_async(models3.CreateFunctionRequest(body=body)))
    yield name
    run(fc3.delete_function_async(name))
    with pytest.raises(ClientException) as refused:
        run(fc3.get_function_async(name, models3.GetFunctionRequest()))
    assert refused.value.code == "FunctionNotFound"


def invoke3(client: Fc3Client, name: str, body: bytes | None, **headers: str) -> Any:
    """Status, headers and bytes of the answer."""
    qualifier = headers.pop("qualifier", None)
    modelled = models3.InvokeFunctionHeaders(
        x_fc_invocation_type=headers.pop("type", None),
        x_fc_log_type=headers.pop("log", None),
        x_fc_async_task_id=headers.pop("task", None),
        common_headers={key.replace("_", "-"): text for key, text in headers.items()} or None,
    )

    async def call() -> Any:
        answer = await client.invoke_function_with_options_async(
            name, models3.InvokeFunctionRequest(body=body, qualifier=qualifier), modelled, runtime
        )
        found = answer.body.read() if hasattr(answer.body, "read") else answer.body
        return answer.status_code, answer.headers, found

    return run(call())


def task3(client: Fc3Client, name: str, id: str) -> Any:
    return run(client.get_async_task_async(name, id, models3.GetAsyncTaskRequest())).body


def test_a_function_is_shown_listed_and_changed(fc3: Fc3Client, name: str) -> None:
    assert run(fc3.get_function_async(name, models3.GetFunctionRequest())).body.timeout == 60
    found = run(fc3.list_functions_async(models3.ListFunctionsRequest(prefix=name))).body
    assert [function.function_name for function in found.functions] == [name]
    body = models3.UpdateFunctionInput(description="é")
    changed = run(fc3.update_function_async(name, models3.UpdateFunctionRequest(body=body))).body
    assert changed.description == "é"


@pytest.mark.parametrize("body", [BINARY, b"", None], ids=["binary", "empty", "none"])
def test_a_synchronous_call_answers_the_functions_bytes(
    fc3: Fc3Client, name: str, body: bytes | None
) -> None:
    status, headers, found = invoke3(fc3, name, body, type="Sync", log="Tail")
    assert (status, bytes(found or b"")) == (200, body or b"")
    assert headers["x-fc-log-result"]


def test_a_task_of_every_option_is_put_shown_listed_and_stopped(fc3: Fc3Client, name: str) -> None:
    body = models3.PutAsyncInvokeConfigInput(async_task=True, max_async_retry_attempts=0)
    asked = models3.PutAsyncInvokeConfigRequest(body=body, qualifier="LATEST")
    put = run(fc3.put_async_invoke_config_async(name, asked)).body
    got = run(
        fc3.get_async_invoke_config_async(
            name, models3.GetAsyncInvokeConfigRequest(qualifier="LATEST")
        )
    ).body
    assert put.to_map() == got.to_map() and got.async_task is True
    status, headers, _ = invoke3(
        fc3, name, b'{"k": 1}', type="Async", log="None", task="t-1", x_fc_async_delay="1",
        qualifier="LATEST",
    )  # fmt: skip
    assert (status, headers["x-fc-async-task-id"]) == (202, "t-1")
    done = until(lambda: task3(fc3, name, "t-1"), lambda answer: answer.status in FINAL)
    assert (done.status, done.return_payload) == ("Succeeded", '{"k": 1}')
    invoke3(fc3, name, b"{}", type="Async", task="t-2", x_fc_async_delay="600")
    run(fc3.stop_async_task_async(name, "t-2", models3.StopAsyncTaskRequest()))
    assert task3(fc3, name, "t-2").status == "Stopped"
    listed = run(fc3.list_async_tasks_async(name, models3.ListAsyncTasksRequest(prefix="t-"))).body
    assert {task.task_id for task in listed.tasks} == {"t-1", "t-2"}
    gone = models3.DeleteAsyncInvokeConfigRequest(qualifier="LATEST")
    run(fc3.delete_async_invoke_config_async(name, gone))


def test_versions_aliases_concurrency_the_switch_and_tags(fc3: Fc3Client, name: str) -> None:
    published = models3.PublishFunctionVersionRequest(body=models3.PublishVersionInput())
    version = run(fc3.publish_function_version_async(name, published)).body.version_id
    alias = models3.CreateAliasInput(alias_name="prod", version_id=version)
    run(fc3.create_alias_async(name, models3.CreateAliasRequest(body=alias)))
    assert invoke3(fc3, name, b"via", qualifier="prod")[2] == b"via"
    run(fc3.delete_alias_async(name, "prod"))
    run(fc3.delete_function_version_async(name, version))
    reserved = models3.PutConcurrencyInput(reserved_concurrency=5)
    run(fc3.put_concurrency_config_async(name, models3.PutConcurrencyConfigRequest(body=reserved)))
    assert run(fc3.get_concurrency_config_async(name)).body.reserved_concurrency == 5
    run(fc3.delete_concurrency_config_async(name))
    run(fc3.disable_function_invocation_async(name, models3.DisableFunctionInvocationRequest()))
    run(fc3.enable_function_invocation_async(name))  # a PUT without a body
    arn = run(fc3.get_function_async(name, models3.GetFunctionRequest())).body.function_arn
    tags = models3.TagResourcesInput(
        resource_id=[arn], resource_type="function", tag=[models3.Tag(key="k", value="v")]
    )
    run(fc3.tag_resources_async(models3.TagResourcesRequest(body=tags)))
    untag = models3.UntagResourcesRequest(resource_id=[arn], resource_type="function", all=True)
    run(fc3.untag_resources_async(untag))
    shown = models3.ListTagResourcesRequest(resource_id=[arn], resource_type="function")
    assert not run(fc3.list_tag_resources_async(shown)).body.tag_resources


def test_a_payload_of_the_largest_size_is_taken_and_one_byte_more_refused(
    fc3: Fc3Client, name: str
) -> None:
    assert invoke3(fc3, name, b"x" * 131_072, type="Async")[0] == 202
    with pytest.raises(ClientException) as refused:
        invoke3(fc3, name, b"x" * 131_073, type="Async")
    assert refused.value.code == "EntityTooLarge"


def test_a_wrong_secret_is_refused(name: str) -> None:
    wrong = config()
    wrong.access_key_secret = "wrong"
    with pytest.raises(ClientException) as refused:
        invoke3(Fc3Client(wrong), name, b"{}", type="Async")
    assert refused.value.code == "SignatureNotMatch"


# ---------------------------------------------------------------- FC 2.0


@pytest.fixture(scope="module")
def service(fc2: Fc2Client) -> Any:
    service = f"async2-{uuid.uuid4().hex[:8]}"
    run(fc2.create_service_async(models2.CreateServiceRequest(service_name=service)))
    function = models2.CreateFunctionRequest(
        function_name="fn",
        runtime="python3.10",
        handler="index.handler",
        code=models2.Code(zip_file=zipped()),
        memory_size=128,
    )
    run(fc2.create_function_async(service, function))
    yield service
    run(fc2.delete_function_async(service, "fn"))
    run(fc2.delete_service_async(service))


def invoke2(client: Fc2Client, service: str, body: bytes, **headers: str) -> Any:
    return run(
        client.invoke_function_with_options_async(
            service,
            "fn",
            models2.InvokeFunctionRequest(body=body),
            models2.InvokeFunctionHeaders(**headers),
            runtime,
        )
    )


def test_a_stateful_call_of_fc_2_from_submit_to_its_end(fc2: Fc2Client, service: str) -> None:
    assert json.loads(invoke2(fc2, service, b'{"k": 1}').body) == {"k": 1}
    assert bytes(invoke2(fc2, service, BINARY, x_fc_invocation_type="Sync").body) == BINARY
    answer = invoke2(
        fc2,
        service,
        b'{"k": 2}',
        x_fc_invocation_type="Async",
        x_fc_stateful_async_invocation_enable="true",
        x_fc_stateful_async_invocation_id="call-1",
    )
    assert answer.status_code == 202
    asked = models2.GetStatefulAsyncInvocationRequest()

    def look() -> Any:
        return run(fc2.get_stateful_async_invocation_async(service, "fn", "call-1", asked)).body

    assert until(look, lambda item: item.status in FINAL).status == "Succeeded"
    listed = models2.ListStatefulAsyncInvocationsRequest()
    found = run(fc2.list_stateful_async_invocations_async(service, "fn", listed)).body
    assert [invocation.invocation_id for invocation in found.invocations] == ["call-1"]


def test_services_and_functions_of_fc_2_are_shown_and_listed(fc2: Fc2Client, service: str) -> None:
    found = run(fc2.list_services_async(models2.ListServicesRequest(prefix=service))).body
    assert [item.service_name for item in found.services] == [service]
    shown = run(fc2.get_function_async(service, "fn", models2.GetFunctionRequest())).body
    assert shown.handler == "index.handler"
