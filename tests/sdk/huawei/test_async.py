"""`FunctionGraphAsyncClient`, whose methods answer futures, and signed calls with a wrong secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphAsyncClient, FunctionGraphClient, model

from conftest import (
    KEY_ID,
    KEY_SECRET,
    PROJECT,
    REGION,
    SERVICE,
    create,
    delete,
    mailbox,
    new_name,
    until,
    urn,
)


def connect(secret: str) -> FunctionGraphAsyncClient:
    return (
        FunctionGraphAsyncClient.new_builder()
        .with_credentials(BasicCredentials(KEY_ID, secret, PROJECT))
        .with_endpoint(f"http://{SERVICE}")
        .build()
    )


@pytest.fixture(scope="module")
def waiting() -> FunctionGraphAsyncClient:
    return connect(KEY_SECRET)


@pytest.fixture(scope="module")
def fn(client: FunctionGraphClient) -> Iterator[str]:
    name = new_name("async")
    create(client, name)
    yield name
    delete(client, urn(name, None))


def start(client: FunctionGraphAsyncClient, name: str, event: Any) -> Any:
    request = model.AsyncInvokeFunctionRequest(function_urn=urn(name), body=event)
    return client.async_invoke_function_async(request).result()


def test_many_calls_are_under_way_at_once(waiting: FunctionGraphAsyncClient, fn: str) -> None:
    asked = [
        waiting.invoke_function_async(
            model.InvokeFunctionRequest(
                function_urn=urn(fn), body={"n": number}, x_cff_request_version="v1"
            )
        )
        for number in range(8)
    ]
    found = [json.loads(item.result().result) for item in asked]
    assert found == [{"n": number} for number in range(8)]


def test_an_asynchronous_call_is_told_to_its_target(
    waiting: FunctionGraphAsyncClient, fn: str
) -> None:
    topic = f"urn:smn:{REGION}:{PROJECT}:{fn}"
    param = json.dumps({"topic_urn": topic})
    body = model.UpdateFunctionAsyncInvokeConfigRequestBody(
        max_async_retry_attempts=0,
        max_async_event_age_in_seconds=3600,
        destination_config=model.FuncAsyncDestinationConfig(
            on_success=model.FuncDestinationConfig(destination="SMN", param=param)
        ),
    )
    put = model.UpdateFunctionAsyncInvokeConfigRequest(function_urn=urn(fn), body=body)
    assert waiting.update_function_async_invoke_config_async(put).result().status_code == 200
    found = start(waiting, fn, {"k": "v"})
    assert found.status_code == 202
    [message] = until(lambda: mailbox("topic", fn), bool)
    assert message["request_context"]["request_id"] == found.request_id
    shown = model.ShowFunctionAsyncInvokeConfigRequest(function_urn=urn(fn))
    got = waiting.show_function_async_invoke_config_async(shown).result()
    assert got.max_async_event_age_in_seconds == 3600
    gone = model.DeleteFunctionAsyncInvokeConfigRequest(function_urn=urn(fn))
    assert waiting.delete_function_async_invoke_config_async(gone).result().status_code == 204


def test_a_wrong_secret_is_refused(fn: str) -> None:
    with pytest.raises(ClientRequestException) as refused:
        start(connect("wrong"), fn, {})
    assert (refused.value.status_code, refused.value.error_code) == (401, "FSS.0401")
