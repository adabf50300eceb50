"""FunctionGraph's notification: names, order and types as recorded, and what is in them."""

from __future__ import annotations

import base64
import datetime
import json
import re
from typing import Any

import pytest
from tests.destinations.conftest import NOW
from tests.destinations.finished import ID, attempt, source
from tests.fc.test_record import EARLIER, ERROR, OK, shape

from thence.api.functiongraph.notification import RESULT_BYTES_MAX, build_notification
from thence.destinations.source import BodyGone
from thence.lifecycle.ids import format_id
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import Reason
from thence.store.records import Meta

SEED = """{ "timestamp": "2020-08-20T12:00:00.000Z+08:00", "request_context": { "request_id":
 "1167bf8c-87b0-43ab-8f5f-26b16c64f252", "function_urn": "urn:fss:xx-xxxx-x:xxxxxxx:function:xxxx",
 "condition": "", "approximate_invoke_count": 0 }, "request_payload": "", "response_context": {
 "status_code": 200, "function_error": "" }, "response_payload": "hello world!" }"""


def fg(*args: Any, **changes: Any) -> dict[str, Any]:
    return json.loads(build_notification(source(*args, **changes)))


def test_the_message_has_the_names_order_and_types_of_the_seed():
    for item in (fg(result=b"{}", attempts=OK), fg(None, reason=Reason.FUNCTION_DELETED)):
        assert shape(item) == shape(json.loads(SEED))


def test_a_success_field_by_field():
    assert fg(b'{"n":1}', b'"hello"', attempts=OK) == {
        "timestamp": "2026-01-02T03:04:06.678000000+00:00",
        "request_context": {
            "request_id": format_id(ID),
            "function_urn": "urn:fss:cn-local:1234567890:function:default:unzip:latest",
            "condition": "",
            "approximate_invoke_count": 1,
        },
        "request_payload": '{"n":1}',
        "response_context": {"status_code": 200, "function_error": ""},
        "response_payload": '"hello"',
    }


def test_an_exception_is_told_as_recorded():
    made = fg(reason=Reason.RETRIES_EXHAUSTED, attempts=[ERROR, ERROR])
    assert made["request_context"]["condition"] == "UnhandledInvocationError"
    assert made["request_context"]["approximate_invoke_count"] == 2
    assert made["response_context"] == {"status_code": 500, "function_error": ""}
    assert made["response_payload"] == (
        "{\n"
        '  "errorMessage": "function invocation exception, error: no",\n'
        '  "errorType": "ValueError",\n'
        '  "stackTrace": [\n'
        '    "File \\"/code/index.py\\", line 2, in h: raise ValueError(\'no\')"\n'
        "  ]\n"
        "}"
    )


def test_the_timestamp_is_when_the_last_execution_began_in_the_recorded_form():
    runs = [attempt(Outcome.CRASHED), attempt(Outcome.OK, 2, started_at=NOW + 2_045)]
    text = fg(result=b"1", attempts=runs)["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+00:00", text)
    told = datetime.datetime.fromisoformat(re.sub(r"0{6}\+", "+", text))
    assert told.timestamp() * 1000 == NOW + 2_045
    never = fg(reason=Reason.EVENT_AGE_EXCEEDED)["timestamp"]
    assert never == "2026-01-02T03:04:15.578000000+00:00"


@pytest.mark.parametrize(
    ("reason", "last", "condition", "status", "said", "body"),
    [
        (Reason.RETRIES_EXHAUSTED, attempt(Outcome.TIMED_OUT, error_message="its 3 s"),
         "UnhandledInvocationError", 500, "", True),
        (Reason.CONCURRENCY_LIMIT, attempt(Outcome.THROTTLED, error_message="full"),
         "FunctionResourceExhausted", 429, "at its limit", False),
        (Reason.CONCURRENCY_LIMIT, EARLIER, "FunctionResourceExhausted", 429, "at its limit", False),
        (Reason.NO_RESOURCES, attempt(Outcome.NO_RESOURCES, error_message="no instance: full"),
         "FunctionResourceExhausted", 503, "no instance: full", False),
        (Reason.NO_RESOURCES, EARLIER, "FunctionResourceExhausted", 503, "no instance", False),
        (Reason.PLATFORM_ERRORS_EXHAUSTED, EARLIER,
         "FunctionServerError", 500, "could not run", False),
        (Reason.PLATFORM_ERRORS_EXHAUSTED, attempt(Outcome.PLATFORM_ERROR, error_message="broken"),
         "FunctionServerError", 500, "broken", False),
        (Reason.SUSPECTED_POISON, attempt(Outcome.LOST, error_message="gone"),
         "FunctionServerError", 500, "lost its executions", False),
        (Reason.EVENT_AGE_EXCEEDED, None, "AsyncEventExpired", 500, "validity period", False),
        (Reason.EVENT_AGE_EXCEEDED, ERROR, "AsyncEventExpired", 500, "validity period", True),
        (Reason.EVENT_AGE_EXCEEDED, EARLIER, "AsyncEventExpired", 500, "validity period", False),
        (Reason.STOPPED_BY_CALLER, EARLIER, "InvocationCancelled", 500, "was cancelled", False),
        (Reason.FUNCTION_DELETED, None, "FunctionNotFound", 404, "was deleted", False),
        (Reason.STOPPED_BY_CALLER, None, "InvocationCancelled", 500, "was cancelled", False),
    ],
)  # fmt: skip
def test_the_condition_says_why_it_ended(reason, last, condition, status, said, body):
    made = fg(reason=reason, attempts=[] if last is None else [last])
    assert made["request_context"]["condition"] == condition
    assert made["response_context"]["status_code"] == status
    error = made["response_context"]["function_error"]
    assert said in error and bool(said) is bool(error)
    assert bool(made["response_payload"]) is body


@pytest.mark.parametrize(
    ("function", "qualifier", "version", "end"),
    [
        ("f", "", "latest", "function:default:f:latest"),
        ("f", "", "v1", "function:default:f:v1"),
        ("f", "live", "v1", "function:default:f:!live"),
        ("p$f", "live", "latest", "function:p:f:!live"),
    ],
)
def test_the_urn_names_what_the_call_named(function, qualifier, version, end):
    made = fg(function=function, version=version, meta=Meta(qualifier=qualifier))
    assert made["request_context"]["function_urn"] == f"urn:fss:cn-local:1234567890:{end}"


def test_a_return_value_over_256_kib_is_given_as_an_empty_one():
    most = b"x" * RESULT_BYTES_MAX
    assert fg(result=most, attempts=OK)["response_payload"] == most.decode()
    assert fg(result=most + b"x", attempts=OK)["response_payload"] == ""
    gone = source(result=most + b"x", attempts=OK)
    gone.result = None  # not needed, so its retention may have ended
    assert json.loads(build_notification(gone))["response_payload"] == ""


def test_the_event_is_text_and_whole_or_nothing_is_sent():
    made = fg(b"\xff", b"text", attempts=OK)
    assert made["request_payload"] == base64.b64encode(b"\xff").decode()
    assert made["request_payload_encoding"] == "base64"
    assert "response_payload_encoding" not in made
    made = fg(b"text", b"\xff", attempts=OK)
    assert made["response_payload_encoding"] == "base64"
    assert "request_payload_encoding" not in made
    gone = source(b"event", attempts=OK)
    gone.payload = None
    with pytest.raises(BodyGone, match="retention of the payload"):
        build_notification(gone)
