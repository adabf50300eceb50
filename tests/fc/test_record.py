"""FC's result callback: names, order and types of the seed's two messages, and what is in them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.destinations.conftest import NOW
from tests.destinations.finished import DELIVERY, ID, attempt, source

from thence.api.fc.record import build_cloudevent, build_object
from thence.destinations.source import BodyGone
from thence.lifecycle.ids import format_id
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import Reason
from thence.store.records import Meta

OK = [attempt(Outcome.OK)]
ERROR = attempt(
    Outcome.FUNCTION_ERROR,
    error_type="ValueError",
    error_message="no",
    error_stack='Traceback (most recent call last):\n  File "/code/index.py", line 2, in h\n'
    "    raise ValueError('no')\nValueError: no\n",
)
EARLIER = attempt(  # one that was followed by a wait, which ended otherwise
    Outcome.FUNCTION_ERROR, error_type="ValueError", error_message="no", retry_at=NOW + 9_000
)
ERROR_JSON = {
    "errorMessage": "no",
    "errorType": "ValueError",
    "stackTrace": [['File "/code/index.py"', "line 2", "in h", "raise ValueError('no')"]],
}


def fc(*args: Any, **changes: Any) -> dict[str, Any]:
    return json.loads(build_object(source(*args, **changes)))


def shape(value: Any) -> Any:
    """Names in their order, and types."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in value.items()]
    return type(value).__name__


SEED_OBJECT = """{ "timestamp": 1660120276975, "requestContext": { "requestId": "xxx",
 "functionArn": "acs:fc:::services/{serviceName}/functions/{functionName}",
 "condition": "FunctionResourceExhausted", "approximateInvokeCount": 3 }, "requestPayload": "",
 "responseContext": { "statusCode": 200, "functionError": "" }, "responsePayload": "" }"""

SEED_EVENT = """{ "datacontenttype": "application/json", "aliyunaccountid": "143xxxx", "data": {
 "requestContext": { "condition": "", "approximateInvokeCount": 1, "requestId": "0fcb7f0c-xxxx",
 "functionArn": "acs:fc:::services/xxxx.LATEST/functions/xxxx" }, "requestPayload": "",
 "responsePayload": "", "responseContext": { "functionError": "", "statusCode": 200 },
 "timestamp": 1660120276975 }, "subject": "acs:fc:::services/xxxx.LATEST/functions/xxxx",
 "source": "acs:fc", "type": "fc:AsyncInvoke:succeeded",
 "aliyunpublishtime": "2021-01-03T09:44:31.233Asia/Shanghai", "specversion": "1.0",
 "aliyuneventbusname": "xxxxxxx", "id": "ecc4865xxxxxx", "time": "2021-01-03T01:44:31Z",
 "aliyunregionid": "cn-shanghai-vpc", "aliyunpublishaddr": "199.99.xxx.xxx" }"""


def test_the_object_has_the_names_order_and_types_of_the_seed():
    for item in (fc(result=b"{}", attempts=OK), fc(None, reason=Reason.FUNCTION_DELETED)):
        assert shape(item) == shape(json.loads(SEED_OBJECT))


def test_the_cloudevent_has_the_names_order_and_types_of_the_seed():
    made = json.loads(build_cloudevent(source(result=b"{}", attempts=OK)))
    assert shape(made) == shape(json.loads(SEED_EVENT))


def test_a_success_field_by_field():
    assert fc(b'{"n":1}', b'{"ok": true}', attempts=OK) == {
        "timestamp": NOW,
        "requestContext": {
            "requestId": format_id(ID),
            "functionArn": "acs:fc:cn-local:1234567890:functions/unzip",
            "condition": "",
            "approximateInvokeCount": 1,
        },
        "requestPayload": '{"n":1}',
        "responseContext": {"statusCode": 200, "functionError": ""},
        "responsePayload": '{"ok": true}',
    }


def test_a_function_error_field_by_field():
    made = fc(reason=Reason.RETRIES_EXHAUSTED, attempts=[ERROR] * 4)
    assert made["requestContext"]["condition"] == "UnhandledInvocationError"
    assert made["requestContext"]["approximateInvokeCount"] == 4
    assert made["responseContext"] == {
        "statusCode": 200,
        "functionError": "UnhandledInvocationError",
    }
    assert json.loads(made["responsePayload"]) == ERROR_JSON
    assert made["responsePayload"].startswith('{\n  "errorMessage"')


def test_the_cloudevent_tells_the_same_facts_and_where_it_comes_from():
    success = source(b"1", b"2", attempts=OK, destination="topic:bus-1")
    made, data = json.loads(build_cloudevent(success)), json.loads(build_object(success))
    assert made.pop("data") == data
    assert made == {
        "datacontenttype": "application/json",
        "aliyunaccountid": "1234567890",
        "subject": "acs:fc:cn-local:1234567890:functions/unzip",
        "source": "acs:fc",
        "type": "fc:AsyncInvoke:succeeded",
        "aliyunpublishtime": "2026-01-02T03:04:15.578UTC",
        "specversion": "1.0",
        "aliyuneventbusname": "bus-1",
        "id": format_id(DELIVERY),
        "time": "2026-01-02T03:04:15Z",
        "aliyunregionid": "cn-local",
        "aliyunpublishaddr": "",
    }
    failure = source(reason=Reason.RETRIES_EXHAUSTED, attempts=[ERROR])
    assert json.loads(build_cloudevent(failure))["type"] == "fc:AsyncInvoke:failed"


@pytest.mark.parametrize(
    ("reason", "last", "condition", "status", "error"),
    [
        (Reason.RETRIES_EXHAUSTED, ERROR, "UnhandledInvocationError", 200, True),
        (Reason.RETRIES_EXHAUSTED, attempt(Outcome.TIMED_OUT), "UnhandledInvocationError", 200, True),
        (Reason.RETRIES_EXHAUSTED, attempt(Outcome.CRASHED), "UnhandledInvocationError", 200, True),
        (Reason.CONCURRENCY_LIMIT, attempt(Outcome.THROTTLED),
         "FunctionResourceExhausted", 429, False),
        (Reason.CONCURRENCY_LIMIT, None, "FunctionResourceExhausted", 429, False),
        (Reason.CONCURRENCY_LIMIT, EARLIER, "FunctionResourceExhausted", 429, False),
        (Reason.NO_RESOURCES, attempt(Outcome.NO_RESOURCES),
         "FunctionResourceExhausted", 503, False),
        (Reason.NO_RESOURCES, None, "FunctionResourceExhausted", 503, False),
        (Reason.NO_RESOURCES, EARLIER, "FunctionResourceExhausted", 503, False),
        (Reason.PLATFORM_ERRORS_EXHAUSTED, attempt(Outcome.PLATFORM_ERROR),
         "FunctionServerError", 500, False),
        (Reason.SUSPECTED_POISON, attempt(Outcome.LOST), "FunctionServerError", 500, False),
        (Reason.EVENT_AGE_EXCEEDED, None, "AsyncEventExpired", 200, False),
        (Reason.EVENT_AGE_EXCEEDED, ERROR, "AsyncEventExpired", 200, True),
        (Reason.EVENT_AGE_EXCEEDED, EARLIER, "AsyncEventExpired", 200, False),
        (Reason.EVENT_AGE_EXCEEDED, attempt(Outcome.THROTTLED), "AsyncEventExpired", 429, False),
        (Reason.FUNCTION_DELETED, None, "FunctionNotFound", 404, False),
        (Reason.STOPPED_BY_CALLER, None, "", 200, False),
        (Reason.STOPPED_BY_CALLER, EARLIER, "", 200, False),
        (Reason.FUNCTION_DELETED, EARLIER, "FunctionNotFound", 404, False),
        (Reason.STOPPED_BY_CALLER, attempt(Outcome.STOPPED), "", 200, False),
    ],
)  # fmt: skip
def test_the_condition_says_why_it_ended_and_the_rest_what_was_answered_last(
    reason, last, condition, status, error
):
    made = fc(reason=reason, attempts=[] if last is None else [last])
    assert made["requestContext"]["condition"] == condition
    assert made["responseContext"]["statusCode"] == status
    assert made["responseContext"]["functionError"] == ("UnhandledInvocationError" if error else "")
    assert bool(made["responsePayload"]) is error


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_makes_both_records(reason):
    one = source(reason=reason, attempts=[ERROR])
    assert json.loads(build_cloudevent(one))["data"] == json.loads(build_object(one))


@pytest.mark.parametrize(
    ("function", "qualifier", "version", "arn"),
    [
        ("f", "", "latest", "acs:fc:cn-local:1234567890:functions/f"),
        ("f", "", "3", "acs:fc:cn-local:1234567890:functions/f/3"),
        ("f", "live", "3", "acs:fc:cn-local:1234567890:functions/f/live"),
        ("f", "live", "latest", "acs:fc:cn-local:1234567890:functions/f/live"),
        ("s$f", "", "latest", "acs:fc:::services/s.LATEST/functions/f"),
        ("s$f", "", "3", "acs:fc:::services/s.3/functions/f"),
        ("s$f", "live", "3", "acs:fc:::services/s.live/functions/f"),
        ("s$f", "live", "latest", "acs:fc:::services/s.live/functions/f"),
    ],
)
def test_the_arn_names_what_the_call_named(function, qualifier, version, arn):
    made = fc(function=function, version=version, meta=Meta(qualifier=qualifier))
    assert made["requestContext"]["functionArn"] == arn


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"null", "null"),
        ("grün \x00 \u2028".encode(), "grün \x00 \u2028"),
        (b"\xff\xfe", base64.b64encode(b"\xff\xfe").decode()),
        (b"\xed\xa0\x80", base64.b64encode(b"\xed\xa0\x80").decode()),  # a lone surrogate
    ],
)
def test_payloads_are_text_and_other_bytes_are_base64(body, text):
    made = fc(body, body, attempts=OK)
    assert (made["requestPayload"], made["responsePayload"]) == (text, text)
    encoded = {"requestPayloadEncoding": "base64", "responsePayloadEncoding": "base64"}
    marks = {name: value for name, value in made.items() if name.endswith("Encoding")}
    assert marks == (encoded if text.encode() != body else {})


def test_base64_that_a_caller_sent_as_text_is_not_marked_as_ours():
    text = base64.b64encode(b"\xff\xfe")
    theirs, ours = fc(text, attempts=OK), fc(b"\xff\xfe", attempts=OK)
    assert theirs["requestPayload"] == ours["requestPayload"]
    assert "requestPayloadEncoding" not in theirs
    assert ours["requestPayloadEncoding"] == "base64" and "responsePayloadEncoding" not in ours


def test_the_cloudevent_marks_base64_beside_the_payload():
    made = json.loads(build_cloudevent(source(b"\xff", b"text", attempts=OK)))["data"]
    assert made["requestPayloadEncoding"] == "base64" and "responsePayloadEncoding" not in made


@given(st.binary())
def test_no_payload_is_lost(body):
    text = fc(body, attempts=OK)["requestPayload"]
    assert text.encode() == body or base64.b64decode(text, validate=True) == body


def test_a_payload_is_whole_whatever_its_size():
    body = b"x" * 100_000
    assert fc(body, attempts=OK)["requestPayload"] == body.decode()


@pytest.mark.parametrize("build", [build_object, build_cloudevent])
@pytest.mark.parametrize("gone", ["payload", "result"])
def test_a_body_that_is_no_longer_kept_is_said_not_left_out(build, gone):
    one = source(b"payload", b"result", attempts=OK)
    setattr(one, gone, None)
    with pytest.raises(BodyGone, match=f"retention of the {gone}"):
        build(one)


def test_the_record_is_the_same_at_every_try():
    one = source(reason=Reason.RETRIES_EXHAUSTED, attempts=[ERROR])
    assert build_cloudevent(one) == build_cloudevent(one)
