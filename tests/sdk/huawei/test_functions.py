"""`huaweicloudsdkfunctiongraph` against the service: functions, their code and configuration."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, model

from conftest import PROJECT, REGION, SOURCE, create, delete, is_time, new_name, urn, zipped


def config(client: FunctionGraphClient, which: str) -> Any:
    return client.show_function_config(model.ShowFunctionConfigRequest(function_urn=which))


def configure(client: FunctionGraphClient, name: str, **fields: Any) -> Any:
    given = {
        "func_name": name,
        "runtime": "Python3.10",
        "timeout": 60,
        "handler": "index.handler",
        "memory_size": 128,
    } | fields
    return client.update_function_config(
        model.UpdateFunctionConfigRequest(
            function_urn=urn(name), body=model.UpdateFunctionConfigRequestBody(**given)
        )
    )


def code(client: FunctionGraphClient, which: str) -> Any:
    return client.show_function_code(model.ShowFunctionCodeRequest(function_urn=which))


def listed(client: FunctionGraphClient, **query: Any) -> Any:
    return client.list_functions(model.ListFunctionsRequest(**query))


def maximum(client: FunctionGraphClient, which: str, instances: int) -> Any:
    return client.update_function_max_instance_config(
        model.UpdateFunctionMaxInstanceConfigRequest(
            function_urn=which,
            body=model.UpdateFunctionMaxInstanceConfigRequestBody(max_instance_num=instances),
        )
    )


def refused(error: pytest.ExceptionInfo[ClientRequestException]) -> tuple[int, str]:
    assert error.value.request_id and error.value.error_msg
    return error.value.status_code, error.value.error_code


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
        xrole="agency",
    )
    assert made.func_urn == urn(name)
    assert (made.func_name, made.package, made.version) == (name, "default", "latest")
    assert (made.namespace, made.project_name) == (PROJECT, REGION)
    assert (made.runtime, made.timeout, made.memory_size, made.cpu) == ("Python3.10", 60, 128, 300)
    assert (json.loads(made.user_data), made.encrypted_user_data) == ({"MODE": "smoke"}, "")
    assert made.digest == hashlib.sha512(base64.b64decode(zipped())).hexdigest()
    assert is_time(made.last_modified)
    assert (made.strategy_config.concurrency, made.strategy_config.concurrent_num) == (400, 1)
    assert made.code_filename == "index.zip"
    shown = config(client, urn(name))
    assert {**shown.to_dict(), **made.to_dict()} == {**made.to_dict(), **shown.to_dict()}
    assert (shown.description, shown.xrole) == ("of the tests", "agency")
    delete(client, urn(name, None))
    with pytest.raises(ClientRequestException) as error:
        config(client, urn(name))
    assert refused(error) == (404, "FSS.1051")
    assert name in error.value.error_msg


@pytest.mark.parametrize("file", [base64.b64encode(SOURCE.encode()).decode(), zipped()])
def test_inline_code_may_be_a_source_or_an_archive(client: FunctionGraphClient, file: str) -> None:
    name = new_name("inline")
    made = create(
        client, name, code_type="inline", code_filename=None, func_code=model.FuncCode(file=file)
    )
    assert (made.code_type, len(made.digest)) == ("inline", 128)
    delete(client, urn(name, None))


def test_a_name_is_taken_once(client: FunctionGraphClient, name: str) -> None:
    with pytest.raises(ClientRequestException) as error:
        create(client, name)
    assert refused(error) == (409, "FSS.1061")
    other = create(client, name, package="other")
    assert other.func_urn == urn(name, package="other")
    delete(client, urn(name, None, package="other"))


def test_functions_are_listed_without_a_version(client: FunctionGraphClient, name: str) -> None:
    found = listed(client, func_name=name.upper()).functions
    assert [item.func_urn for item in found] == [urn(name, None)]
    assert is_time(found[0].last_modified) and found[0].strategy_config.concurrency == 400
    assert listed(client, func_name=name, package_name="none").functions == []


def test_a_list_comes_in_pages(client: FunctionGraphClient) -> None:
    names = sorted(new_name("page") for _ in range(3))
    for name in names:
        create(client, name)
    seen, marker = [], 0
    while True:
        page = listed(client, func_name="sdk-page-", maxitems="2", marker=str(marker))
        assert page.count == 3
        seen += [function.func_name for function in page.functions]
        marker = page.next_marker
        if not marker:
            break
    assert seen == names
    with pytest.raises(ClientRequestException) as error:
        listed(client, maxitems="-1")
    assert refused(error) == (400, "FSS.1001")
    for name in names:
        delete(client, urn(name, None))


def test_a_pinned_function_is_the_first_of_lists(client: FunctionGraphClient, name: str) -> None:
    first = new_name("zzz")
    create(client, first)
    client.update_function_collect_state(
        model.UpdateFunctionCollectStateRequest(func_urn=urn(first), state="true")
    )
    assert listed(client).functions[0].func_name == first
    client.update_function_collect_state(
        model.UpdateFunctionCollectStateRequest(func_urn=urn(first), state="false")
    )
    assert listed(client).functions[0].func_name != first
    delete(client, urn(first, None))


def test_the_configuration_is_changed_and_what_is_not_given_stays(
    client: FunctionGraphClient, name: str
) -> None:
    configure(client, name, user_data='{"A": "1"}', encrypted_user_data='{"B": "2"}')
    changed = configure(
        client,
        name,
        timeout=43_200,
        memory_size=256,
        description="changed",
        initializer_handler="index.init",
        initializer_timeout=7,
        pre_stop_handler="index.stop",
        pre_stop_timeout=9,
        strategy_config=model.StrategyConfig(concurrency=5, concurrent_num=2),
    )
    assert (changed.timeout, changed.memory_size, changed.long_time) == (43_200, 256, True)
    assert (changed.initializer_handler, changed.initializer_timeout) == ("index.init", 7)
    assert (changed.pre_stop_handler, changed.pre_stop_timeout) == ("index.stop", 9)
    assert json.loads(changed.user_data) == {"A": "1"} and changed.encrypted_user_data == ""
    shown = config(client, urn(name))
    assert (shown.strategy_config.concurrency, shown.strategy_config.concurrent_num) == (5, 2)
    assert configure(client, name, user_data="").user_data == ""


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"timeout": 2}, "FSS.1008"),
        ({"timeout": 259_201}, "FSS.1008"),
        ({"memory_size": 129}, "FSS.1007"),
        ({"runtime": "Python3.9"}, "FSS.1005"),
        ({"runtime": "Node.js20.15"}, "FSS.1005"),
        ({"handler": "index"}, "FSS.1003"),
        ({"user_data": "[]"}, "FSS.1009"),
        ({"user_data": '{"A": {}}'}, "FSS.1009"),
        ({"func_vpc": model.FuncVpc(vpc_id="v", subnet_id="s")}, "FSS.0400"),
        ({"initializer_handler": "-"}, "FSS.1404"),
        ({"initializer_timeout": 301}, "FSS.1405"),
        ({"strategy_config": model.StrategyConfig(concurrency=1001)}, "FSS.1026"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    client: FunctionGraphClient, name: str, fields: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientRequestException) as error:
        configure(client, name, **fields)
    assert refused(error) == (400, code)
    assert error.value.error_msg.startswith(next(iter(fields)))


def test_the_maximum_of_instances(client: FunctionGraphClient, name: str) -> None:
    for instances in (5, 0, -1, 1000, 400):
        answer = maximum(client, urn(name), instances)
        shown = -1 if instances == 1000 else instances
        assert answer.strategy_config.concurrency in (instances, shown)
        assert config(client, urn(name)).strategy_config.concurrency in (instances, shown)
    with pytest.raises(ClientRequestException) as error:
        maximum(client, urn(name), 1001)
    assert refused(error) == (400, "FSS.1026")


def test_code_is_shown_downloaded_and_changed(client: FunctionGraphClient, name: str) -> None:
    shown = code(client, urn(name))
    with urllib.request.urlopen(shown.func_code.link) as answer:
        assert answer.read() == base64.b64decode(zipped())
    new = zipped(SOURCE + "\n# changed\n")
    changed = client.update_function_code(
        model.UpdateFunctionCodeRequest(
            function_urn=urn(name),
            body=model.UpdateFunctionCodeRequestBody(
                code_type="zip", code_filename="new.zip", func_code=model.FuncCode(file=new)
            ),
        )
    )
    assert changed.digest == hashlib.sha512(base64.b64decode(new)).hexdigest() != shown.digest
    assert (changed.func_urn, changed.code_filename) == (urn(name), "new.zip")
    assert changed.code_size == len(base64.b64decode(new)) and is_time(changed.last_modified)


@pytest.mark.parametrize("code_type", ["jar", "obs", "Custom-Image-Swr"])
def test_code_of_other_types_is_refused(client: FunctionGraphClient, code_type: str) -> None:
    with pytest.raises(ClientRequestException) as error:
        create(client, new_name(), code_type=code_type)
    assert refused(error) == (400, "FSS.1006")


def test_code_that_is_none_is_refused(client: FunctionGraphClient) -> None:
    for file, wanted in (
        (None, (400, "FSS.1012")),
        ("e30=", (400, "FSS.1011")),
        ("%", (400, "FSS.1011")),
    ):
        with pytest.raises(ClientRequestException) as error:
            create(client, new_name(), func_code=model.FuncCode(file=file))
        assert refused(error) == wanted
    large = base64.b64encode(b"#" * 10_241).decode()
    with pytest.raises(ClientRequestException) as error:
        create(client, new_name(), code_type="inline", func_code=model.FuncCode(file=large))
    assert refused(error) == (413, "FSS.1072")
