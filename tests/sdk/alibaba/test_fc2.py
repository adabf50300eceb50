"""`alibabacloud_fc_open20210406` against the service: services, their versions and aliases."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from alibabacloud_fc_open20210406 import models
from alibabacloud_fc_open20210406.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_util.models import RuntimeOptions

from conftest import ACCOUNT, REGION, mailbox, until, zipped

FINAL = {"Succeeded", "Failed", "Stopped", "Expired", "Invalid"}
FN = "fn"


@pytest.fixture(scope="module")
def service(fc2: Client) -> Any:
    service = f"sdk2-{uuid.uuid4().hex[:8]}"
    made = fc2.create_service(
        models.CreateServiceRequest(service_name=service, description="sdk test")
    ).body
    assert made.service_name == service and made.service_id
    function = fc2.create_function(
        service,
        models.CreateFunctionRequest(
            function_name=FN,
            runtime="python3.10",
            handler="index.handler",
            code=models.Code(zip_file=zipped()),
            memory_size=128,
            timeout=60,
            environment_variables={"SMOKE": "1"},
        ),
    ).body
    assert (function.function_name, function.memory_size) == (FN, 128)
    yield service
    with pytest.raises(ClientException):
        fc2.delete_service(service)  # it still has a function
    fc2.delete_function(service, FN)
    for version in fc2.list_service_versions(
        service, models.ListServiceVersionsRequest()
    ).body.versions:
        fc2.delete_service_version(service, version.version_id)
    fc2.delete_service(service)
    with pytest.raises(ClientException) as refused:
        fc2.get_service(service, models.GetServiceRequest())
    assert refused.value.code == "ServiceNotFound"


def invoke(
    client: Client, service: str, body: bytes, qualifier: str | None = None, **more: Any
) -> Any:
    return client.invoke_function_with_options(
        service,
        FN,
        models.InvokeFunctionRequest(body=body, qualifier=qualifier),
        models.InvokeFunctionHeaders(**more),
        RuntimeOptions(read_timeout=60_000),
    )


def task(client: Client, service: str, id: str) -> Any:
    return client.get_stateful_async_invocation(
        service, FN, id, models.GetStatefulAsyncInvocationRequest()
    ).body


def test_services_and_functions_are_listed(fc2: Client, service: str) -> None:
    found = fc2.list_services(models.ListServicesRequest(prefix=service)).body.services
    assert [item.service_name for item in found] == [service]
    functions = fc2.list_functions(service, models.ListFunctionsRequest()).body.functions
    assert [function.function_name for function in functions] == [FN]
    with pytest.raises(ClientException) as refused:
        fc2.get_function(service, "nothing", models.GetFunctionRequest())
    assert refused.value.code == "FunctionNotFound"


def test_a_synchronous_call(fc2: Client, service: str) -> None:
    answer = invoke(fc2, service, b"bytes \xff", x_fc_invocation_type="Sync")
    assert (answer.status_code, answer.body) == (200, b"bytes \xff")
    told = json.loads(invoke(fc2, service, b'{"tell": 1}').body)
    assert told["function"] == FN and told["account"] == ACCOUNT


def test_a_stateful_invocation_from_submit_to_callback(fc2: Client, service: str) -> None:
    fc2.put_function_async_invoke_config(
        service,
        FN,
        models.PutFunctionAsyncInvokeConfigRequest(
            qualifier="LATEST",
            stateful_invocation=True,
            max_async_retry_attempts=0,
            max_async_event_age_in_seconds=3600,
            destination_config=models.DestinationConfig(
                on_success=models.Destination(
                    destination=f"acs:mns:{REGION}:{ACCOUNT}:/queues/{service}-ok/messages"
                )
            ),
        ),
    )
    got = fc2.get_function_async_invoke_config(
        service, FN, models.GetFunctionAsyncInvokeConfigRequest(qualifier="LATEST")
    ).body
    assert (got.service, got.function, got.qualifier) == (service, FN, "LATEST")
    assert got.stateful_invocation is True and got.max_async_retry_attempts == 0
    configs = fc2.list_function_async_invoke_configs(
        service, FN, models.ListFunctionAsyncInvokeConfigsRequest(limit=20)
    ).body.configs
    assert len(configs) == 1
    answer = invoke(
        fc2,
        service,
        b'{"k": 2}',
        x_fc_invocation_type="Async",
        x_fc_stateful_async_invocation_id="call-1",
    )
    assert answer.status_code == 202
    done = until(lambda: task(fc2, service, "call-1"), lambda item: item.status in FINAL)
    assert (done.status, done.service_name, done.function_name) == ("Succeeded", service, FN)
    assert done.return_payload == '{"k": 2}'
    record = until(lambda: mailbox("queue", f"{service}-ok"), bool)[0]
    assert record["requestContext"]["functionArn"] == (
        f"acs:fc:::services/{service}.LATEST/functions/{FN}"
    )
    with pytest.raises(ClientException) as refused:
        invoke(
            fc2,
            service,
            b"{}",
            x_fc_invocation_type="Async",
            x_fc_stateful_async_invocation_id="call-1",
        )
    assert (refused.value.status_code, refused.value.code) == (
        409,
        "StatefulAsyncInvocationAlreadyExists",
    )
    listed = fc2.list_stateful_async_invocations(
        service, FN, models.ListStatefulAsyncInvocationsRequest(invocation_id_prefix="call-")
    ).body.invocations
    assert [item.invocation_id for item in listed] == ["call-1"]
    with_tasks = fc2.list_stateful_async_invocation_functions(
        models.ListStatefulAsyncInvocationFunctionsRequest(limit=100)
    ).body.data
    assert (service, FN) in [(item.service_name, item.function_name) for item in with_tasks]


def test_one_stateful_call_without_the_configuration(fc2: Client, service: str) -> None:
    fc2.delete_function_async_invoke_config(
        service, FN, models.DeleteFunctionAsyncInvokeConfigRequest(qualifier="LATEST")
    )
    invoke(
        fc2,
        service,
        b'{"sleep": 50}',
        x_fc_invocation_type="Async",
        x_fc_stateful_async_invocation_enable="true",
        x_fc_stateful_async_invocation_id="call-long",
    )
    until(lambda: task(fc2, service, "call-long"), lambda answer: answer.status == "Running")
    fc2.stop_stateful_async_invocation(
        service, FN, "call-long", models.StopStatefulAsyncInvocationRequest()
    )
    until(lambda: task(fc2, service, "call-long"), lambda answer: answer.status == "Stopped")


def test_versions_and_aliases_of_a_service(fc2: Client, service: str) -> None:
    version = fc2.publish_service_version(
        service, models.PublishServiceVersionRequest(description="first")
    ).body.version_id
    assert version == "1"
    alias = fc2.create_alias(
        service, models.CreateAliasRequest(alias_name="prod", version_id=version)
    ).body
    assert (alias.alias_name, alias.version_id) == ("prod", "1")
    assert invoke(fc2, service, b"x", qualifier="prod").body == b"x"
    assert invoke(fc2, service, b"x", qualifier="1").body == b"x"
    with pytest.raises(ClientException):
        fc2.delete_service_version(service, version)  # the alias names it
    fc2.delete_alias(service, "prod")


def test_the_ceiling_of_instances(fc2: Client, service: str) -> None:
    put = fc2.put_function_on_demand_config(
        service,
        FN,
        models.PutFunctionOnDemandConfigRequest(qualifier="LATEST", maximum_instance_count=3),
    ).body
    assert put.maximum_instance_count == 3
    got = fc2.get_function_on_demand_config(
        service, FN, models.GetFunctionOnDemandConfigRequest(qualifier="LATEST")
    ).body
    assert got.maximum_instance_count == 3
    fc2.delete_function_on_demand_config(
        service, FN, models.DeleteFunctionOnDemandConfigRequest(qualifier="LATEST")
    )
