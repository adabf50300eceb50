"""The contract of FunctionGraph's Python runtimes, by real instances (reference 13.1 and 14.2)."""

from __future__ import annotations

import json
import re

import pytest

from thence.lifecycle.outcome import Outcome

ID = "00000000-0000-0000-0000-000000000001"
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def lines(ended):
    return ended.log.decode().splitlines()


def deploy(house, source, **spec):
    return house.deploy(source, contract="functiongraph", **spec)


@pytest.mark.parametrize(
    ("payload", "event"),
    [(b'{"a": [1, null]}', "{'a': [1, None]}"), (b'"x"', "'x'"), (b"", "{}")],
)
async def test_the_event_is_the_parsed_body(house, payload, event):
    function = deploy(house, "def handler(event, context): return repr(event)", event="bytes")
    assert json.loads((await house.run(function, payload)).result) == event


async def test_an_event_that_is_not_json_is_an_error(house):
    function = deploy(house, "def handler(event, context): return 1")
    ended = await house.run(function, b"\xff")
    assert (ended.outcome, ended.error_type) == (Outcome.FUNCTION_ERROR, "InvalidEvent")
    assert (await house.run(function, b"{}")).result == b"1"


@pytest.mark.parametrize(
    ("returned", "result"),
    [("{'sum': 5}", b'{"sum": 5}'), ("'text'", b'"text"'), ("None", b"null"), ("[1]", b"[1]")],
)
async def test_every_return_value_becomes_json(house, returned, result):
    ended = await house.run(deploy(house, f"def handler(event, context): return {returned}"))
    assert (ended.result, ended.result_type) == (result, "application/json")


@pytest.mark.parametrize("returned", ["b'bytes'", "object()", "{1}", "float('inf')"])
async def test_what_is_not_json_is_an_error(house, returned):
    ended = await house.run(deploy(house, f"def handler(event, context): return {returned}"))
    assert (ended.outcome, ended.error_type) == (Outcome.FUNCTION_ERROR, "ResultNotSerializable")


async def test_a_result_over_the_limit_is_an_error(house):
    await house.open(result_bytes_max=10)
    ended = await house.run(deploy(house, "def handler(event, context): return 'x' * 9"))
    assert ended.error_type == "ResultTooLarge" and "11 bytes" in ended.error_message


async def test_the_context_has_every_getter(house):
    await house.open(account_id="123", region="cn-test")
    function = deploy(
        house,
        """
        NAMES = '''RequestID RunningTimeInSeconds AccessKey SecretKey SecurityAccessKey
            SecuritySecretKey SecurityToken FunctionName Version MemorySize CPUNumber ProjectID
            Package Token Alias WorkflowID WorkflowRunID WorkflowStateID'''
        def handler(event, context):
            told = {name: getattr(context, "get" + name)() for name in NAMES.split()}
            told["left"] = 0 < context.getRemainingTimeInMilliSeconds() <= 7000
            told["data"] = [context.getUserData("MINE"), context.getUserData("no")]
            told["data"].append(context.getUserData("no", "instead"))
            told["ids"] = [context.get_invoke_id(), context.get_trace_id()]
            context.set_state(1)
            told["state"] = context.get_state()
            return told
        """,
        name="media$resize",
        version="v2",
        memory_mb=256,
        timeout_seconds=7,
        environment={"MINE": "1"},
        attributes={"functiongraph": {"project_id": "p1"}},
    )
    told = json.loads((await house.run(function, qualifier="prod", traceparent="00-a-b-1")).result)
    empty = """AccessKey SecretKey SecurityAccessKey SecuritySecretKey SecurityToken Token
        WorkflowID WorkflowRunID WorkflowStateID"""
    assert told == {
        **dict.fromkeys(empty.split(), ""),
        "RequestID": ID,
        "RunningTimeInSeconds": 7,
        "FunctionName": "resize",
        "Package": "media",
        "Version": "v2",
        "Alias": "prod",
        "MemorySize": 256,
        "CPUNumber": 400,
        "ProjectID": "p1",
        "left": True,
        "data": ["1", None, "instead"],
        "ids": [ID, "a"],
        "state": 1,
    }


async def test_a_call_without_an_alias_has_none_and_no_package_is_the_default_one(house):
    await house.open(account_id="123")
    function = deploy(
        house,
        """
        def handler(event, context):
            return [context.getAlias(), context.getVersion(), context.getPackage(),
                    context.getProjectID(), context.getFunctionName()]
        """,
    )
    told = json.loads((await house.run(function)).result)
    assert told == ["", "latest", "default", "123", "f1"]


async def test_the_log_has_a_start_and_a_finish_line_and_a_logger_of_its_form(house):
    function = deploy(
        house,
        """
        def handler(event, context):
            print("printed")
            context.getLogger().info("adding %s", 1)
        """,
    )
    told = lines(await house.run(function))
    assert re.fullmatch(rf"{INSTANT} Start invoke request '{ID}', version: latest", told[0])
    assert told[1] == "printed"
    assert re.fullmatch(rf"{INSTANT} {ID} {ID} INFO adding 1", told[2])
    measures = (
        r"duration: \d+\.\d{3}ms, billing duration: \d+ms, memory used: \d+\.\d{3}MB, "
        r"billing memory: 256MB, cpu used: \d+\.\d{3}U"
    )
    assert re.fullmatch(rf"{INSTANT} Finish invoke request '{ID}', {measures}", told[3])
    assert len(told) == 4


async def test_a_line_of_the_logger_has_at_most_90_kilobytes(house):
    await house.open(log_bytes_max=200_000)
    function = deploy(
        house, "def handler(event, context): context.getLogger().info('\u00e9' * 100_000)"
    )
    line = (await house.run(function)).log.splitlines()[1]
    assert 90 * 1024 - 1 <= len(line) <= 90 * 1024


async def test_the_environment_is_the_vendors_and_holds_the_users_own(house):
    await house.open(account_id="123", result_bytes_max=1000)
    function = deploy(
        house,
        """
        import os
        def initialize(context): pass
        def handler(event, context):
            return {k: v for k, v in os.environ.items() if k.startswith("RUNTIME_") or k == "MINE"}
        """,
        name="media$resize",
        version="v2",
        memory_mb=128,
        timeout_seconds=7,
        initializer="main.initialize",
        initializer_timeout_seconds=9,
        environment={"MINE": "1"},
    )
    told = json.loads((await house.run(function)).result)
    assert told.pop("RUNTIME_CODE_ROOT").endswith("code-1-1")
    assert told == {
        "MINE": "1",
        "RUNTIME_PROJECT_ID": "123",
        "RUNTIME_FUNC_NAME": "resize",
        "RUNTIME_FUNC_VERSION": "v2",
        "RUNTIME_PACKAGE": "media",
        "RUNTIME_HANDLER": "main.handler",
        "RUNTIME_TIMEOUT": "7",
        "RUNTIME_USERDATA": '{"MINE": "1"}',
        "RUNTIME_CPU": "300",
        "RUNTIME_MEMORY": "128",
        "RUNTIME_MAX_RESP_BODY_SIZE": "1000",
        "RUNTIME_INITIALIZER_HANDLER": "main.initialize",
        "RUNTIME_INITIALIZER_TIMEOUT": "9",
    }


async def test_an_error_has_its_class_its_text_and_the_users_frames(house):
    function = deploy(
        house,
        """
        def inner(): raise KeyError("missing")
        def handler(event, context): inner()
        """,
    )
    ended = await house.run(function)
    assert ended.outcome is Outcome.FUNCTION_ERROR
    assert (ended.error_type, ended.error_message) == ("KeyError", "'missing'")
    assert "in inner" in ended.error_stack and "worker.py" not in ended.error_stack


async def test_a_missing_entry_is_named(house):
    ended = await house.run(deploy(house, "", handler="main.missing"))
    assert ended.error_type == "HandlerNotFound" and "'missing'" in ended.error_message
    ended = await house.run(deploy(house, "", id=2, handler="nowhere.handler"))
    assert ended.error_type == "ImportError" and "'nowhere'" in ended.error_message
