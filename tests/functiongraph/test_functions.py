"""Functions by the door: created, configured, limited, deleted (reference 10)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from thence.catalog.control import Control

from .conftest import FUNCTIONS, PROJECT, REGION, at, urn
from .deploying import body

CONFIG = "config"
MAXIMUM = "config-max-instance"


async def create(door: Any, **fields: Any) -> Any:
    found = await door.post(FUNCTIONS, json=body(**fields))
    assert found.status == 200, found.body
    return found.json


async def configure(door: Any, **fields: Any) -> Any:
    return await door.put(at(urn(), CONFIG), json=fields)


async def test_a_function_is_ours_with_the_contract_of_this_door(door: Any) -> None:
    await create(door, initializer_handler="lib/start.up", pre_stop_handler="index.stop")
    spec = door.engine.functions.get("f").spec
    assert (spec.contract, spec.handler, spec.initializer) == (
        "functiongraph",
        "index.handler",
        "lib.start.up",
    )
    assert (spec.max_retries, spec.max_event_age_seconds) == (0, 3600)
    assert spec.attributes["functiongraph"]["project_id"] == PROJECT
    await create(door, name="g", package="pack")
    assert door.engine.functions.get("pack$g").spec.contract == "functiongraph"


@pytest.mark.parametrize(
    "form",
    ["f", "default:f", f"{PROJECT}:default:f", f"{PROJECT}:default:f:latest", urn(version=None)],
)
async def test_every_form_of_a_urn_shows_the_function(door: Any, form: str) -> None:
    await create(door)
    assert (await door.get(at(form, CONFIG))).json["func_urn"] == urn()


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (f"urn:fss:elsewhere:{PROJECT}:function:default:f", (400, "FSS.1309")),
        (f"urn:fss:{REGION}:other:function:default:f", (403, "FSS.0403")),
        ("a:b:c:d:e", (400, "FSS.1309")),
        ("-", (400, "FSS.1309")),
        ("x" * 270, (400, "FSS.1309")),
        (f"{urn(version=None)}:", (400, "FSS.1309")),
        (f"{PROJECT}:default:f:", (400, "FSS.1309")),
    ],
)
async def test_a_urn_that_is_none_is_refused(door: Any, form: str, wanted: Any) -> None:
    assert (await door.get(at(form, CONFIG))).error() == wanted


@pytest.mark.parametrize("form", [f"{urn(version=None)}:", f"{PROJECT}:default:f:"])
async def test_a_version_that_is_empty_never_deletes_the_whole_function(
    door: Any, form: str
) -> None:
    await create(door)
    path = at(form, "").removesuffix("/")
    assert (await door.delete(path)).error() == (400, "FSS.1309")
    assert (await door.get(at("f", CONFIG))).status == 200


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("func_name", "1f", "FSS.1002"),
        ("func_name", "f-", "FSS.1002"),
        ("func_name", "f" * 61, "FSS.1002"),
        ("func_name", None, "FSS.1002"),
        ("package", None, "FSS.1004"),
        ("package", "a$b", "FSS.1004"),
        ("runtime", None, "FSS.1005"),
        ("runtime", "Python2.7", "FSS.1005"),
        ("runtime", "Custom Image", "FSS.1005"),
        ("handler", None, "FSS.1003"),
        ("handler", "index.hand-ler", "FSS.1003"),
        ("timeout", None, "FSS.1008"),
        ("timeout", 2, "FSS.1008"),
        ("timeout", "3", "FSS.1008"),
        ("memory_size", None, "FSS.1007"),
        ("memory_size", 127, "FSS.1007"),
        ("code_type", "jar", "FSS.1006"),
        ("code_type", None, "FSS.1006"),
        ("code_url", "https://bucket/f.zip", "FSS.1010"),
        ("func_code", {"file": ""}, "FSS.1012"),
        ("func_code", None, "FSS.1012"),
        ("func_code", {"file": "!"}, "FSS.1011"),
        ("description", "d" * 513, "FSS.1019"),
        ("depend_version_list", ["id"], "FSS.1024"),
        ("handler", "index.a.b", "FSS.1003"),
        ("handler", "a.b/index.c", "FSS.1003"),
        ("user_data", "{", "FSS.1009"),
        ("user_data", '{"A": null}', "FSS.1009"),
        ("user_data", '["A"]', "FSS.1009"),
        ("user_data", '{"A": {"B": 1}}', "FSS.1009"),
        ("user_data", r'{"A": "\ud800"}', "FSS.1009"),
        ("user_data", r'{"\udc00": "1"}', "FSS.1009"),
        ("user_data", '{"A": NaN}', "FSS.1009"),
        ("user_data", '{"A": -Infinity}', "FSS.1009"),
        ("encrypted_user_data", r'{"A": "x\ud83d"}', "FSS.1009"),
        ("user_data", '{"THENCE_A": "1"}', "FSS.1009"),
        ("user_data", json.dumps({f"A{n}": "" for n in range(101)}), "FSS.1017"),
        ("encrypted_user_data", json.dumps({"A": "x" * 4096}), "FSS.1018"),
        ("initializer_handler", "init", "FSS.1404"),
        ("initializer_timeout", 301, "FSS.1405"),
        ("pre_stop_timeout", 91, "FSS.0400"),
        ("ephemeral_storage", 1024, "FSS.0400"),
        ("type", "v3", "FSS.0400"),
        ("func_vpc", {"vpc_id": "v", "subnet_id": ""}, "FSS.0400"),
        ("mount_config", {"func_mounts": [{"mount_type": "sfs"}]}, "FSS.0400"),
        ("custom_image", {"enabled": True}, "FSS.0400"),
        ("network_controller", {"disable_public_network": True}, "FSS.0400"),
        ("gpu_memory", 1024, "FSS.0400"),
        ("enable_dynamic_memory", True, "FSS.0400"),
        ("is_stateful_function", True, "FSS.0400"),
        ("domain_names", "d", "FSS.0400"),
        ("tags", "k=v", "FSS.0400"),
        ("user_data_encrypt_kms_key_id", "k", "FSS.0400"),
        ("no_such_field", 1, "FSS.0400"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_created(
    door: Any, field: str, value: Any, code: str
) -> None:
    found = await door.post(FUNCTIONS, json=body(**{field: value}))
    assert found.error() == (400, code)
    assert found.message().startswith((field, field.removeprefix("encrypted_")))
    assert door.engine.parts.catalogue.names() == []


async def test_values_that_ask_for_nothing_are_taken(door: Any) -> None:
    await create(
        door,
        depend_version_list=[],
        func_vpc={"vpc_id": "", "subnet_id": ""},
        mount_config={"mount_user": {"user_id": -1, "user_group_id": -1}, "func_mounts": []},
        custom_image={"enabled": False, "image": ""},
        network_controller={"disable_public_network": False, "trigger_access_vpcs": []},
        gpu_memory=0,
        gpu_type="",
        enable_dynamic_memory=False,
        code_url="",
    )
    null = {"func_vpc": None, "code_url": None, "func_code": {**body()["func_code"], "link": None}}
    found = await door.post(FUNCTIONS, json={**body(name="g"), **null})
    assert found.status == 200, found.body


async def test_both_parts_of_the_environment_are_changed_alone(door: Any) -> None:
    made = await create(door, user_data='{"A": 1, "B": true}', encrypted_user_data='{"S": "s"}')
    assert json.loads(made["user_data"]) == {"A": "1", "B": "true"}
    assert made["encrypted_user_data"] == ""
    assert "s" not in json.dumps(made["user_data"])
    await configure(door, user_data='{"A": "2"}')
    assert door.engine.functions.get("f").spec.environment == {"A": "2", "S": "s"}
    await configure(door, encrypted_user_data='{"A": "secret"}')
    assert door.engine.functions.get("f").spec.environment == {"A": "secret"}
    assert (await door.get(at(urn(), CONFIG))).json["user_data"] == ""
    await configure(door, encrypted_user_data="")
    assert door.engine.functions.get("f").spec.environment == {}


async def test_an_empty_hook_is_none(door: Any) -> None:
    await create(door, initializer_handler="index.init", initializer_timeout=5)
    found = (await configure(door, initializer_handler="")).json
    assert (found["initializer_handler"], found["initializer_timeout"]) == ("", 0)
    assert door.engine.functions.get("f").spec.initializer == ""


async def test_name_and_runtime_stay(door: Any) -> None:
    await create(door)
    assert (await configure(door, func_name="g")).error() == (400, "FSS.1002")
    assert (await configure(door, runtime="Python3.12")).error() == (400, "FSS.1005")
    assert (await configure(door, func_name="f", runtime="Python3.10")).status == 200


async def test_a_configuration_that_changes_nothing_is_no_revision(door: Any) -> None:
    await create(door)
    before = door.engine.functions.get("f")
    await configure(door, timeout=30, strategy_config={"concurrency": 7})
    assert door.engine.functions.get("f") is before
    await configure(door, timeout=31)
    assert door.engine.functions.get("f").revision == before.revision + 1


async def test_a_function_of_another_door_is_shown_and_keeps_its_contract(door: Any) -> None:
    await door.service.function("other", concurrency=10)
    found = (await door.get(at(urn("other"), CONFIG))).json
    assert (found["runtime"], found["strategy_config"]["concurrency"]) == ("Python3.10", 10)
    found = await door.put(at(urn("other"), CONFIG), json={"runtime": "Python3.10", "timeout": 99})
    spec = door.engine.functions.get("other").spec
    assert (found.json["timeout"], spec.contract, spec.timeout_seconds) == (99, "native", 99)


async def test_names_that_no_urn_holds_are_not_listed(door: Any) -> None:
    await door.service.function("_hidden")
    await door.service.function("shown")
    found = (await door.get(FUNCTIONS)).json
    assert ([function["func_name"] for function in found["functions"]], found["count"]) == (
        ["shown"],
        1,
    )


# ---------------------------------------------------------------- the maximum of instances


async def test_the_maximum_is_a_limit_over_all_versions(door: Any) -> None:
    made = await create(door)
    assert made["strategy_config"]["concurrency"] == 400
    assert door.engine.functions.control("f") == Control(
        400, None, door.engine.functions.control("f").updated_at
    )
    await door.engine.functions.publish_version("f", version="v1")
    found = await door.put(at(urn(version="v1"), MAXIMUM), json={"max_instance_num": 3})
    assert found.status == 200 and door.engine.functions.control("f").limit == 3
    by_version = (await door.get(at(urn(version="v1"), CONFIG))).json
    assert by_version["strategy_config"]["concurrency"] == 3


async def test_no_limit_and_one_that_a_function_of_another_door_had(door: Any) -> None:
    await door.service.function("f", concurrency=10)
    for asked in (5, 50, -1):
        found = await door.put(at(urn(), MAXIMUM), json={"max_instance_num": asked})
        assert found.json["strategy_config"]["concurrency"] == asked
    assert door.engine.functions.control("f").limit is None


async def test_a_maximum_of_0_disables_the_function(door: Any) -> None:
    await door.function()
    await door.put(at(urn(), MAXIMUM), json={"max_instance_num": 0})
    found = await door.get(at(urn(), CONFIG))
    assert found.json["strategy_config"]["concurrency"] == 0
    refused = await door.post(at(urn(), "invocations-async"), data=b"{}")
    assert refused.error() == (403, "FSS.0403")
    assert (await door.engine.stats()).accepted == 0
    await door.put(at(urn(), MAXIMUM), json={"max_instance_num": 2})
    await door.start()


@pytest.mark.parametrize("asked", [-2, 1001, "1", None, 1.5])
async def test_a_maximum_that_is_none_is_refused(door: Any, asked: Any) -> None:
    await door.function()
    found = await door.put(at(urn(), MAXIMUM), json={"max_instance_num": asked})
    assert found.error() == (400, "FSS.1026")


# ---------------------------------------------------------------- deleting


async def test_a_deleted_function_takes_along_what_was_kept_with_it(door: Any) -> None:
    await create(door)
    kept = {"name": "e", "content": "e30="}
    assert (await door.post(at(urn(), "events"), json=kept)).status == 200
    tags = f"/v2/{PROJECT}/functions/{urn(version=None)}/tags"
    assert (await door.post(tags + "/create", json={"tags": [{"key": "k"}]})).status == 204
    assert (await door.put(at(urn(), "collect/true"))).status == 200
    assert (await door.delete(at(urn(version=None), "").rstrip("/"))).status == 204
    for kind in ("functiongraph.event", "functiongraph.tag", "functiongraph.pinned"):
        assert door.engine.functions.entries(kind) == []


async def test_latest_alone_is_not_deleted(door: Any) -> None:
    await create(door)
    found = await door.delete(at(urn(), "").rstrip("/"))
    assert found.status == 400 and "latest" in found.message()
    assert door.engine.parts.catalogue.names() == ["f"]


async def test_a_function_without_a_urn_is_not_listed_under_anothers(door: Any) -> None:
    await create(door)
    for name in ("default$f", "default$only", "name_", "x$y_"):
        await door.service.function(name)
    found = (await door.get(FUNCTIONS)).json
    assert [function["func_urn"] for function in found["functions"]] == [urn(version=None)]
    assert found["count"] == 1
    assert (await door.get(at(urn("only"), CONFIG))).status == 404


async def test_numbers_of_a_function_without_a_urn_are_not_told_as_anothers(door: Any) -> None:
    await door.function()
    await door.function("default$f")
    await door.service.invoke("default$f")
    await door.start()
    await door.clock.advance(60)
    path = f"{FUNCTIONS.removesuffix('s')}/report?type=count"
    found = (await door.get(path)).json
    assert found["values"] == [{"key": urn(version=None), "value": 1}]


@pytest.mark.parametrize(
    ("method", "path", "version", "code"),
    [
        ("PUT", CONFIG, "v9", "FSS.1052"),
        ("PUT", CONFIG, "!nobody", "FSS.1053"),
        ("PUT", "code", "v9", "FSS.1052"),
        ("PUT", "config-max-instance", "v9", "FSS.1052"),
        ("POST", "versions", "v9", "FSS.1052"),
    ],
)
async def test_what_is_not_there_is_404_and_not_frozen(
    door: Any, method: str, path: str, version: str, code: str
) -> None:
    await create(door)
    fields: Any = {"max_instance_num": 1} if path == "config-max-instance" else {}
    found = await door.request(method, at(urn(version=version), path), json=fields)
    assert found.error() == (404, code)


async def test_a_list_of_functions_costs_the_same_whatever_is_pinned(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        await door.function(f"f{number}")
        assert (await door.put(at(urn(f"f{number}"), "collect/true"))).status == 200
    asked = []
    entries = door.engine.functions.entries
    monkeypatch.setattr(
        door.engine.functions, "entries", lambda *given: asked.append(given) or entries(*given)
    )
    found = (await door.get(FUNCTIONS)).json
    assert found["count"] == 20 and asked.count(("functiongraph.pinned",)) == 1
    assert not [entry for entry in asked if entry[0] == "functiongraph.pinned" and len(entry) > 1]
