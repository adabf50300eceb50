"""Every error of reference 3.4 that can be raised here is provoked over HTTP: its status, its code and,
where the reference has one, its sentence. docs/reference/api-fc.md lists the same, and the rest with
the reason why it cannot come."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import thence.api.fc
from thence.catalog.code import pack
from thence.catalog.step import PutEntry
from thence.config.settings import Secret
from thence.testing.answers import PlatformError, Throttle

from .conftest import Answer, FcDoor, Wire, wired

V3, V2, OLD = "/2023-03-30", "/2021-04-06", "/2016-08-15"
F, SF = f"{V3}/functions/f", f"{V2}/services/s/functions/f"
CODE = pack([("index.py", b"def handler(event, context): ...\n")])
FUNCTION = {
    "functionName": "f",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"zipFile": base64.b64encode(CODE).decode()},
}
ASYNC = {"x-fc-invocation-type": "Async"}
OLD_TAG = {"if-match": '"0123"'}
AUTHORIZATION = "ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=" + "0" * 64
SIGNED = "host;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce"

# Reference 3.4, with the sentence where one is known.
REFERENCE: dict[tuple[int, str], str | None] = {
    (400, "InvalidArgument"): None,
    (400, "MissingRequiredHeader"): "required HTTP header %s was not specified",
    (400, "PathNotSupported"): "'%s' against '%s' is not supported",
    (400, "EntityTooLarge"): "payload size exceeds maximum allowed size (%s bytes)",
    (400, "LimitExceededError"): None,
    (400, "InstanceMetricsRequired"): None,
    (403, "AccessDenied"): None,
    (403, "SignatureNotMatch"): (
        "The request signature we calculated does not match the signature you provided. Check "
        "your access key and signing method"
    ),
    (403, "InvalidAccessKeyID"): "invalid access key ID '%s'",
    (404, "FunctionNotFound"): "function '%s' does not exist",
    (404, "ServiceNotFound"): "service '%s' does not exist",
    (404, "AliasNotFound"): "alias '%s' of %s '%s' does not exist",
    (404, "VersionNotFound"): None,
    (404, "TriggerNotFound"): None,
    (404, "DomainNameNotFound"): None,
    (404, "OnDemandConfigNotFound"): None,
    (404, "AsyncConfigNotExists"): None,
    (404, "AsyncTaskNotFound"): None,
    (404, "StatefulAsyncInvocationNotFound"): None,
    (409, "FunctionAlreadyExists"): "function '%s' already exists",
    (409, "TriggerAlreadyExists"): None,
    (409, "AliasAlreadyExists"): None,
    (409, "ServiceAlreadyExists"): None,
    (409, "ConcurrentUpdateError"): None,
    (409, "EventBridgeTriggerConflict"): None,
    (409, "FunctionNotEmpty"): "function '%s' has active triggers",
    (409, "StatefulAsyncInvocationAlreadyExists"): None,
    (412, "PreconditionFailed"): "the resource being modified has been changed",
    (412, "CAExited"): None,
    (412, "CAFileNotFound"): None,
    (412, "FunctionNotStarted"): None,
    (429, "ResourceExhausted"): None,
    (499, "ClientClosedRequest"): None,
    (500, "InternalServerError"): "an internal error has occurred. Please retry.",
    (502, "BadResponse"): None,
    (503, "ResourceThrottled"): None,
}
# Chosen here, by analogy with the others.
OURS = {
    (404, "ConcurrencyConfigNotFound"),
    (409, "AsyncTaskAlreadyExists"),
    (409, "ServiceNotEmpty"),
}
IN_SERVICE = {  # how FC 2.0 says it
    "FunctionNotFound": "function '%s' does not exist in service '%s'",
    "FunctionAlreadyExists": "function '%s' already exists in service '%s'",
}


class Port(Wire):
    """A door behind a port."""

    async def done(self, method: str, path: str, **more: Any) -> Answer:
        """Something that has to be there first."""
        answer = await self.request(method, path, **more)
        assert answer.status < 300, answer.body
        return answer

    async def function(self) -> None:
        await self.done("POST", f"{V3}/functions", json=FUNCTION)

    async def service_function(self) -> None:
        await self.done("POST", f"{V2}/services", json={"serviceName": "s"})
        await self.done("POST", f"{V2}/services/s/functions", json=FUNCTION)

    async def trigger(self) -> None:
        """As it will be stored once a kind can fire."""
        owner = str(self.engine.functions.get("f").family)
        shown = {"triggerName": "t", "triggerType": "timer"}
        await self.engine.functions.put_entry("fc.trigger", owner, "t", json.dumps(shown).encode())


Provoke = Callable[[Port], Awaitable[Answer]]


class Case(NamedTuple):
    status: int
    code: str
    provoke: Provoke
    credentials: bool
    options: dict[str, Any]


CASES: list[Case] = []


def case(
    status: int, code: str, *, credentials: bool = False, **options: Any
) -> Callable[[Provoke], Provoke]:
    def add(provoke: Provoke) -> Provoke:
        CASES.append(Case(status, code, provoke, credentials, options))
        return provoke

    return add


# ---------------------------------------------------------------- 400


@case(400, "InvalidArgument")
async def a_field_over_its_limit(port: Port) -> Answer:
    return await port.request("POST", f"{V3}/functions", json={**FUNCTION, "timeout": 0})


@case(400, "InvalidArgument")
async def a_body_that_is_no_json(port: Port) -> Answer:
    return await port.request("POST", f"{V3}/functions", data=b"{")


@case(400, "InvalidArgument")
async def a_task_that_has_ended_is_stopped(port: Port) -> Answer:
    await port.function()
    headers = {**ASYNC, "x-fc-stateful-async-invocation-enable": "true"}
    id = (await port.done("POST", f"{F}/invocations", headers=headers)).headers
    await port.service.settle()
    return await port.request("PUT", f"{F}/async-tasks/{id['x-fc-request-id']}/stop")


@case(400, "MissingRequiredHeader", credentials=True)
async def no_signature(port: Port) -> Answer:
    return await port.request("GET", f"{V3}/functions")


@case(400, "PathNotSupported")
async def a_path_that_is_not_there(port: Port) -> Answer:
    return await port.request("GET", f"{V3}/custom-domains")


@case(400, "PathNotSupported")
async def a_method_that_is_not_there(port: Port) -> Answer:
    return await port.request("PATCH", f"{V2}/services/s")


@case(400, "EntityTooLarge")
async def an_asynchronous_payload_over_128_kib(port: Port) -> Answer:
    await port.function()
    return await port.request("POST", f"{F}/invocations", data=b"x" * 131_073, headers=ASYNC)


@case(400, "EntityTooLarge")
async def a_synchronous_payload_over_32_mib(port: Port) -> Answer:
    await port.function()
    return await port.request("POST", f"{F}/invocations", data=b"x" * (32 * 1024 * 1024 + 1))


@case(400, "LimitExceededError")
async def more_tags_than_a_resource_may_have(port: Port) -> Answer:
    await port.function()
    tags = [{"Key": f"k{number}", "Value": "v"} for number in range(21)]
    body = {"ResourceType": "function", "ResourceId": ["functions/f"], "Tag": tags}
    return await port.request("POST", f"{V3}/tags-v2", json=body)


# ---------------------------------------------------------------- 403


@case(403, "AccessDenied", credentials=True)
async def another_scheme(port: Port) -> Answer:
    return await port.request("GET", f"{V3}/functions", headers={"authorization": "Bearer x"})


@case(403, "AccessDenied")
async def a_disabled_function(port: Port) -> Answer:
    await port.function()
    await port.done("POST", f"{F}/invoke/disable", json={"reason": "holidays"})
    return await port.request("POST", f"{F}/invocations", headers=ASYNC)


def signed_by(id: str) -> dict[str, str]:
    return {
        "x-acs-date": "2026-01-01T00:00:00Z",
        "x-acs-signature-nonce": "n",
        "x-acs-content-sha256": "0" * 64,
        "authorization": AUTHORIZATION % (id, SIGNED),
    }


@case(403, "SignatureNotMatch", credentials=True)
async def a_wrong_signature(port: Port) -> Answer:
    return await port.request("GET", f"{V3}/functions", headers=signed_by("root"))


@case(403, "InvalidAccessKeyID", credentials=True)
async def an_unknown_key(port: Port) -> Answer:
    return await port.request("GET", f"{V3}/functions", headers=signed_by("nobody"))


# ---------------------------------------------------------------- 404


@case(404, "FunctionNotFound")
async def no_function(port: Port) -> Answer:
    return await port.request("GET", F)


@case(404, "FunctionNotFound")
async def no_function_to_call(port: Port) -> Answer:
    return await port.request("POST", f"{F}/invocations", headers=ASYNC)


@case(404, "FunctionNotFound")
async def no_function_in_a_service(port: Port) -> Answer:
    await port.done("POST", f"{V2}/services", json={"serviceName": "s"})
    return await port.request("GET", SF)


@case(404, "ServiceNotFound")
async def no_service(port: Port) -> Answer:
    return await port.request("GET", f"{OLD}/services/s")


@case(404, "ServiceNotFound")
async def no_service_to_call(port: Port) -> Answer:
    return await port.request("POST", f"{SF}/invocations", headers=ASYNC)


@case(404, "AliasNotFound")
async def no_alias(port: Port) -> Answer:
    await port.function()
    return await port.request("GET", f"{F}/aliases/prod")


@case(404, "AliasNotFound")
async def no_alias_to_call(port: Port) -> Answer:
    await port.service_function()
    return await port.request("POST", f"{SF}/invocations?qualifier=prod", headers=ASYNC)


@case(404, "VersionNotFound")
async def no_version(port: Port) -> Answer:
    await port.function()
    return await port.request("POST", f"{F}/invocations?qualifier=7", headers=ASYNC)


@case(404, "VersionNotFound")
async def no_version_of_a_service(port: Port) -> Answer:
    await port.service_function()
    return await port.request("DELETE", f"{V2}/services/s/versions/7")


@case(404, "TriggerNotFound")
async def no_trigger(port: Port) -> Answer:
    await port.function()
    return await port.request("GET", f"{F}/triggers/t")


@case(404, "OnDemandConfigNotFound")
async def no_on_demand_maximum(port: Port) -> Answer:
    await port.service_function()
    return await port.request("GET", f"{SF}/on-demand-config?qualifier=LATEST")


@case(404, "ConcurrencyConfigNotFound")
async def no_reserved_concurrency(port: Port) -> Answer:
    await port.function()
    return await port.request("GET", f"{F}/concurrency")


@case(404, "AsyncConfigNotExists")
async def no_asynchronous_configuration(port: Port) -> Answer:
    await port.function()
    return await port.request("GET", f"{F}/async-invoke-config")


@case(404, "AsyncConfigNotExists")
async def no_asynchronous_configuration_in_a_service(port: Port) -> Answer:
    await port.service_function()
    return await port.request("DELETE", f"{SF}/async-invoke-config")


@case(404, "AsyncTaskNotFound")
async def no_task(port: Port) -> Answer:
    await port.function()
    return await port.request("GET", f"{F}/async-tasks/t-1")


@case(404, "StatefulAsyncInvocationNotFound")
async def no_stateful_invocation(port: Port) -> Answer:
    await port.service_function()
    return await port.request("PUT", f"{SF}/stateful-async-invocations/t-1")


# ---------------------------------------------------------------- 409


@case(409, "FunctionAlreadyExists")
async def a_function_again(port: Port) -> Answer:
    await port.function()
    return await port.request("POST", f"{V3}/functions", json=FUNCTION)


@case(409, "FunctionAlreadyExists")
async def a_function_of_a_service_again(port: Port) -> Answer:
    await port.service_function()
    return await port.request("POST", f"{V2}/services/s/functions", json=FUNCTION)


@case(409, "ServiceAlreadyExists")
async def a_service_again(port: Port) -> Answer:
    await port.service_function()
    return await port.request("POST", f"{V2}/services", json={"serviceName": "s"})


@case(409, "ServiceNotEmpty")
async def a_service_with_functions_is_deleted(port: Port) -> Answer:
    await port.service_function()
    return await port.request("DELETE", f"{V2}/services/s")


@case(409, "AliasAlreadyExists")
async def an_alias_again(port: Port) -> Answer:
    await port.function()
    await port.done("POST", f"{F}/versions", json={})
    body = {"aliasName": "prod", "versionId": "1"}
    await port.done("POST", f"{F}/aliases", json=body)
    return await port.request("POST", f"{F}/aliases", json=body)


@case(409, "TriggerAlreadyExists")
async def a_trigger_again(port: Port) -> Answer:
    await port.function()
    await port.trigger()
    body = {"triggerName": "t", "triggerType": "timer", "triggerConfig": "{}"}
    return await port.request("POST", f"{F}/triggers", json=body)


@case(409, "FunctionNotEmpty")
async def a_function_with_triggers_is_deleted(port: Port) -> Answer:
    await port.function()
    await port.trigger()
    return await port.request("DELETE", F)


@case(409, "ConcurrentUpdateError")
async def what_others_change_each_time_that_it_is_tried(port: Port) -> Answer:
    await port.service_function()
    store, name = port.engine.parts.store, itertools.count()
    change = store.change

    async def others_first(*args: Any, **named: Any) -> Any:
        await change([PutEntry("other", "", str(next(name)), b"1")], 0)
        return await change(*args, **named)

    store.change = others_first
    return await port.request("POST", f"{V2}/services/s/versions", json={})


async def _twice(port: Port, base: str) -> Answer:
    headers = {
        **ASYNC,
        "x-fc-async-task-id": "t-1",
        "x-fc-stateful-async-invocation-enable": "true",
    }
    await port.done("POST", f"{base}/invocations", headers=headers)
    return await port.request("POST", f"{base}/invocations", headers=headers)


@case(409, "AsyncTaskAlreadyExists")
async def a_task_id_again(port: Port) -> Answer:
    await port.function()
    return await _twice(port, F)


@case(409, "StatefulAsyncInvocationAlreadyExists")
async def a_stateful_invocation_again(port: Port) -> Answer:
    await port.service_function()
    return await _twice(port, SF)


# ---------------------------------------------------------------- 412 and above


@case(412, "PreconditionFailed")
async def a_function_that_was_changed(port: Port) -> Answer:
    await port.function()
    return await port.request("PUT", F, json={"timeout": 5}, headers=OLD_TAG)


@case(412, "PreconditionFailed")
async def a_service_that_was_changed(port: Port) -> Answer:
    await port.service_function()
    return await port.request("DELETE", f"{V2}/services/s", headers=OLD_TAG)


@case(429, "ResourceExhausted", waiting_max=1)
async def more_waits_than_may(port: Port) -> Answer:
    await port.function()
    await port.done("PUT", f"{F}/concurrency", json={"reservedConcurrency": 0})
    await port.done("POST", f"{F}/invocations", headers=ASYNC)
    return await port.request("POST", f"{F}/invocations", headers=ASYNC)


@case(429, "ResourceExhausted")
async def no_slot_is_free(port: Port) -> Answer:
    await port.function()
    await port.done("PUT", f"{F}/concurrency", json={"reservedConcurrency": 0})
    return await port.request("POST", f"{F}/invocations")


@case(429, "ResourceExhausted")
async def an_instance_that_is_throttled(port: Port) -> Answer:
    port.service.scripts.set("f", [Throttle()])
    await port.function()
    return await port.request("POST", f"{F}/invocations")


@case(500, "InternalServerError")
async def trouble_of_the_platform(port: Port) -> Answer:
    port.service.scripts.set("f", [PlatformError()])
    await port.function()
    return await port.request("POST", f"{F}/invocations")


@case(500, "InternalServerError")
async def a_mistake_of_the_door(port: Port) -> Answer:
    port.engine.functions = None
    return await port.request("GET", f"{V3}/functions")


@case(503, "ResourceThrottled")
async def no_room_for_an_instance(port: Port) -> Answer:
    port.service.scripts.set("f", [PlatformError(type="InstanceNotStarted")])
    await port.function()
    return await port.request("POST", f"{F}/invocations")


@case(503, "ResourceThrottled")
async def a_full_disk(port: Port) -> Answer:
    await port.function()
    port.service.disk_full(60)
    return await port.request("POST", f"{F}/invocations", headers=ASYNC)


# ---------------------------------------------------------------- the tests


def template_of(case: Case, message: str) -> str | None:
    template = REFERENCE.get((case.status, case.code))
    return IN_SERVICE.get(case.code, template) if " in service " in message else template


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.provoke.__name__)
async def test_an_error_has_its_status_code_and_sentence(make_door: Any, case: Case) -> None:
    keys = {"root_access_key_id": "root", "root_access_key_secret": Secret("secret")}
    door: FcDoor = await make_door(case.options, **(keys if case.credentials else {}))
    async with wired(door, Port) as port:
        answer = await case.provoke(port)
    status, code, message = answer.error()
    assert (status, code) == (case.status, case.code), message
    assert answer.headers["content-type"] == "application/json"
    template = template_of(case, message)
    if template is not None:
        pattern = re.escape(template).replace("%s", ".+")
        assert re.fullmatch(pattern, message), message
    assert message and len(message) < 500


PAGE = (Path(__file__).parents[2] / "docs/reference/api-fc.md").read_text()
ERRORS = PAGE.partition("\n## Errors\n")[2].partition("\n## ")[0]
ANSWERED, _, UNANSWERED = ERRORS.partition("\n### Errors that never come\n")


def listed(section: str) -> list[tuple[int, str]]:
    rows = (re.match(r"\| (\d{3}) \| (.*?) \|", line) for line in section.splitlines())
    return [(int(row[1]), code) for row in rows if row for code in re.findall(r"`([^`]+)`", row[2])]


def test_the_page_lists_every_error_that_is_provoked_here() -> None:
    found = listed(ANSWERED)
    assert sorted(found) == sorted({(case.status, case.code) for case in CASES})


def test_the_page_gives_a_reason_for_every_other_error_of_the_vendor() -> None:
    answered, never = set(listed(ANSWERED)), set(listed(UNANSWERED))
    assert not answered & never
    assert answered | never == set(REFERENCE) | OURS


def test_every_code_that_the_door_writes_is_in_the_table() -> None:
    written: set[tuple[int, str]] = set()
    for file in Path(thence.api.fc.__path__[0]).glob("*.py"):
        found = re.findall(r"FcError\(\s*(\d{3}),\s*\"(\w+)\"", file.read_text())
        written |= {(int(status), code) for status, code in found}
    assert len(written) > 15
    assert written <= {(case.status, case.code) for case in CASES}


async def test_a_bucket_of_the_vendors_for_code_is_not_answered_and_the_page_says_so(
    make_door: Any,
) -> None:
    """What the first client asks for before it sends large code."""
    door: FcDoor = await make_door({})
    async with wired(door) as port:
        answer = await port.request("GET", "/2016-08-15/services/s/tempCodeBucketToken")
    assert answer.error()[1] == "PathNotSupported"
    line = next(line for line in PAGE.splitlines() if line.startswith("Not answered"))
    assert "`…/services/{s}/tempCodeBucketToken` of `/2016-08-15`" in line
