"""Clients as their documents make them; only public settings point them at the service."""

from __future__ import annotations

import base64
import datetime
import io
import json
import os
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, model

SERVICE = os.environ["SERVICE"]
KEY_ID, KEY_SECRET = os.environ["ACCESS_KEY_ID"], os.environ["ACCESS_KEY_SECRET"]
PROJECT, REGION = os.environ["ACCOUNT_ID"], os.environ["REGION"]

SOURCE = """
import time

def handler(event, context):
    print("asked", sorted(event))
    if "fail" in event:
        raise ValueError(event["fail"])
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "tell" in event:
        return {"request_id": context.getRequestID(), "function": context.getFunctionName(),
                "package": context.getPackage(), "version": context.getVersion(),
                "alias": context.getAlias(), "project": context.getProjectID(),
                "mode": context.getUserData("MODE"), "secret": context.getUserData("SECRET")}
    return event
"""


@pytest.fixture(scope="session")
def client() -> FunctionGraphClient:
    return (
        FunctionGraphClient.new_builder()
        .with_credentials(BasicCredentials(KEY_ID, KEY_SECRET, PROJECT))
        .with_endpoint(f"http://{SERVICE}")
        .build()
    )


def zipped(source: str = SOURCE) -> str:
    """A package of one file, in base64 as the API takes it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("index.py", source)
    return base64.b64encode(data.getvalue()).decode()


def new_name(what: str = "fn") -> str:
    return f"sdk-{what}-{uuid.uuid4().hex[:8]}"


def urn(name: str, version: str | None = "latest", package: str = "default") -> str:
    whole = f"urn:fss:{REGION}:{PROJECT}:function:{package}:{name}"
    return whole if version is None else f"{whole}:{version}"


def create(client: FunctionGraphClient, name: str, **more: Any) -> Any:
    """A function of SOURCE, or with other fields."""
    fields: dict[str, Any] = {
        "func_name": name,
        "package": "default",
        "runtime": "Python3.10",
        "timeout": 60,
        "handler": "index.handler",
        "memory_size": 128,
        "code_type": "zip",
        "code_filename": "index.zip",
        "func_code": model.FuncCode(file=zipped()),
    } | more
    return client.create_function(
        model.CreateFunctionRequest(body=model.CreateFunctionRequestBody(**fields))
    )


def delete(client: FunctionGraphClient, which: str) -> None:
    client.delete_function(model.DeleteFunctionRequest(function_urn=which))


@pytest.fixture
def name(client: FunctionGraphClient) -> Iterator[str]:
    """A function that is there for one test."""
    name = new_name()
    create(client, name)
    yield name
    try:
        delete(client, urn(name, None))
    except ClientRequestException as error:
        assert error.error_code == "FSS.1051", error  # the test deleted it itself


def is_time(value: Any) -> bool:
    """Whether the client could read a time; else it leaves what there was."""
    return isinstance(value, datetime.datetime)


def until(look: Any, wanted: Any, seconds: float = 30.0) -> Any:
    """What `look()` answers as soon as `wanted` is true of it. The client polls, as users do."""
    ends = time.monotonic() + seconds
    while True:
        found = look()
        if wanted(found):
            return found
        assert time.monotonic() < ends, f"still {found}"
        time.sleep(0.05)


def mailbox(kind: str, name: str) -> list[Any]:
    """The messages of a box of the built-in mailbox, decoded, by the native door."""
    request = urllib.request.Request(
        f"http://{SERVICE}/v1/mailbox/{kind}/{name}",
        headers={"authorization": f"Bearer {KEY_ID}:{KEY_SECRET}"},
    )
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)
    return [body_of(one) for one in found["items"]]


def body_of(message: Any) -> Any:
    body = message["body"]
    return json.loads(body) if isinstance(body, str) else body
