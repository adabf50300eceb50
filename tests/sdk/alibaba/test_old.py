"""`aliyun-fc2`, the client of 2016-08-15: the qualifier inside the path, `FC ak:sig`."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import fc2 as aliyun
import pytest

from conftest import KEY_ID, KEY_SECRET, SERVICE, mailbox, until, zipped

FN = "fn"


@pytest.fixture(scope="module")
def client() -> Any:
    return aliyun.Client(
        endpoint=f"http://{SERVICE}", accessKeyID=KEY_ID, accessKeySecret=KEY_SECRET, Timeout=60
    )


@pytest.fixture(scope="module")
def service(client: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    service = f"old-{uuid.uuid4().hex[:8]}"
    assert client.create_service(service, description="sdk test").data["serviceName"] == service
    client.create_function(
        service, FN, "python3", "index.handler", codeZipFile=_file(tmp_path_factory), memorySize=128
    )
    yield service
    client.delete_function(service, FN)
    client.delete_service(service)


def _file(folders: pytest.TempPathFactory) -> str:
    path = folders.mktemp("code") / "code.zip"
    path.write_bytes(base64.b64decode(zipped()))
    return str(path)


def test_functions_are_shown_and_listed(client: Any, service: str) -> None:
    assert client.get_function(service, FN).data["handler"] == "index.handler"
    assert [
        function["functionName"] for function in client.list_functions(service).data["functions"]
    ] == [FN]


def test_a_synchronous_call_and_one_that_fails(client: Any, service: str) -> None:
    assert client.invoke_function(service, FN, payload=b"bytes \xff").data == b"bytes \xff"
    with pytest.raises(aliyun.FcError) as failed:
        client.invoke_function(service, FN, payload=b'{"fail": "no"}')
    assert "no" in str(failed.value)


def test_an_asynchronous_call_tells_its_destination(client: Any, service: str) -> None:
    # In the case that the client's own tests write; it reads camelCase back.
    queue = f"acs:mns:::/queues/{service}-ok/messages"
    client.put_function_async_invoke_config(
        service,
        "LATEST",
        FN,
        {
            "DestinationConfig": {"OnSuccess": {"Destination": queue}},
            "MaxAsyncEventAgeInSeconds": 300,
            "MaxAsyncRetryAttempts": 1,
        },
    )
    got = client.get_function_async_invoke_config(service, "LATEST", FN).data
    assert got["destinationConfig"]["onSuccess"]["destination"] == queue
    assert (got["maxAsyncEventAgeInSeconds"], got["maxAsyncRetryAttempts"]) == (300, 1)
    answer = client.invoke_function(
        service, FN, payload=b'{"k": 3}', headers={"x-fc-invocation-type": "Async"}
    )
    assert answer.headers["x-fc-request-id"]
    record = until(lambda: mailbox("queue", f"{service}-ok"), bool)[0]
    assert record["requestContext"]["requestId"] == answer.headers["x-fc-request-id"]


def test_a_task_id_is_sent_and_errors_are_read(client: Any, service: str) -> None:
    client.invoke_function(
        service,
        FN,
        payload=b"{}",
        headers={"x-fc-invocation-type": "Async", "x-fc-stateful-async-invocation-id": "t-1"},
    )
    with pytest.raises(aliyun.FcError) as refused:
        client.get_function(service, "nothing")
    assert refused.value.err_code == "FunctionNotFound"


def test_versions_and_aliases(client: Any, service: str) -> None:
    version = client.publish_version(service).data["versionId"]
    client.create_alias(service, "prod", version)
    assert client.invoke_function(service, FN, payload=b"x", qualifier="prod").data == b"x"
    assert client.get_alias(service, "prod").data["versionId"] == version
    client.delete_alias(service, "prod")
    client.delete_version(service, version)
