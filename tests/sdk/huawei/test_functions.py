"""`huaweicloudsdkfunctiongraph` against the service: functions, their code and configuration."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, model

from conftest import PROJECT, REGION, create, delete, is_time, new_name, urn, zipped


def config(client: FunctionGraphClient, which: str) -> Any:
    return client.show_function_config(model.ShowFunctionConfigRequest(function_urn=which))


def test_a_function_of_a_zip_archive_is_created_shown_and_deleted(
    client: FunctionGraphClient,
) -> None:
    name = new_name("zip")
    made = create(
        client,
        name,
        user_data='{"MODE": "smoke"}',
        encrypted_user_data='{"SECRET": "s"}',
        description="of the tests",
        type="v2",
    )
    assert made.func_urn == urn(name)
    assert (made.func_name, made.package, made.version) == (name, "default", "latest")
    assert (made.namespace, made.project_name) == (PROJECT, REGION)
    assert (made.runtime, made.timeout, made.memory_size, made.cpu) == ("Python3.10", 60, 128, 300)
    assert (json.loads(made.user_data), made.encrypted_user_data) == ({"MODE": "smoke"}, "")
    assert made.digest == hashlib.sha512(base64.b64decode(zipped())).hexdigest()
    assert is_time(made.last_modified)
    assert (made.strategy_config.concurrency, made.strategy_config.concurrent_num) == (400, 1)
    shown = config(client, urn(name))
    assert (shown.func_urn, shown.digest, shown.description) == (
        urn(name),
        made.digest,
        "of the tests",
    )
    assert is_time(shown.last_modified)
    delete(client, urn(name, None))
    with pytest.raises(ClientRequestException) as refused:
        config(client, urn(name))
    error = refused.value
    assert (error.status_code, error.error_code) == (404, "FSS.1051")
    assert name in error.error_msg and error.request_id
