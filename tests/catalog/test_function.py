"""A function's configuration: defaults, limits, and refusals that name the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.catalog.async_config import of_function
from thence.catalog.function import Function, FunctionSpec, check_name, parse_spec, render_spec
from thence.destinations.function import FunctionDestination
from thence.destinations.mailbox import MailboxDestination
from thence.errors import InvalidInput
from thence.lifecycle.policy import RetryWait


def refusal(data: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        parse_spec(data)
    return refused.value


def test_nothing_written_gives_the_defaults() -> None:
    spec = parse_spec({})
    assert spec == FunctionSpec() == parse_spec(b"{}")
    assert (spec.max_retries, spec.max_event_age_seconds) == (3, 86_400)
    assert (spec.timeout_seconds, spec.memory_mb, spec.concurrency) == (60, 256, 10)


def test_everything_written_is_read() -> None:
    written = {
        "runtime": "python",
        "handler": "package.module.unzip",
        "event": "bytes",
        "timeout_seconds": 1.5,
        "memory_mb": 64,
        "concurrency": 0,
        "environment": {"A_1": "b", "_x": "é"},
        "description": "d",
        "max_retries": 8,
        "max_event_age_seconds": 2_592_000,
        "retry_wait": {"first_seconds": 0, "factor": 1, "cap_seconds": 5, "jitter": "full"},
        "on_success": "queue:done",
        "on_failure": {"type": "function", "name": "dead"},
        "contract": "fc",
        "initializer": "package.module.begin",
        "initializer_timeout_seconds": 300,
        "pre_stop": "package.module.end",
        "pre_stop_timeout_seconds": 90,
        "attributes": {"fc": {"cpu": 0.1}},
        "listed": True,
    }
    spec = parse_spec(json.dumps(written).encode())
    assert spec.retry_wait == RetryWait(0, 1, 5, "full")
    assert render_spec(spec) == {**written, "on_failure": "function:dead"}
    function = Function(1, "f", 1, spec, "0" * 64, 10, 0, 0)
    config = of_function(function)
    assert (config.max_retries, config.retry_wait) == (8, spec.retry_wait)
    assert (config.max_event_age_seconds, config.listed) == (2_592_000, True)
    assert config.destination(success=True) == MailboxDestination("queue", "done")
    assert config.destination(success=False) == FunctionDestination("dead")


def test_without_destinations_there_are_none() -> None:
    config = of_function(Function(1, "f", 1, FunctionSpec(), "0" * 64, 10, 0, 0))
    assert config.destination(success=True) is None
    assert config.destination(success=False) is None


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("event", "xml", "one of bytes, json"),
        ("timeout_seconds", 0, "above 0 and at most 259200"),
        ("timeout_seconds", 259_201, "at most 259200"),
        ("timeout_seconds", "60", "a number"),
        ("memory_mb", 63, "at least 64"),
        ("memory_mb", 32_769, "at most 32768"),
        ("memory_mb", 128.5, "a whole number"),
        ("concurrency", -1, "at least 0"),
        ("concurrency", 1001, "at most 1000"),
        ("max_retries", -1, "at least 0"),
        ("max_retries", 9, "at most 8"),
        ("max_retries", True, "true is not valid: it must be a whole number"),
        ("max_event_age_seconds", 0, "at least 1"),
        ("max_event_age_seconds", 2_592_001, "at most 2592000"),
        ("description", "d" * 513, "512"),
        ("environment", {f"V{n}": "" for n in range(101)}, "100"),
        ("environment", {"A": "v" * 4096}, "4096"),
    ],
)
def test_a_value_outside_its_limits_is_refused_with_field_and_limit(
    name: str, value: Any, says: str
) -> None:
    refused = refusal({name: value})
    assert refused.fields["field"] == name
    assert refused.detail.startswith(f"{name}: ")
    assert says in refused.detail


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"max_retry": 1}, "max_retry"),
        ({"retry_wait": {"first": 1}}, "retry_wait.first"),
        ({"retry_wait": {"factor": 0.5}}, "retry_wait.factor"),
        ({"retry_wait": {"jitter": "some"}}, "retry_wait.jitter"),
        ({"environment": {"A-B": "x"}}, "environment.A-B"),
        ({"environment": {"1A": "x"}}, "environment.1A"),
        ({"environment": {"THENCE_LISTEN": "x"}}, "environment.THENCE_LISTEN"),
        ({"environment": {"A": "x\x00"}}, "environment.A"),
        ({"on_success": "nowhere"}, "on_success"),
        ({"on_failure": {"type": "bucket", "name": "b", "expires_days": -1}}, "on_failure.expires_days"),
        (b"[]", "body"),
        (b"{", "body"),
        (b"\xff", "body"),
        (b'{"handler": "a.b"', "body"),
    ],
)  # fmt: skip
def test_a_slip_inside_is_refused_with_its_path(data: Any, field: str) -> None:
    refused = refusal(data)
    assert refused.fields["field"] == field
    assert refused.detail.startswith(field.partition(".")[0])


def test_a_refused_value_is_named_but_never_one_of_an_environment() -> None:
    refused = refusal({"memory_mb": 63})
    assert refused.detail == (
        "memory_mb: 63 is not valid: it must be a whole number, at least 64 and at most 32768."
    )
    assert refused.fields["value"] == 63
    assert refused.fields["limit"] == "a whole number, at least 64 and at most 32768"
    secret = refusal({"environment": {"A": "x", "PIN": 4711}})
    assert secret.fields["field"] == "environment.PIN"
    assert "4711" not in secret.detail
    assert "value" not in secret.fields


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.sampled_from(list(FunctionSpec.__struct_fields__)), inner)).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_body_is_a_spec_or_a_refusal(data: bytes) -> None:
    try:
        spec = parse_spec(data)
    except InvalidInput as refused:
        assert refused.fields["field"]
    else:
        assert parse_spec(json.dumps(render_spec(spec)).encode()) == spec


@pytest.mark.parametrize("name", ["f", "_f", "unzip-2", "A" * 128])
def test_function_names_that_are_fine(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "2f", "-f", "f.g", "f/g", "é", "f\n", "A" * 129, "../f"])
def test_function_names_that_are_not(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a function name") as refused:
        check_name(name)
    assert refused.value.fields["field"] == "name"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"tiemout_seconds": 3}, "timeout_seconds"),
        ({"timeout": 3}, "timeout_seconds"),
        ({"retries": 3}, "max_retries"),
        ({"memory": 3}, "memory_mb"),
        ({"env": {}}, "environment"),
        ({"on-success": "queue:q"}, "on_success"),
        ({"retry_wait": {"first": 1}}, "first_seconds"),
        ({"on_success": {"type": "queue", "nam": "q"}}, "name"),
    ],
)
def test_an_unknown_field_is_told_with_the_one_that_was_probably_meant(
    written: dict[str, object], meant: str
) -> None:
    with pytest.raises(InvalidInput, match=rf"\(did you mean {meant}\?\)"):
        parse_spec(written)


def test_a_field_like_no_other_gets_no_hint() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_spec({"colour": "red"})
    assert "did you mean" not in refused.value.detail
