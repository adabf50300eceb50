"""Functions of FC 3.0: create, get, list, update, delete."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import quote

import fastcrc
import pytest
from tests.destinations.test_senders import PAPER

from thence.api.doors import installed, record_forms
from thence.catalog import kinds as catalog
from thence.catalog.code import pack
from thence.catalog.control import Control
from thence.destinations.kinds import KINDS

FUNCTIONS = "/2023-03-30/functions"
ARCHIVE = pack([("index.py", b"def handler(event, context):\n    return event\n")])
OTHER = pack([("index.py", b"def handler(event, context):\n    return 'other'\n")])
ZIP = base64.b64encode(ARCHIVE).decode()
INPUT = {
    "functionName": "f",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"zipFile": ZIP},
}


def crc(archive: bytes) -> str:
    return str(fastcrc.crc64.xz(archive))


async def create(door: Any, **fields: Any) -> Any:
    answer = await door.post(FUNCTIONS, json={**INPUT, **fields})
    assert answer.status == 200, answer.body
    return answer.json


async def update(door: Any, **fields: Any) -> Any:
    answer = await door.put(f"{FUNCTIONS}/f", json=fields)
    assert answer.status == 200, answer.body
    return answer.json


async def refused(door: Any, **fields: Any) -> str:
    """The message of an InvalidArgument; nothing was created."""
    answer = await door.post(FUNCTIONS, json={**INPUT, **fields})
    status, code, message = answer.error()
    assert (status, code) == (400, "InvalidArgument"), message
    assert door.engine.functions.all() == []
    return str(message)


async def test_a_function_is_created_shown_and_deleted(door: Any) -> None:
    created = await door.post(FUNCTIONS, json={**INPUT, "description": "d"})
    assert created.status == 200, created.body
    found = await door.get(f"{FUNCTIONS}/f")
    assert found.json == created.json and found.headers["etag"] == created.headers["etag"]
    assert (await door.delete(f"{FUNCTIONS}/f")).status == 204
    assert (await door.get(f"{FUNCTIONS}/f")).error() == (
        404, "FunctionNotFound", "function 'f' does not exist",
    )  # fmt: skip


async def test_what_is_not_said_has_the_vendors_defaults(door: Any) -> None:
    shown = await create(door)
    assert shown["timeout"] == 3 and shown["memorySize"] == 512 and shown["cpu"] == 0.35
    assert shown["instanceConcurrency"] == 1 and shown["internetAccess"] is True
    spec = door.engine.functions.get("f").spec
    assert (spec.contract, spec.event, spec.concurrency) == ("fc", "bytes", 100)
    assert (spec.max_retries, spec.max_event_age_seconds) == (3, 86_400)
    assert spec.on_success is None and spec.on_failure is None


async def test_every_field_that_acts_reaches_the_function(door: Any) -> None:
    await create(
        door,
        handler="lib/web.main",
        timeout=86_400,
        memorySize=1024,
        description="d",
        environmentVariables={"A": "1"},
        instanceConcurrency=3,
        instanceLifecycleConfig={
            "initializer": {"handler": "index.init", "timeout": 300},
            "preStop": {"handler": "lib/index.stop", "timeout": 90},
        },
    )
    spec = door.engine.functions.get("f").spec
    assert (spec.handler, spec.timeout_seconds, spec.memory_mb) == ("lib.web.main", 86_400, 1024)
    assert (spec.description, spec.environment, spec.concurrency) == ("d", {"A": "1"}, 300)
    assert (spec.initializer, spec.initializer_timeout_seconds) == ("index.init", 300)
    assert (spec.pre_stop, spec.pre_stop_timeout_seconds) == ("lib.index.stop", 90)
    assert spec.attributes["fc"]["runtime"] == "python3.10"


async def test_handlers_are_shown_as_they_were_written(door: Any) -> None:
    hooks = {
        "initializer": {"handler": "lib/a.init", "timeout": 3},
        "preStop": {"handler": "lib/a.stop", "timeout": 3},
    }
    shown = await create(door, handler="lib/web.main", instanceLifecycleConfig=hooks)
    assert shown["handler"] == "lib/web.main" and shown["instanceLifecycleConfig"] == hooks


async def test_many_requests_an_instance_are_never_more_slots_than_there_may_be(door: Any) -> None:
    shown = await create(door, instanceConcurrency=200)
    assert shown["instanceConcurrency"] == 200
    assert door.engine.functions.get("f").spec.concurrency == 1000


SHOWN_ONLY = {
    "cpu": 2.5,
    "diskSize": 10_240,
    "role": "acs:ram::1:role/r",
    "logConfig": {"project": "p", "logstore": "l", "enableRequestMetrics": True},
    "tracingConfig": {"type": "Jaeger", "params": {"endpoint": "e"}},
    "resourceGroupId": "rg",
    "idleTimeout": 60,
    "disableInjectCredentials": "All",
    "internetAccess": True,
    "disableOndemand": False,
}


async def test_what_has_no_effect_is_shown_as_given(door: Any) -> None:
    shown = await create(door, **SHOWN_ONLY)
    assert {name: shown[name] for name in SHOWN_ONLY} == SHOWN_ONLY


async def test_what_is_shown_has_the_types_of_the_clients_models(door: Any) -> None:
    shown = await create(door, tags=[{"Key": "k", "Value": "v"}])
    types = {
        "functionId": str, "functionArn": str, "codeSize": int, "codeChecksum": str,
        "createdTime": str, "lastModifiedTime": str, "state": str, "lastUpdateStatus": str,
        "layers": list, "environmentVariables": dict, "tags": list, "timeout": int,
        "memorySize": int, "cpu": float, "invocationRestriction": dict, "internetAccess": bool,
    }  # fmt: skip
    assert {name: type(shown[name]) for name in types} == types
    assert shown["functionArn"] == "acs:fc:local:thence:functions/f"
    assert (shown["state"], shown["lastUpdateStatus"]) == ("Active", "Successful")
    assert shown["invocationRestriction"] == {"disable": False} and shown["layers"] == []
    assert shown["createdTime"] == "2026-01-01T00:00:00Z"
    assert (shown["codeSize"], shown["codeChecksum"]) == (len(ARCHIVE), crc(ARCHIVE))


@pytest.mark.parametrize("runtime", ["python3", "python3.9", "python3.10", "python3.12"])
async def test_the_vendors_python_runtimes_are_taken(door: Any, runtime: str) -> None:
    assert (await create(door, runtime=runtime))["runtime"] == runtime


@pytest.mark.parametrize(
    "runtime",
    ["nodejs20", "java11", "go1", "python2.7", "custom", "custom.debian12", "custom-container"],
)
async def test_other_runtimes_are_refused_with_those_that_run(door: Any, runtime: str) -> None:
    message = await refused(door, runtime=runtime)
    assert message.startswith(f"runtime: '{runtime}'") and "python3.12" in message


ASKS_TOO_MUCH = [
    ("layers", ["acs:fc:cn:1:layers/l/versions/1"]),
    ("customContainerConfig", {"image": "i"}),
    ("customRuntimeConfig", {"command": ["a"], "port": 9000}),
    ("customDNS", {"nameServers": ["1.1.1.1"]}),
    ("internetAccess", False),
    ("disableOndemand", True),
    ("enableLongLiving", True),
    ("sessionAffinity", "MCP_SSE"),
    ("sessionAffinityConfig", "{}"),
    ("instanceIsolationMode", "SESSION_EXCLUSIVE"),
    ("gpuConfig", {"gpuType": "fc.gpu.tesla.1", "gpuMemorySize": 8192}),
    ("vpcConfig", {"vpcId": "v", "vSwitchIds": ["s"], "securityGroupId": "g"}),
    ("nasConfig", {"userId": 0, "groupId": 0, "mountPoints": [{"serverAddr": "a"}]}),
    ("ossMountConfig", {"mountPoints": [{"bucketName": "b"}]}),
    ("juiceFsConfig", {"mountPoints": [{"volumeId": "b"}]}),
    ("polarFsConfig", {"mountPoints": [{"instanceId": "b"}]}),
    ("microSandboxConfig", {"enable": True}),
]


@pytest.mark.parametrize(("field", "value"), ASKS_TOO_MUCH)
async def test_what_cannot_be_done_is_refused_by_its_name(
    door: Any, field: str, value: Any
) -> None:
    assert (await refused(door, **{field: value})).startswith(field)


ASKS_NOTHING = {
    "layers": [],
    "customContainerConfig": None,
    "customRuntimeConfig": {"command": [], "args": []},
    "customDNS": {"nameServers": [], "searches": [], "dnsOptions": []},
    "enableLongLiving": False,
    "sessionAffinity": "NONE",
    "sessionAffinityConfig": "",
    "instanceIsolationMode": "SHARE",
    "gpuConfig": {"gpuType": "", "gpuMemorySize": 0},
    "vpcConfig": {"vpcId": "", "vSwitchIds": [], "securityGroupId": ""},
    "nasConfig": {"userId": -1, "groupId": -1, "mountPoints": []},
    "ossMountConfig": {"mountPoints": []},
    "tags": [],
    "instanceLifecycleConfig": {"initializer": {"handler": ""}, "preStop": None},
}


async def test_values_that_ask_for_nothing_are_taken(door: Any) -> None:
    await create(door, **ASKS_NOTHING)


@pytest.mark.parametrize(
    ("field", "value", "limit"),
    [
        ("timeout", 0, "at least 1 and at most 86400"),
        ("timeout", 86_401, "at least 1 and at most 86400"),
        ("timeout", "3", "a whole number"),
        ("memorySize", 64, "at least 128 and at most 32768"),
        ("memorySize", 200, "64"),
        ("cpu", 17, "at most 16"),
        ("diskSize", 1024, "512, 10240"),
        ("instanceConcurrency", 0, "at least 1 and at most 200"),
        ("description", "d" * 257, "256"),
        ("environmentVariables", {"A": "x" * 5000}, "4096"),
        ("environmentVariables", {"THENCE_X": "1"}, "THENCE_"),
        ("functionName", "1f", "1 to 64"),
        ("functionName", "s$f", "1 to 64"),
        ("functionName", "f" * 65, "1 to 64"),
        ("handler", "index", "module.function"),
        ("handler", "../index.handler", "module.function"),
        ("handler", "", "required"),
        ("runtime", "", "python3.12"),
        ("tags", [{"Key": "acs:k"}], "acs:"),
        ("hopes", 1, "no such field"),
        ("headers", {"Accept": "*/*"}, "no such field"),  # only of the oldest client for Java
        ("code", {"zipFile": "!"}, "base64"),
        ("code", {"zipFile": base64.b64encode(b"no zip").decode()}, "ZIP"),
        ("code", {}, "required"),
        ("code", {"ossBucketName": "b", "ossObjectName": "o"}, "zipFile"),
        ("code", {"zipFile": ZIP, "checksum": "1"}, "CRC-64"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_field_and_limit(
    door: Any, field: str, value: Any, limit: str
) -> None:
    message = await refused(door, **{field: value})
    assert message.startswith(field) and limit in message


async def test_a_hook_of_a_command_is_refused(door: Any) -> None:
    hooks = {"initializer": {"command": ["a"]}}
    message = await refused(door, instanceLifecycleConfig=hooks)
    assert message.startswith("instanceLifecycleConfig.initializer.command")
    hooks = {"preStop": {"handler": "a.b", "timeout": 91}}
    message = await refused(door, instanceLifecycleConfig=hooks)
    assert message.startswith("instanceLifecycleConfig.preStop.timeout") and "90" in message


async def test_a_function_that_is_there_is_not_created_again(door: Any) -> None:
    await create(door, description="first")
    answer = await door.post(FUNCTIONS, json=INPUT)
    assert answer.error() == (409, "FunctionAlreadyExists", "function 'f' already exists")
    assert door.engine.functions.get("f").spec.description == "first"


async def test_of_two_that_create_at_once_one_gets_it(door: Any) -> None:
    answers = await asyncio.gather(*(door.post(FUNCTIONS, json=INPUT) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]


async def test_an_update_changes_only_what_is_given(door: Any) -> None:
    given = {
        "environmentVariables": {"A": "1"},
        "timeout": 9,
        "memorySize": 256,
        "instanceConcurrency": 2,
        "instanceLifecycleConfig": {"initializer": {"handler": "a.b", "timeout": 5}},
        **SHOWN_ONLY,
    }
    before = await create(door, **given)
    await door.clock.advance(10)
    after = await update(door, description="new")
    assert after.pop("lastModifiedTime") > before.pop("lastModifiedTime")
    assert after == {**before, "description": "new"}


async def test_a_function_whose_destination_is_of_a_kind_that_is_gone_can_be_changed(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create(door)
    there, forms = catalog.installed(), tuple(record_forms(installed()))
    monkeypatch.setattr(catalog, "_installed", catalog.Kinds([*KINDS, PAPER], forms))
    await door.service.function("f", on_success="paper:tray")
    monkeypatch.setattr(catalog, "_installed", there)
    assert (await update(door, description="new"))["description"] == "new"
    spec = door.service.engine.functions.get("f").spec
    assert (spec.description, spec.on_success) == ("new", "paper:tray")


async def test_an_update_can_bring_other_code(door: Any) -> None:
    await create(door)
    shown = await update(door, code={"zipFile": base64.b64encode(OTHER).decode()})
    assert shown["codeChecksum"] == crc(OTHER) and shown["codeSize"] == len(OTHER)
    assert shown["handler"] == "index.handler"


async def test_an_update_replaces_maps_and_hooks_as_a_whole(door: Any) -> None:
    hooks = {"initializer": {"handler": "a.b"}, "preStop": {"handler": "a.c"}}
    await create(door, environmentVariables={"A": "1"}, instanceLifecycleConfig=hooks)
    shown = await update(
        door,
        environmentVariables={},
        instanceLifecycleConfig={"preStop": {"handler": "a.d", "timeout": 4}},
    )
    assert shown["environmentVariables"] == {}
    assert shown["instanceLifecycleConfig"] == {"preStop": {"handler": "a.d", "timeout": 4}}
    assert door.engine.functions.get("f").spec.initializer == ""


async def test_an_update_that_is_refused_changes_nothing(door: Any) -> None:
    before = await create(door)
    for fields in (
        {"description": "new", "timeout": 0},
        {"runtime": "go1"},
        {"functionName": "g"},
        {"tags": [{"Key": "k", "Value": "v"}]},
    ):
        answer = await door.put(f"{FUNCTIONS}/f", json=fields)
        assert answer.error()[:2] == (400, "InvalidArgument")
    assert (await door.get(f"{FUNCTIONS}/f")).json == before


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_if_match_must_name_the_function_as_it_is(door: Any, method: str) -> None:
    path = f"{FUNCTIONS}/f"
    await create(door)
    old = (await door.get(path)).headers["etag"]
    await door.clock.advance(1)
    await update(door, description="new")
    answer = await door.request(method, path, json={}, headers={"If-Match": old})
    assert answer.error()[:2] == (412, "PreconditionFailed")
    assert door.engine.functions.get("f").spec.description == "new"
    now = (await door.get(path)).headers["etag"]
    answer = await door.request(method, path, json={}, headers={"If-Match": now})
    assert answer.status in (200, 204)


async def test_what_is_not_there_is_not_found(door: Any) -> None:
    for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/code")):
        answer = await door.request(method, f"{FUNCTIONS}/f{tail}", json={})
        assert answer.error() == (404, "FunctionNotFound", "function 'f' does not exist")


async def test_a_qualifier_shows_the_version(door: Any) -> None:
    await create(door, description="one")
    await door.engine.functions.publish_version("f")
    await update(door, description="two")
    shown = (await door.get(f"{FUNCTIONS}/f?qualifier=1")).json
    assert shown["description"] == "one"
    assert shown["functionArn"] == "acs:fc:local:thence:functions/f/1"
    assert (await door.get(f"{FUNCTIONS}/f?qualifier=LATEST")).json["description"] == "two"
    assert (await door.get(f"{FUNCTIONS}/f?qualifier=2")).error()[:2] == (404, "VersionNotFound")
    assert (await door.get(f"{FUNCTIONS}/f?qualifier=a")).error()[:2] == (404, "AliasNotFound")


async def test_a_function_of_the_native_door_is_shown_and_keeps_its_contract(door: Any) -> None:
    await door.service.function("f", timeout_seconds=0.5, memory_mb=100, max_retries=1)
    shown = (await door.get(f"{FUNCTIONS}/f")).json
    assert (shown["runtime"], shown["handler"]) == ("python3", "main.handler")
    assert (shown["timeout"], shown["memorySize"]) == (1, 100)
    await update(door, description="d", timeout=5)
    spec = door.engine.functions.get("f").spec
    assert (spec.contract, spec.event, spec.max_retries) == ("native", "json", 1)
    assert (spec.description, spec.timeout_seconds) == ("d", 5)
    await update(door, runtime="python3.12", handler="index.handler")
    spec = door.engine.functions.get("f").spec
    assert (spec.contract, spec.event, spec.max_retries) == ("fc", "bytes", 1)


async def test_a_disabled_function_says_so(door: Any) -> None:
    await create(door)
    await door.engine.functions.put_control("f", Control(disabled="repairs"))
    shown = (await door.get(f"{FUNCTIONS}/f")).json["invocationRestriction"]
    assert shown == {
        "disable": True, "reason": "repairs", "lastModifiedTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip


async def test_a_reason_stays_until_another_is_said(door: Any) -> None:
    await create(door)

    async def disable(body: dict[str, Any]) -> str:
        answer = await door.post(f"{FUNCTIONS}/f/invoke/disable", json=body)
        assert answer.status == 200, answer.body
        restriction = (await door.get(f"{FUNCTIONS}/f")).json["invocationRestriction"]
        return str(restriction.get("reason", ""))

    assert await disable({}) == ""
    assert await disable({"reason": "repairs"}) == "repairs"
    assert await disable({"abortOngoingRequest": True}) == "repairs"
    assert await disable({"reason": ""}) == ""


async def test_a_function_with_a_trigger_is_not_deleted(door: Any) -> None:
    await create(door)
    owner = str(door.engine.functions.get("f").family)
    await door.engine.functions.put_entry("fc.trigger", owner, "t", b'{"triggerType":"timer"}')
    answer = await door.delete(f"{FUNCTIONS}/f")
    assert answer.error() == (409, "FunctionNotEmpty", "function 'f' has active triggers")
    assert door.engine.functions.get("f").name == "f"


# ---------------------------------------------------------------- lists


async def listed(door: Any, query: str = "") -> list[str]:
    answer = await door.get(f"{FUNCTIONS}?{query}")
    assert answer.status == 200, answer.body
    return [function["functionName"] for function in answer.json["functions"]]


async def test_an_empty_list_has_its_field(door: Any) -> None:
    assert (await door.get(FUNCTIONS)).json == {"functions": []}


async def test_a_list_comes_in_pages(door: Any) -> None:
    for name in "edcba":
        await create(door, functionName=name)
    found, token = [], ""
    for _ in range(3):
        answer = await door.get(f"{FUNCTIONS}?limit=2&nextToken={token}")
        found.append([function["functionName"] for function in answer.json["functions"]])
        token = answer.json.get("nextToken", "")
    assert found == [["a", "b"], ["c", "d"], ["e"]] and token == ""


async def test_filters_of_a_list(door: Any) -> None:
    tags = [{"Key": "k", "Value": "v"}, {"Key": "m", "Value": ""}]
    await create(door, functionName="a1", tags=tags, description="the first one")
    await create(door, functionName="a2", runtime="python3", tags=tags[1:], resourceGroupId="r")
    await door.service.function("b")
    await door.service.function("s$b")
    assert await listed(door) == ["a1", "a2", "b", "s$b"]
    assert await listed(door, "prefix=a") == ["a1", "a2"]
    assert await listed(door, "functionName=a1") == ["a1"]
    assert await listed(door, "description=first&limit=3") == ["a1"]
    assert await listed(door, "runtime=python3") == ["a2", "b", "s$b"]
    assert await listed(door, "fcVersion=v3") == ["a1", "a2", "b"]
    assert await listed(door, "fcVersion=v2") == ["s$b"]
    assert await listed(door, "gpuType=g") == []
    assert await listed(door, "resourceGroupId=r") == ["a2"]
    assert await listed(door, f"tags={quote(json.dumps(tags))}") == ["a1"]
    assert await listed(door, f"tags={quote(json.dumps(tags[1:]))}") == ["a1", "a2"]
    for query in ("fcVersion=v1", "tags=x", "limit=0", "limit=101", "nextToken=x"):
        assert (await door.get(f"{FUNCTIONS}?{query}")).error()[:2] == (400, "InvalidArgument")


async def test_a_function_of_a_service_has_its_services_name_before_it(door: Any) -> None:
    await door.service.function("s$f", description="d")
    shown = (await door.get(f"{FUNCTIONS}/s%24f")).json
    assert shown["functionName"] == "s$f" and shown["description"] == "d"
    assert shown["functionArn"] == "acs:fc:local:thence:services/s.LATEST/functions/f"


async def test_a_query_of_too_many_parameters_is_refused(door: Any) -> None:
    query = "&".join(f"a{number}=1" for number in range(101))
    status, code, message = (await door.get(f"{FUNCTIONS}?{query}")).error()
    assert (status, code) == (400, "InvalidArgument") and "at most 100" in message
