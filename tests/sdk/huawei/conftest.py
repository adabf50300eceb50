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
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, model

SERVICE = os.environ["SERVICE"]
KEY_ID, KEY_SECRET = os.environ["ACCESS_KEY_ID"], os.environ["ACCESS_KEY_SECRET"]
PROJECT, REGION = os.environ["ACCOUNT_ID"], os.environ["REGION"]

SOURCE = Path(__file__).with_name("function.py").read_text("utf-8")


# What the oldest client has no method, model or field for.
OLDEST_LACKS = {
    *(
        "test_a_function_of_a_zip_archive_is_created_shown_and_deleted",
        "test_a_list_comes_in_pages",
    ),
    *("test_functions_are_listed_without_a_version", "test_the_maximum_of_instances", "test_tags"),
    "test_a_pinned_function_is_the_first_of_lists",
    "test_the_configuration_is_changed_and_what_is_not_given_stays",
    "test_a_synchronous_call_of_v0_is_the_return_value_itself",
    "test_an_asynchronous_call_runs_and_its_record_is_read",
    "test_a_failed_one_has_the_code_and_is_not_retried",
    "test_a_running_one_is_active_and_is_cancelled",
    "test_an_id_that_is_none_cannot_be_cancelled",
    "test_records_are_listed_by_status_time_and_offset",
    "test_settings_are_put_shown_listed_and_deleted",
    *("test_the_whole_way_to_every_target", "test_status_logs_are_enabled_and_written"),
    *("test_metrics_are_lists_of_points", "test_a_trigger_that_cannot_fire_is_refused"),
    *("test_quotas_and_what_is_not_here", "test_an_alias_that_cannot_be_is_refused"),
    "test_a_call_by_an_alias_runs_its_version_with_the_frozen_environment",
}


def pytest_collection_modifyitems(items: list[Any]) -> None:
    if os.environ["ENVIRONMENT"] == "huawei-oldest":
        for item in items:
            if item.name in OLDEST_LACKS:
                item.add_marker(pytest.mark.skip(reason="the oldest client cannot ask for it"))


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
        # With a date of its own: two packages of one source are the same bytes.
        file = zipfile.ZipInfo("index.py", (2020, 1, 1, 0, 0, 0))
        file.external_attr = 0o644 << 16
        archive.writestr(file, source)
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
    return [body_of(item) for item in found["items"]]


def body_of(message: Any) -> Any:
    body = message["body"]
    return json.loads(body) if isinstance(body, str) else body
