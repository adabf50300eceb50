"""The native record, field by field, for bodies of every sort."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thence.api.doors import installed, record_forms
from thence.catalog.destination import encode_destination
from thence.catalog.kinds import parse_destination
from thence.destinations.interface import Parcel, Sent
from thence.destinations.post import Post
from thence.destinations.record import build_record
from thence.lifecycle.decide import Spent
from thence.lifecycle.ids import IdSource, format_id
from thence.lifecycle.lineage import Lineage
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import Reason, State
from thence.store.records import AttemptView, DeliveryView, InvocationView, Meta

from .conftest import NOW

FORMS = record_forms(installed())

IDS = IdSource()
ID, DELIVERY = IDS.next(NOW), IDS.next(NOW + 900)


def view(payload: bytes | None, result: bytes | None, **changes: object) -> InvocationView:
    fields: dict[str, object] = {
        "id": ID,
        "function_id": 1,
        "function": "unzip",
        "state": State.SUCCEEDED,
        "reason": Reason.OK,
        "accepted_at": NOW,
        "due_at": NOW,
        "expires_at": NOW + 86_400_000,
        "ended_at": NOW + 900,
        "attempt": 1,
        "spent": Spent(),
        "payload_bytes": len(payload or b""),
        "result_bytes": None if result is None else len(result),
        "meta": Meta(),
    }
    return InvocationView(**{**fields, **changes})  # type: ignore[arg-type]


def build(
    payload: bytes | None, result: bytes | None, limit: int = 1000, **changes: object
) -> dict:
    made = build_record(
        view(payload, result, **changes),
        payload,
        result,
        condition="success"
        if changes.get("state", State.SUCCEEDED) is State.SUCCEEDED
        else "failure",
        delivery_id=format_id(DELIVERY),
        preview_bytes_max=limit,
    )
    return json.loads(made)


def attempt(number: int, error_type: str = "", message: str = "") -> AttemptView:
    return AttemptView(
        number,
        Outcome.FUNCTION_ERROR,
        Budget.FUNCTION_ERRORS,
        NOW,
        NOW,
        5,
        None,
        error_type,
        message,
    )


def test_a_success_field_by_field():
    assert build(b'{"a": 1}', b"[true]") == {
        "type": "thence.invocation.succeeded",
        "delivery_id": format_id(DELIVERY),
        "timestamp": "2026-01-02T03:04:06.578Z",
        "invocation": {
            "id": format_id(ID),
            "function": "unzip",
            "state": "succeeded",
            "reason": "ok",
            "accepted_at": "2026-01-02T03:04:05.678Z",
            "ended_at": "2026-01-02T03:04:06.578Z",
            "attempts": 1,
        },
        "request_payload": {"a": 1},
        "response_payload": [True],
        "error": None,
    }


def test_a_failure_carries_the_last_attempts_error_and_what_it_redrives():
    record = build(
        b"{}",
        None,
        state=State.FAILED,
        reason=Reason.RETRIES_EXHAUSTED,
        attempt=2,
        attempts=[attempt(1, "KeyError", "'a'"), attempt(2, "ValueError", "not a zip")],
        meta=Meta(redrive_of="an-id"),
    )
    assert record["type"] == "thence.invocation.failed"
    assert record["error"] == {"type": "ValueError", "message": "not a zip"}
    assert record["invocation"]["attempts"] == 2
    assert record["invocation"]["redrive_of"] == "an-id"
    assert record["response_payload"] is None
    assert "response_payload_truncated" not in record


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.OK])
def test_an_ending_without_an_attempt_says_why(reason):
    record = build(b"{}", None, state=State.EXPIRED, reason=reason, attempt=0)
    assert record["error"]["type"] == str(reason)
    assert record["error"]["message"].endswith(".")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b' {"a":\n1} ', {"a": 1}),
        (b"12345678901234567890123", 12345678901234567890123),
        (b'"text"', "text"),
        (b"", ""),
        (b"plain text", "plain text"),
        ("wörld".encode(), "wörld"),
        (b'{"a": 1', '{"a": 1'),
        (b"NaN", "NaN"),
        (b'{"a": "\xff"}', {"base64": base64.b64encode(b'{"a": "\xff"}').decode()}),
        (b"PK\x03\x04\xff", {"base64": base64.b64encode(b"PK\x03\x04\xff").decode()}),
        (b"[" * 900, "[" * 900),
        (b"[1,]", "[1,]"),
    ],
)
def test_a_body_is_json_else_text_else_base64(body, value):
    record = build(body, body)
    assert record["request_payload"] == value
    assert record["response_payload"] == value
    assert "request_payload_truncated" not in record
    marks = {record.get("request_payload_encoding"), record.get("response_payload_encoding")}
    assert marks == ({"base64"} if isinstance(value, dict) and "base64" in value else {None})


def test_json_that_looks_like_our_base64_is_not_marked_as_such():
    record = build(b'{"base64": "/w=="}', b"\xff")
    assert record["request_payload"] == record["response_payload"] == {"base64": "/w=="}
    assert "request_payload_encoding" not in record
    assert record["response_payload_encoding"] == "base64"


def test_json_nested_too_deep_for_anybody_is_given_as_text():
    body = b"[" * 100_000 + b"]" * 100_000
    record = build_record(
        view(body, None), body, None, condition="success", delivery_id="d", preview_bytes_max=10**6
    )
    assert json.loads(record)["request_payload"] == body.decode()


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text('"0[]{}:, ab').map(str.encode))
def test_any_body_comes_back_from_the_record(body):
    value = build(body, None)["request_payload"]
    try:
        text = body.decode()
    except UnicodeDecodeError:
        assert value == {"base64": base64.b64encode(body).decode()}
    else:
        assert value == text or value == json.loads(text)


def test_bodies_over_the_limit_say_so_with_size_preview_and_link():
    body = b'{"a": "' + b"x" * 100 + b'"}'
    record = build(body, body, limit=10)
    for side, what in (("request", "payload"), ("response", "result")):
        assert record[f"{side}_payload"] == '{"a": "xxx'
        assert record[f"{side}_payload_truncated"] is True
        assert record[f"{side}_payload_bytes"] == len(body)
        assert record[f"{side}_payload_link"] == f"/v1/invocations/{format_id(ID)}/{what}"


def test_a_body_of_exactly_the_limit_is_whole():
    assert build(b'"12345678"', None, limit=10)["request_payload"] == "12345678"
    assert build(b'"123456789"', None, limit=10)["request_payload_truncated"] is True


@settings(deadline=None)
@given(st.text(min_size=30, max_size=60), st.integers(0, 29))
def test_a_preview_never_cuts_a_character_in_two(text, limit):
    preview = build(text.encode(), None, limit=limit)["request_payload"]
    assert isinstance(preview, str)
    assert text.startswith(preview)
    assert limit - 3 <= len(preview.encode()) <= limit or limit < 3


def test_a_preview_of_bytes_is_base64():
    body = b"\xff\xfe" * 20
    record = build(body, None, limit=6)
    preview = record["request_payload"]
    assert record["request_payload_encoding"] == "base64"
    assert base64.b64decode(preview["base64"]) == body[:6]


def test_a_body_whose_retention_has_ended_is_not_passed_off_as_empty():
    made = build_record(
        view(None, None, payload_bytes=70, result_bytes=80),
        None,
        None,
        condition="success",
        delivery_id="d",
        preview_bytes_max=1000,
    )
    record = json.loads(made)
    assert record["request_payload"] is None and record["response_payload"] is None
    assert record["request_payload_truncated"] and record["response_payload_truncated"]
    assert (record["request_payload_bytes"], record["response_payload_bytes"]) == (70, 80)


class Senders:
    def __init__(self) -> None:
        self.parcels: list[Parcel] = []

    async def send(self, parcel: Parcel) -> Sent:
        self.parcels.append(parcel)
        return Sent(True, status=200)


async def test_the_post_packs_the_same_record_at_every_try():
    senders, meta = Senders(), Meta(traceparent="00-a-b-01", lineage=Lineage("r", 1, ("a",)))
    destination = parse_destination("queue:done")
    delivery = DeliveryView(
        DELIVERY, "queue:done", ID, 1, encode_destination(destination), "failure", "pending", "",
        NOW, NOW, None, 0,
    )  # fmt: skip
    finished = view(b"1", None, state=State.FAILED, reason=Reason.RETRIES_EXHAUSTED, meta=meta)
    post = Post(senders, FORMS, 1000)  # type: ignore[arg-type]
    for number in (1, 2):
        answer = await post(delivery, destination, finished, b"1", None, number, NOW + number)
        assert answer.delivered
    first, second = senders.parcels
    assert first.record == second.record
    assert json.loads(first.record)["type"] == first.record_type == "thence.invocation.failed"
    assert (first.delivery_id, first.invocation_id, first.function) == (DELIVERY, ID, "unzip")
    assert (second.attempt, second.now) == (2, NOW + 2)
    assert (first.destination, first.content_type) == (destination, "application/json")
    assert (first.traceparent, first.lineage) == (meta.traceparent, meta.lineage)
