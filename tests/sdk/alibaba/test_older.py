"""Clients of earlier years, in two environments: `alibaba-oldest` and `alibaba-older`. What they lack
(tasks, the switch) is not asked for; what they do in a way of their own is here: tags in the query,
`acs` signatures, `SERVICE$QUALIFIER`."""

from __future__ import annotations

import asyncio
import base64
import inspect
import io
import json
import os
import urllib.request
import uuid
import zipfile
from typing import Any

import fc2 as aliyun
import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc20230330.client import Client as Fc3Client
from alibabacloud_fc_open20210406 import models as models2
from alibabacloud_fc_open20210406.client import Client as Fc2Client
from alibabacloud_tea_util.models import RuntimeOptions

from conftest import (
    ACCOUNT,
    KEY_ID,
    KEY_SECRET,
    REGION,
    SERVICE,
    SOURCE,
    config,
    mailbox,
    until,
    zipped,
)

OLDEST = os.environ["ENVIRONMENT"] == "alibaba-oldest"
BINARY = bytes(range(256))
FN = "fn"
ASYNC = {"x-fc-invocation-type": "Async"}
runtime = RuntimeOptions(read_timeout=60_000)


def new_name(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def source_behind(url: str) -> str:
    """The function's code in the archive that a link leads to."""
    assert url.startswith(f"http://{SERVICE}/")
    with urllib.request.urlopen(url) as answer:
        found = zipfile.ZipFile(io.BytesIO(answer.read()))
    return found.read("index.py").decode()


# ---------------------------------------------------------------- FC 3.0


def of3(kind: str, body: Any = None, **more: Any) -> Any:
    """A request. The oldest version calls every body `request`."""
    made = getattr(models3, kind)
    if body is not None:
        more["body" if "body" in inspect.signature(made).parameters else "request"] = body
    return made(**more)


@pytest.fixture(scope="module")
def name(fc3: Fc3Client) -> Any:
    name = new_name("older3")
    body = models3.CreateFunctionInput(
        function_name=name,
        runtime="python3.10",
        handler="index.handler",
        code=models3.InputCodeLocation(zip_file=zipped()),
        memory_size=128,
        timeout=60,
    )
    made = fc3.create_function(of3("CreateFunctionRequest", body)).body
    assert (made.function_name, made.handler) == (name, "index.handler")
    yield name
    fc3.delete_function(name)
    with pytest.raises(Exception, match="FunctionNotFound"):
        fc3.get_function(name, models3.GetFunctionRequest())


def invoke3(
    client: Fc3Client, name: str, body: bytes, qualifier: str | None = None, **headers: str
) -> Any:
    """Status, headers, bytes."""
    modelled = models3.InvokeFunctionHeaders(
        x_fc_invocation_type=headers.pop("type", None),
        x_fc_log_type=headers.pop("log", None),
        common_headers={key.replace("_", "-"): text for key, text in headers.items()} or None,
    )
    asked = of3("InvokeFunctionRequest", body, qualifier=qualifier)
    answer = client.invoke_function_with_options(name, asked, modelled, runtime)
    found = answer.body.read() if hasattr(answer.body, "read") else answer.body
    return answer.status_code, answer.headers, found


def test_a_function_of_fc_3_is_shown_listed_changed_and_downloaded(
    fc3: Fc3Client, name: str
) -> None:
    assert fc3.get_function(name, models3.GetFunctionRequest()).body.timeout == 60
    found = fc3.list_functions(models3.ListFunctionsRequest(prefix=name)).body
    assert [function.function_name for function in found.functions] == [name]
    changed = models3.UpdateFunctionInput(description="é")
    assert fc3.update_function(name, of3("UpdateFunctionRequest", changed)).body.description == "é"
    code = fc3.get_function_code(name, models3.GetFunctionCodeRequest()).body
    assert source_behind(code.url) == SOURCE


@pytest.mark.parametrize("body", [BINARY, b"", b"text"], ids=["binary", "empty", "text"])
def test_a_synchronous_call_of_fc_3_answers_the_functions_bytes(
    fc3: Fc3Client, name: str, body: bytes
) -> None:
    status, headers, found = invoke3(fc3, name, body, type="Sync", log="Tail")
    assert (status, found) == (200, body) and headers["x-fc-log-result"]


def test_an_asynchronous_call_of_fc_3_runs_and_its_end_is_told(fc3: Fc3Client, name: str) -> None:
    queue = f"acs:mns:{REGION}:{ACCOUNT}:/queues/{name}-ok/messages"
    body = models3.PutAsyncInvokeConfigInput(
        max_async_retry_attempts=0,
        destination_config=models3.DestinationConfig(
            on_success=models3.Destination(destination=queue)
        ),
    )
    fc3.put_async_invoke_config(name, of3("PutAsyncInvokeConfigRequest", body, qualifier="LATEST"))
    asked = models3.GetAsyncInvokeConfigRequest(qualifier="LATEST")
    got = fc3.get_async_invoke_config(name, asked).body
    assert got.destination_config.on_success.destination == queue
    status, headers, _ = invoke3(
        fc3, name, b'{"k": 1}', "LATEST",
        type="Async", log="None", x_fc_async_task_id="t-1", x_fc_async_delay="1",
    )  # fmt: skip
    assert (status, headers["x-fc-async-task-id"]) == (202, "t-1")
    [record] = until(lambda: mailbox("queue", f"{name}-ok"), bool)
    assert record["requestContext"]["requestId"] == headers["x-fc-request-id"]
    gone = models3.DeleteAsyncInvokeConfigRequest(qualifier="LATEST")
    fc3.delete_async_invoke_config(name, gone)


def test_versions_and_aliases_of_fc_3(fc3: Fc3Client, name: str) -> None:
    published = of3("PublishFunctionVersionRequest", models3.PublishVersionInput(description="a"))
    version = fc3.publish_function_version(name, published).body.version_id
    alias = models3.CreateAliasInput(alias_name="prod", version_id=version)
    fc3.create_alias(name, of3("CreateAliasRequest", alias))
    assert invoke3(fc3, name, b"via", "prod")[2] == b"via"
    fc3.delete_alias(name, "prod")
    fc3.delete_function_version(name, version)


def test_tags_of_fc_3_in_the_first_way(fc3: Fc3Client, name: str) -> None:
    arn = f"acs:fc:{REGION}:{ACCOUNT}:functions/{name}"
    body = models3.TagResourceInput(
        resource_arn=arn, resource_type="function", tags={"a": "1", "b": "2", "c": "3"}
    )
    fc3.tag_resource(of3("TagResourceRequest", body))
    asked = models3.GetResourceTagsRequest(arn=arn)
    assert fc3.get_resource_tags(asked).body.tags == {"a": "1", "b": "2", "c": "3"}
    fc3.untag_resource(models3.UntagResourceRequest(arn=arn, tag_keys="a", all=False))
    fc3.untag_resource(models3.UntagResourceRequest(arn=arn, tag_keys='["b"]', all=False))
    assert fc3.get_resource_tags(asked).body.tags == {"c": "3"}
    fc3.untag_resource(models3.UntagResourceRequest(arn=arn, all=True))
    assert not fc3.get_resource_tags(asked).body.tags


def test_the_async_methods_of_fc_3(fc3: Fc3Client, name: str) -> None:
    async def all_of_them() -> None:
        shown = await fc3.get_function_async(name, models3.GetFunctionRequest())
        assert shown.body.function_name == name
        for body in (b"x", b""):
            answer = await fc3.invoke_function_async(name, of3("InvokeFunctionRequest", body))
            assert answer.status_code == 200
        reserved = of3(
            "PutConcurrencyConfigRequest", models3.PutConcurrencyInput(reserved_concurrency=5)
        )
        await fc3.put_concurrency_config_async(name, reserved)
        await fc3.delete_concurrency_config_async(name)

    asyncio.run(all_of_them())


def test_payloads_and_secrets_of_fc_3(fc3: Fc3Client, name: str) -> None:
    assert invoke3(fc3, name, b"x" * 131_072, type="Async")[0] == 202
    with pytest.raises(Exception, match="EntityTooLarge"):
        invoke3(fc3, name, b"x" * 131_073, type="Async")
    wrong = config()
    wrong.access_key_secret = "wrong"
    with pytest.raises(Exception, match="SignatureNotMatch"):
        invoke3(Fc3Client(wrong), name, b"{}", type="Async")


# ---------------------------------------------------------------- FC 2.0


@pytest.fixture(scope="module")
def service(fc2: Fc2Client) -> Any:
    service = new_name("older2")
    fc2.create_service(models2.CreateServiceRequest(service_name=service))
    function = models2.CreateFunctionRequest(
        function_name=FN,
        runtime="python3.10",
        handler="index.handler",
        code=models2.Code(zip_file=zipped()),
        memory_size=128,
    )
    fc2.create_function(service, function)
    yield service
    fc2.delete_function(service, FN)
    for version in fc2.list_service_versions(
        service, models2.ListServiceVersionsRequest()
    ).body.versions:
        fc2.delete_service_version(service, version.version_id)
    fc2.delete_service(service)


def invoke2(
    client: Fc2Client, service: str, body: bytes, qualifier: str | None = None, **headers: str
) -> Any:
    return client.invoke_function_with_options(
        service,
        FN,
        models2.InvokeFunctionRequest(body=body, qualifier=qualifier),
        models2.InvokeFunctionHeaders(**headers),
        runtime,
    )


def test_a_call_of_fc_2_from_submit_to_its_end(fc2: Fc2Client, service: str) -> None:
    queue = f"acs:mns:{REGION}:{ACCOUNT}:/queues/{service}-ok/messages"
    fc2.put_function_async_invoke_config(
        service,
        FN,
        models2.PutFunctionAsyncInvokeConfigRequest(
            qualifier="LATEST",
            stateful_invocation=True,
            destination_config=models2.DestinationConfig(
                on_success=models2.Destination(destination=queue)
            ),
        ),
    )
    assert invoke2(fc2, service, b'{"k": 1}', x_fc_invocation_type="Sync").body
    answer = invoke2(
        fc2,
        service,
        b'{"k": 2}',
        "LATEST",
        x_fc_invocation_type="Async",
        x_fc_log_type="None",
        x_fc_account_id=ACCOUNT,
        x_fc_stateful_async_invocation_id="call-1",
    )
    assert answer.headers["x-fc-request-id"]
    [record] = until(lambda: mailbox("queue", f"{service}-ok"), bool)
    # The clients of those years write a body as the JSON of its text.
    assert json.loads(record["requestPayload"]) == '{"k": 2}'
    asked = models2.GetStatefulAsyncInvocationRequest()
    done = fc2.get_stateful_async_invocation(service, FN, "call-1", asked).body
    assert done.status == "Succeeded"
    listed = models2.ListStatefulAsyncInvocationsRequest(invocation_id_prefix="call-")
    found = fc2.list_stateful_async_invocations(service, FN, listed).body.invocations
    assert [item.invocation_id for item in found] == ["call-1"]


def test_services_versions_aliases_and_tags_of_fc_2(fc2: Fc2Client, service: str) -> None:
    found = fc2.list_services(models2.ListServicesRequest(prefix=service, limit=5)).body.services
    assert [item.service_name for item in found] == [service]
    code = fc2.get_function_code(service, FN, models2.GetFunctionCodeRequest()).body
    assert source_behind(code.url) == SOURCE
    asked = models2.PublishServiceVersionRequest(description="a b+c*~é")
    version = fc2.publish_service_version(service, asked).body.version_id
    alias = models2.CreateAliasRequest(alias_name="prod", version_id=version)
    fc2.create_alias(service, alias)
    assert invoke2(fc2, service, b"{}", "prod").headers["x-fc-request-id"]
    fc2.delete_alias(service, "prod")
    arn = f"acs:fc:{REGION}:{ACCOUNT}:services/{service}"
    fc2.tag_resource(models2.TagResourceRequest(resource_arn=arn, tags={"k": "v"}))
    shown = fc2.get_resource_tags(models2.GetResourceTagsRequest(resource_arn=arn)).body
    assert shown.tags == {"k": "v"}
    fc2.untag_resource(models2.UntagResourceRequest(resource_arn=arn, tag_keys=["k"], all=False))


def test_the_async_methods_of_fc_2(fc2: Fc2Client, service: str) -> None:
    async def all_of_them() -> None:
        shown = await fc2.get_function_async(service, FN, models2.GetFunctionRequest())
        assert shown.body.function_name == FN
        answer = await fc2.invoke_function_async(
            service, FN, models2.InvokeFunctionRequest(body=b"{}")
        )
        assert answer.headers["x-fc-request-id"]
        put = models2.PutFunctionOnDemandConfigRequest(qualifier="LATEST", maximum_instance_count=3)
        await fc2.put_function_on_demand_config_async(service, FN, put)
        gone = models2.DeleteFunctionOnDemandConfigRequest(qualifier="LATEST")
        await fc2.delete_function_on_demand_config_async(service, FN, gone)

    asyncio.run(all_of_them())


def test_payloads_and_secrets_of_fc_2(fc2: Fc2Client, service: str) -> None:
    with pytest.raises(Exception, match="EntityTooLarge"):
        invoke2(fc2, service, b"x" * 131_073, x_fc_invocation_type="Async")
    wrong = config()
    wrong.access_key_secret = "wrong"
    with pytest.raises(Exception, match="SignatureNotMatch"):
        invoke2(Fc2Client(wrong), service, b"{}", x_fc_invocation_type="Async")


# ---------------------------------------------------------------- 2016-08-15


@pytest.fixture(scope="module")
def client() -> Any:
    return aliyun.Client(
        endpoint=f"http://{SERVICE}", accessKeyID=KEY_ID, accessKeySecret=KEY_SECRET, Timeout=60
    )


def data(answer: Any) -> Any:
    """The oldest client answers the data itself."""
    return answer if OLDEST and isinstance(answer, dict) else answer.data


@pytest.fixture(scope="module")
def first(client: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    service = new_name("older1")
    assert data(client.create_service(service, description="x"))["serviceName"] == service
    path = tmp_path_factory.mktemp("code") / "code.zip"
    path.write_bytes(base64.b64decode(zipped()))
    client.create_function(
        service, FN, "python3", "index.handler", codeZipFile=str(path), memorySize=128
    )
    yield service
    client.delete_function(service, FN)
    client.delete_service(service)


def test_a_service_of_2016_08_15_is_shown_listed_and_called(client: Any, first: str) -> None:
    assert data(client.get_function(first, FN))["handler"] == "index.handler"
    assert source_behind(data(client.get_function_code(first, FN))["url"]) == SOURCE
    functions = data(client.list_functions(first))["functions"]
    assert [function["functionName"] for function in functions] == [FN]
    for body in (BINARY, b"text"):
        assert data(client.invoke_function(first, FN, payload=body)) == body
    answer = client.invoke_function(first, FN, b"x" * 131_072, ASYNC)
    assert answer.headers["x-fc-request-id"]
    with pytest.raises(Exception, match="131072"):
        client.invoke_function(first, FN, b"x" * 131_073, ASYNC)
    wrong = aliyun.Client(endpoint=f"http://{SERVICE}", accessKeyID=KEY_ID, accessKeySecret="wrong")
    with pytest.raises(Exception, match="SignatureNotMatch"):
        wrong.invoke_function(first, FN, b"{}", ASYNC)


@pytest.mark.skipif(OLDEST, reason="the oldest client has no versions")
def test_a_qualifier_of_2016_08_15_stands_behind_a_dollar(client: Any, first: str) -> None:
    version = data(client.publish_version(first))["versionId"]
    client.create_alias(first, "prod", version)
    assert data(client.invoke_function(first, FN, payload=b"x", qualifier="prod")) == b"x"
    answer = client.invoke_function(first, FN, payload=b"{}", headers=ASYNC, qualifier="prod")
    assert answer.headers["x-fc-request-id"]
    assert data(client.get_function(first, FN, qualifier="prod"))["functionName"] == FN
    assert data(client.get_service(first, qualifier="prod"))["serviceName"] == first
    client.delete_alias(first, "prod")
    client.delete_version(first, version)
