"""Functions of FC 2.0 and older: in services, with fields of their own."""

from __future__ import annotations

import base64
from typing import Any

import fastcrc
import pytest

from thence.catalog.code import pack

ARCHIVE = pack([("index.py", b"def handler(event, context):\n    return event\n")])
ZIP = base64.b64encode(ARCHIVE).decode()
CRC = str(fastcrc.crc64.xz(ARCHIVE))
INPUT = {
    "functionName": "f",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"zipFile": ZIP},
}
GENERATIONS = ["/2021-04-06", "/2016-08-15"]


@pytest.fixture(params=GENERATIONS)
async def functions(request: pytest.FixtureRequest, door: Any) -> str:
    """The path of the functions of service `s`."""
    answer = await door.post(f"{request.param}/services", json={"serviceName": "s"})
    assert answer.status == 200, answer.body
    return f"{request.param}/services/s/functions"


async def create(door: Any, functions: str, **fields: Any) -> Any:
    answer = await door.post(functions, json={**INPUT, **fields})
    assert answer.status == 200, answer.body
    return answer.json


async def test_a_function_is_created_shown_updated_and_deleted(door: Any, functions: str) -> None:
    created = await create(door, functions, description="d")
    assert created["functionName"] == "f" and created["layers"] == []
    found = await door.get(f"{functions}/f")
    assert found.json == created and found.headers["etag"]
    spec = door.engine.functions.get("s$f").spec
    assert (spec.contract, spec.timeout_seconds, spec.memory_mb) == ("fc", 3, 128)
    answer = await door.put(f"{functions}/f", json={"timeout": 9})
    assert answer.json == {**created, "timeout": 9}
    assert (await door.delete(f"{functions}/f")).status == 204
    assert (await door.get(f"{functions}/f")).error() == (
        404, "FunctionNotFound", "function 'f' does not exist in service 's'",
    )  # fmt: skip


async def test_the_fields_of_this_generation_act(door: Any, functions: str) -> None:
    shown = await create(
        door,
        functions,
        initializer="lib/a.init",
        initializationTimeout=30,
        instanceConcurrency=2,
        instanceType="c1",
        instanceSoftConcurrency=1,
        caPort=9000,
        instanceLifecycleConfig={"preStop": {"handler": "a.stop", "timeout": 4}},
    )
    spec = door.engine.functions.get("s$f").spec
    assert (spec.initializer, spec.initializer_timeout_seconds) == ("lib.a.init", 30)
    assert (spec.pre_stop, spec.pre_stop_timeout_seconds, spec.concurrency) == ("a.stop", 4, 200)
    assert (shown["initializer"], shown["initializationTimeout"]) == ("lib/a.init", 30)
    assert (shown["instanceType"], shown["caPort"]) == ("c1", 9000)
    answer = await door.put(f"{functions}/f", json={"initializer": "", "InstanceConcurrency": 1})
    assert answer.status == 200, answer.body
    spec = door.engine.functions.get("s$f").spec
    assert (spec.initializer, spec.concurrency, spec.pre_stop) == ("", 100, "a.stop")


async def test_keys_are_taken_in_any_case(door: Any, functions: str) -> None:
    body = {
        "FunctionName": "f", "Runtime": "python3", "Handler": "index.handler",
        "Code": {"ZipFile": ZIP}, "EnvironmentVariables": {"Key": "v"},
    }  # fmt: skip
    answer = await door.post(functions, json=body)
    assert answer.status == 200, answer.body
    assert answer.json["environmentVariables"] == {"Key": "v"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("runtime", "python2.7"),
        ("runtime", "nodejs8"),
        ("gpuMemorySize", 8192),
        ("instanceType", "fc.gpu.tesla.1"),
        ("customHealthCheckConfig", {"httpGetUrl": "/"}),
        ("layers", ["acs:fc:l"]),
        ("initializationTimeout", 301),
        ("initializer", "init"),
        ("instanceLifecycleConfig.preFreeze", {"preFreeze": {"handler": "a.b", "timeout": 3}}),
        ("instanceLifecycleConfig.initializer", {"initializer": {"handler": "a.b"}}),
        ("vpcConfig", {"vpcId": "v"}),
    ],
)
async def test_what_cannot_be_done_is_refused_by_its_name(
    door: Any, functions: str, field: str, value: Any
) -> None:
    body = {**INPUT, field.partition(".")[0]: value}
    status, code, message = (await door.post(functions, json=body)).error()
    assert (status, code) == (400, "InvalidArgument") and message.startswith(field)
    assert door.engine.functions.all() == []


async def test_a_function_needs_its_service(door: Any) -> None:
    for generation in GENERATIONS:
        functions = f"{generation}/services/s/functions"
        missing = (404, "ServiceNotFound", "service 's' does not exist")
        assert (await door.post(functions, json=INPUT)).error() == missing
        assert (await door.get(functions)).error() == missing
        assert (await door.get(f"{functions}/f")).error() == missing
        assert (await door.put(f"{functions}/f", json={})).error() == missing
        assert (await door.delete(f"{functions}/f")).error() == missing


async def test_a_function_that_is_there_is_not_created_again(door: Any, functions: str) -> None:
    await create(door, functions)
    answer = await door.post(functions, json=INPUT)
    message = "function 'f' already exists in service 's'"
    assert answer.error() == (409, "FunctionAlreadyExists", message)


async def test_the_checksum_of_the_header_is_verified(door: Any, functions: str) -> None:
    """One client writes headers as JSON texts, in quotation marks."""
    for said in ("17", '"17"'):
        answer = await door.post(functions, json=INPUT, headers={"X-Fc-Code-Checksum": said})
        assert answer.error()[2].startswith("x-fc-code-checksum: '17'")
    assert door.engine.functions.all() == []
    for method, path in (("POST", functions), ("PUT", f"{functions}/f")):
        for said in (CRC, f'"{CRC}"'):
            headers = {"X-Fc-Code-Checksum": said}
            answer = await door.request(method, path, json=INPUT, headers=headers)
            assert answer.status in (200, 409), answer.body


async def test_a_list_has_the_services_functions_in_pages(door: Any, functions: str) -> None:
    for name in ("a", "b1", "b2"):
        await create(door, functions, functionName=name)
    await door.service.function("other$a")
    await door.service.function("a")

    async def names(query: str) -> list[str]:
        answer = await door.get(f"{functions}?{query}")
        return [function["functionName"] for function in answer.json["functions"]]

    assert await names("") == ["a", "b1", "b2"]
    assert await names("prefix=b") == ["b1", "b2"]
    assert await names("startKey=b1") == ["b1", "b2"]
    first = (await door.get(f"{functions}?limit=2")).json
    assert await names(f"limit=2&nextToken={first['nextToken']}") == ["b2"]


async def test_a_qualifier_shows_functions_as_they_were(door: Any, functions: str) -> None:
    await create(door, functions, description="old")
    await door.engine.functions.publish_version("s$f", "", "1")
    await door.put(f"{functions}/f", json={"description": "new"})
    await create(door, functions, functionName="later")
    old = functions.startswith("/2016")
    base = functions.replace("/s/", "/s.1/") if old else functions
    query = "" if old else "?qualifier=1"
    assert (await door.get(f"{base}/f{query}")).json["description"] == "old"
    found = (await door.get(f"{base}{query}")).json["functions"]
    assert [(entry["functionName"], entry["description"]) for entry in found] == [("f", "old")]


async def test_if_match_must_name_the_function_as_it_is(door: Any, functions: str) -> None:
    await create(door, functions)
    wrong = {"If-Match": "0" * 32}
    for method in ("PUT", "DELETE"):
        answer = await door.request(method, f"{functions}/f", json={}, headers=wrong)
        assert answer.error()[:2] == (412, "PreconditionFailed")
