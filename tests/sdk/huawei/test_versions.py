"""`huaweicloudsdkfunctiongraph` against the service: versions and aliases."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, model

from conftest import PROJECT, create, delete, is_time, new_name, urn


def publish(client: FunctionGraphClient, name: str, **fields: Any) -> Any:
    return client.create_function_version(
        model.CreateFunctionVersionRequest(
            function_urn=urn(name), body=model.CreateFunctionVersionRequestBody(**fields)
        )
    )


def versions(client: FunctionGraphClient, name: str, **query: Any) -> Any:
    return client.list_function_versions(
        model.ListFunctionVersionsRequest(function_urn=urn(name), **query)
    )


def describe(client: FunctionGraphClient, name: str, text: str) -> None:
    """A change, so that there is something to publish."""
    body = model.UpdateFunctionConfigRequestBody(
        func_name=name,
        runtime="Python3.10",
        timeout=60,
        handler="index.handler",
        memory_size=128,
        description=text,
    )
    client.update_function_config(
        model.UpdateFunctionConfigRequest(function_urn=urn(name), body=body)
    )


def two_versions(client: FunctionGraphClient, name: str) -> None:
    publish(client, name, version="v1")
    describe(client, name, "second")
    publish(client, name, version="v2.0")


def alias(client: FunctionGraphClient, function: str, **fields: Any) -> Any:
    return client.create_version_alias(
        model.CreateVersionAliasRequest(
            function_urn=urn(function), body=model.CreateVersionAliasRequestBody(**fields)
        )
    )


def aliases(client: FunctionGraphClient, name: str) -> Any:
    asked = model.ListVersionAliasesRequest(function_urn=urn(name))
    return client.list_version_aliases(asked).body or []  # the client makes None of an empty list


def refused(error: pytest.ExceptionInfo[ClientRequestException]) -> tuple[int, str]:
    return error.value.status_code, error.value.error_code


def test_versions_are_published_listed_and_deleted(client: FunctionGraphClient, name: str) -> None:
    made = publish(client, name, version="v1.0", description="first")
    assert (made.func_urn, made.version) == (urn(name, "v1.0"), "v1.0")
    assert made.version_description == "first" and is_time(made.last_modified)
    describe(client, name, "changed")
    automatic = publish(client, name)
    assert re.fullmatch(r"v\d{8}-\d{6}", automatic.version)
    found = versions(client, name)
    assert [version.version for version in found.versions] == ["latest", automatic.version, "v1.0"]
    assert (found.count, found.next_marker) == (3, 0)
    page = versions(client, name, marker="1", maxitems="1")
    assert [version.version for version in page.versions] == [
        automatic.version
    ] and page.next_marker == 2
    frozen = client.show_function_config(
        model.ShowFunctionConfigRequest(function_urn=urn(name, "v1.0"))
    )
    assert (frozen.description, frozen.func_urn) == ("", urn(name, "v1.0"))
    delete(client, urn(name, "v1.0"))
    assert versions(client, name).count == 2


def test_a_version_of_what_is_published_already_is_refused(
    client: FunctionGraphClient, name: str
) -> None:
    publish(client, name, version="v1")
    with pytest.raises(ClientRequestException) as error:
        publish(client, name)
    assert refused(error) == (400, "FSS.1016")
    describe(client, name, "changed")
    with pytest.raises(ClientRequestException) as error:
        publish(client, name, version="v1")
    assert refused(error) == (409, "FSS.1062")
    with pytest.raises(ClientRequestException) as error:
        publish(client, name, version="-1")
    assert refused(error) == (400, "FSS.1015")
    with pytest.raises(ClientRequestException) as error:
        publish(client, name, digest="0" * 128)
    assert refused(error) == (400, "FSS.0400")


def test_a_version_is_frozen(client: FunctionGraphClient, name: str) -> None:
    publish(client, name, version="v1")
    with pytest.raises(ClientRequestException) as error:
        client.update_function_code(
            model.UpdateFunctionCodeRequest(
                function_urn=urn(name, "v1"),
                body=model.UpdateFunctionCodeRequestBody(
                    code_type="inline", func_code=model.FuncCode(file="cGFzcw==")
                ),
            )
        )
    assert refused(error) == (400, "FSS.1015")
    with pytest.raises(ClientRequestException) as error:
        delete(client, urn(name, "latest"))
    assert error.value.status_code == 400


def test_aliases_with_weights(client: FunctionGraphClient, name: str) -> None:
    two_versions(client, name)
    made = alias(
        client,
        name,
        name="prod",
        version="v1",
        description="d",
        additional_version_weights={"v2.0": 10},
    )
    assert (made.alias_urn, made.version) == (urn(name, "!prod"), "v1")
    assert made.additional_version_weights == {"v2.0": 10} and is_time(made.last_modified)
    assert [item.name for item in aliases(client, name)] == ["prod"]
    updated = client.update_version_alias(
        model.UpdateVersionAliasRequest(
            function_urn=urn(name),
            alias_name="prod",
            body=model.UpdateVersionAliasRequestBody(version="v2.0"),
        )
    )
    assert (updated.version, updated.description) == ("v2.0", "d")
    assert updated.additional_version_weights == {}
    shown = client.show_version_alias(
        model.ShowVersionAliasRequest(function_urn=urn(name), alias_name="prod")
    )
    assert shown.version == "v2.0"
    by_alias = client.show_function_config(
        model.ShowFunctionConfigRequest(function_urn=urn(name, "!prod"))
    )
    assert by_alias.description == "second"
    client.delete_version_alias(
        model.DeleteVersionAliasRequest(function_urn=urn(name), alias_name="prod")
    )
    assert aliases(client, name) == []


def test_an_alias_that_cannot_be_is_refused(client: FunctionGraphClient, name: str) -> None:
    two_versions(client, name)
    alias(client, name, name="prod", version="v1", additional_version_weights={"v2.0": 0})
    rule = model.VersionStrategyRules(rule_type="Header", param="p", op="=", value="v")
    strategy = {"v1": model.VersionStrategy(rules=[rule], combine_type="and")}
    for wanted, fields in (
        ((409, "FSS.1063"), {"name": "prod", "version": "v2.0"}),
        ((409, "FSS.1066"), {"name": "other", "version": "v1"}),
        ((404, "FSS.1052"), {"name": "other", "version": "v3"}),
        ((400, "FSS.1014"), {"name": "latest", "version": "v2.0"}),
        ((400, "FSS.1091"), _with("latest", 1)),
        ((400, "FSS.1092"), _with("v2.0", 1)),
        ((400, "FSS.1093"), _with("v1", 101)),
        (
            (400, "FSS.1014"),
            {"name": "other", "version": "v2.0", "additional_version_strategy": strategy},
        ),
    ):
        with pytest.raises(ClientRequestException) as error:
            alias(client, name, **fields)
        assert refused(error) == wanted, fields
    with pytest.raises(ClientRequestException) as error:
        client.show_version_alias(
            model.ShowVersionAliasRequest(function_urn=urn(name), alias_name="none")
        )
    assert refused(error) == (404, "FSS.1053")
    for version in ("v1", "v2.0"):
        with pytest.raises(ClientRequestException) as error:
            delete(client, urn(name, version))
        assert refused(error) == (403, "FSS.1094")
    delete(client, urn(name, "!prod"))
    delete(client, urn(name, "v1"))


def _with(version: str, weight: int) -> dict[str, Any]:
    return {
        "name": "other",
        "version": "v2.0",
        "additional_version_weights": {version: weight},
    }


def test_what_is_not_there_is_not_found(client: FunctionGraphClient, name: str) -> None:
    for which, code in (
        (urn(new_name()), "FSS.1051"),
        (urn(name, "v9"), "FSS.1052"),
        (urn(name, "!none"), "FSS.1053"),
    ):
        with pytest.raises(ClientRequestException) as error:
            client.show_function_config(model.ShowFunctionConfigRequest(function_urn=which))
        assert refused(error) == (404, code)


def test_a_call_by_an_alias_runs_its_version_with_the_frozen_environment(
    client: FunctionGraphClient,
) -> None:
    name = new_name("told")
    create(client, name, user_data='{"MODE": "old"}', encrypted_user_data='{"SECRET": "s"}')
    publish(client, name, version="v1")
    alias(client, name, name="prod", version="v1")
    client.update_function_config(
        model.UpdateFunctionConfigRequest(
            function_urn=urn(name),
            body=model.UpdateFunctionConfigRequestBody(user_data='{"MODE": "new"}'),
        )
    )
    told = {}
    for which in ("!prod", "latest"):
        answer = client.invoke_function(
            model.InvokeFunctionRequest(
                function_urn=urn(name, which), x_cff_request_version="v1", body={"tell": 1}
            )
        )
        told[which] = json.loads(answer.result)
    prod, latest = told["!prod"], told["latest"]
    assert (prod["version"], prod["alias"], prod["mode"]) == ("v1", "prod", "old")
    assert (latest["version"], latest["alias"], latest["mode"]) == ("latest", "", "new")
    assert prod["secret"] == latest["secret"] == "s"
    assert (prod["function"], prod["package"], prod["project"]) == (name, "default", PROJECT)
    delete(client, urn(name, None))
