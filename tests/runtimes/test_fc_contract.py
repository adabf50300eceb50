"""The contract of Function Compute's Python runtimes, by real instances (reference 9.1 and 10)."""

from __future__ import annotations

import json
import re

import pytest

from thence.lifecycle.outcome import Outcome

ID = "00000000-0000-0000-0000-000000000001"
CONTEXT = """
    def handler(event, context):
        def told(value):
            if isinstance(value, (str, int, float, dict)): return value
            return {k: told(v) for k, v in vars(value).items()}
        return {k: told(v) for k, v in vars(context).items() if k != "logger"}
"""


def lines(ended):
    return ended.log.decode().splitlines()


def deploy(house, source, **spec):
    return house.deploy(source, contract="fc", **spec)


async def test_the_event_is_bytes_whatever_the_function_says_of_it(house):
    function = deploy(house, "def handler(event, context): return repr(event)", event="json")
    assert (await house.run(function, b'{"a": 1}')).result == b"b'{\"a\": 1}'"
    assert (await house.run(function, b"")).result == b"b''"
    assert (await house.run(function, b"\xff")).result == b"b'\\xff'"


@pytest.mark.parametrize(
    ("returned", "result", "kind"),
    [
        ("'as it is \u00e9'", "as it is \u00e9".encode(), "application/octet-stream"),
        ("b'\\x00\\xff'", b"\x00\xff", "application/octet-stream"),
        ("bytearray(b'xy')", b"xy", "application/octet-stream"),
        ("{'a': [1, None]}", b'{"a": [1, null]}', "application/json"),
        ("None", b"null", "application/json"),
        ("3", b"3", "application/json"),
    ],
)
async def test_text_and_bytes_are_answered_as_they_are_and_the_rest_as_json(
    house, returned, result, kind
):
    ended = await house.run(deploy(house, f"def handler(event, context): return {returned}"))
    assert (ended.result, ended.result_type) == (result, kind)


@pytest.mark.parametrize("returned", ["object()", "{1, 2}", "float('nan')", "{(1, 2): 3}"])
async def test_a_result_that_is_not_json_is_an_error(house, returned):
    ended = await house.run(deploy(house, f"def handler(event, context): return {returned}"))
    assert ended.outcome is Outcome.FUNCTION_ERROR
    assert ended.error_type == "ResultNotSerializable"
    assert lines(ended)[-1].endswith(", Error: Unhandled function error")


async def test_a_result_over_the_limit_is_an_error(house):
    await house.open(result_bytes_max=10)
    ended = await house.run(deploy(house, "def handler(event, context): return '\u00e9' * 6"))
    assert ended.error_type == "ResultTooLarge" and "12 bytes" in ended.error_message


async def test_the_context_has_the_fields_of_both_generations(house):
    await house.open(account_id="123", region="cn-test")
    function = deploy(
        house,
        CONTEXT,
        memory_mb=128,
        timeout_seconds=7,
        attributes={"fc": {"logConfig": {"project": "p", "logstore": "l"}}},
    )
    told = json.loads((await house.run(function, retries_used=2, traceparent="00-a-b-01")).result)
    assert told == {
        "request_id": ID,
        "credentials": {"access_key_id": "", "access_key_secret": "", "security_token": ""},
        "function": {
            "name": "f1",
            "handler": "main.handler",
            "memory": 128,
            "timeout": 7,
            "version_id": "LATEST",
            "qualifier": "LATEST",
        },
        "service": {
            "name": "",
            "log_project": "p",
            "log_store": "l",
            "qualifier": "LATEST",
            "version_id": "LATEST",
        },
        "region": "cn-test",
        "account_id": "123",
        "tracing": {"span_context": "00-a-b-01", "span_baggages": {}, "jaeger_endpoint": ""},
        "retry_count": 2,
        "log_project": "p",
        "log_store": "l",
    }


async def test_a_function_of_a_service_knows_both_names_its_version_and_the_alias(house):
    function = deploy(house, CONTEXT, name="shop$resize", version="3")
    told = json.loads((await house.run(function, qualifier="prod")).result)
    assert (told["service"]["name"], told["function"]["name"]) == ("shop", "resize")
    for half in ("service", "function"):
        assert (told[half]["version_id"], told[half]["qualifier"]) == ("3", "prod")
    told = json.loads((await house.run(function)).result)
    assert told["service"]["qualifier"] == "3"


async def test_credentials_are_the_functions_own_and_never_the_services(house, monkeypatch):
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "of the service")
    source = "def handler(event, context): return vars(context.credentials)"
    assert "service" not in (await house.run(deploy(house, source))).result.decode()
    own = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "i", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"}
    told = json.loads((await house.run(deploy(house, source, id=2, environment=own))).result)
    assert told == {"access_key_id": "i", "access_key_secret": "s", "security_token": ""}


async def test_the_log_has_a_line_before_and_one_after_a_run_and_a_logger_of_its_form(house):
    function = deploy(
        house,
        """
        import logging
        def handler(event, context):
            print("printed")
            context.logger.info("told %s", 1)
            logging.getLogger("other").warning("mind")
            context.logger.debug("not seen")
        """,
    )
    first = lines(await house.run(function))
    assert first[0] == "FunctionCompute python3 runtime inited."
    assert first[1] == f"FC Invoke Start RequestId: {ID}"
    assert first[2] == "printed"
    instant = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(rf"{instant} {ID} \[INFO\] told 1", first[3])
    assert re.fullmatch(rf"{instant} {ID} \[WARNING\] mind", first[4])
    assert first[5:] == [f"FC Invoke End RequestId: {ID}"]
    second = lines(await house.run(function))
    other = ID[:-1] + "2"
    assert (second[0], second[-1]) == (
        f"FC Invoke Start RequestId: {other}",
        f"FC Invoke End RequestId: {other}",
    )
    assert f" {other} [INFO]" in second[2]


async def test_an_error_is_in_the_last_line_and_costs_no_instance(house):
    function = deploy(house, "def handler(event, context):\n    raise KeyError('missing')")
    ended = await house.run(function)
    assert (ended.error_type, ended.error_message) == ("KeyError", "'missing'")
    assert ended.error_stack.startswith("Traceback") and "contracts" not in ended.error_stack
    assert lines(ended)[-1] == (f"FC Invoke End RequestId: {ID}, Error: Unhandled function error")
    assert (await house.run(function)).instance == ended.instance


async def test_a_missing_handler_and_a_missing_module_are_told_in_the_vendors_words(house):
    ended = await house.run(deploy(house, "", handler="main.missing"))
    assert (ended.error_type, ended.error_message) == (
        "HandlerNotFound",
        "Handler 'missing' is missing on module 'main'",
    )
    ended = await house.run(deploy(house, "", id=2, handler="nowhere.handler"))
    assert (ended.error_type, ended.error_message) == (
        "ImportModuleError",
        "Unable to import module 'nowhere'",
    )
    assert [line[:8] for line in lines(ended)] == ["Function", "FC Invok", "FC Invok"]


async def test_the_environment_is_the_vendors_and_stands_over_the_functions_own(house):
    await house.open(account_id="123", region="cn-test")
    function = deploy(
        house,
        """
        import json, os
        def handler(event, context):
            return {k: v for k, v in os.environ.items() if k.startswith("FC_") or k == "MINE"}
        """,
        name="shop$resize",
        version="3",
        memory_mb=128,
        environment={"MINE": "1", "FC_REGION": "elsewhere"},
        attributes={"fc": {"runtime": "python3.10", "logConfig": None}},
    )
    ended = await house.run(function)
    told = json.loads(ended.result)
    assert told.pop("FC_FUNC_CODE_PATH").endswith("code-1-1")
    assert told == {
        "MINE": "1",
        "FC_FUNCTION_MEMORY_SIZE": "128",
        "FC_RUNTIME_VERSION": "python3.10",
        "FC_ACCOUNT_ID": "123",
        "FC_FUNCTION_HANDLER": "main.handler",
        "FC_FUNCTION_NAME": "resize",
        "FC_SERVICE_NAME": "shop",
        "FC_VER_ID": "3",
        "FC_QUALIFIER": "3",
        "FC_REGION": "cn-test",
        "FC_INSTANCE_ID": ended.instance,
    }
    assert (
        json.loads((await house.run(function, qualifier="prod")).result)["FC_QUALIFIER"] == "prod"
    )
    assert json.loads((await house.run(function)).result)["FC_QUALIFIER"] == "3"


async def test_the_start_line_of_a_run_that_ends_its_process_is_kept(house):
    ended = await house.run(deploy(house, "import os\ndef handler(event, context): os._exit(3)"))
    assert ended.outcome is Outcome.CRASHED
    assert lines(ended)[-1] == f"FC Invoke Start RequestId: {ID}"


async def test_the_log_is_bounded_by_its_end(house):
    await house.open(log_bytes_max=100)
    ended = await house.run(deploy(house, "def handler(event, context): print('x' * 1000)"))
    kept = ended.log.partition(b"limits.log_bytes_max]\n")[2]
    assert ended.log_truncated and 0 < len(kept) <= 100
    assert lines(ended)[-1] == f"FC Invoke End RequestId: {ID}"


async def test_a_handler_that_breaks_its_streams_still_has_its_lines(house):
    function = deploy(
        house,
        """
        import sys
        def handler(event, context):
            if sys.stdout: sys.stdout.close()
            sys.stdout = None
            sys.stderr = 3
        """,
    )
    assert lines(await house.run(function))[-1] == f"FC Invoke End RequestId: {ID}"
    assert (await house.run(function)).outcome is Outcome.OK
