"""FC's error JSON for every way in which a function fails."""

from __future__ import annotations

import json

import pytest
from tests.destinations.finished import attempt

from thence.api.fc.function_error import error_body, error_type
from thence.api.shared.ending import status
from thence.lifecycle.outcome import Outcome
from thence.runtimes.interface import Ended
from thence.testing.answers import Forever, ended

FUNCTION = (
    Outcome.FUNCTION_ERROR,
    Outcome.TIMED_OUT,
    Outcome.CRASHED,
    Outcome.OUT_OF_MEMORY,
)
STACK = (
    "Traceback (most recent call last):\n"
    '  File "/code/index.py", line 2, in my_handler\n'
    "    raise Exception('something is wrong')\n"
    "Exception: something is wrong\n"
)


def test_an_exception_is_told_as_the_vendors_python_runtime_does():
    body = error_body(
        attempt(
            Outcome.FUNCTION_ERROR,
            error_type="Exception",
            error_message="something is wrong",
            error_stack=STACK,
        )
    )
    assert body.decode() == (
        "{\n"
        '  "errorMessage": "something is wrong",\n'
        '  "errorType": "Exception",\n'
        '  "stackTrace": [\n'
        "    [\n"
        '      "File \\"/code/index.py\\"",\n'
        '      "line 2",\n'
        '      "in my_handler",\n'
        "      \"raise Exception('something is wrong')\"\n"
        "    ]\n"
        "  ]\n"
        "}"
    )


def test_a_missing_handler_keeps_its_type_and_has_no_frames():
    told = attempt(
        Outcome.FUNCTION_ERROR,
        error_type="HandlerNotFound",
        error_message="Handler 'x' is missing on module 'y'",
    )
    assert json.loads(error_body(told)) == {
        "errorMessage": "Handler 'x' is missing on module 'y'",
        "errorType": "HandlerNotFound",
        "stackTrace": [],
    }


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("the handler ran longer than its 3 s (`timeout_seconds`) and was ended.", "3 seconds"),
        ("the handler ran longer than its 1 s (`timeout_seconds`) and was ended.", "1 second"),
        ("the handler ran longer than its 0.25 s (`timeout_seconds`) and …", "0.25 seconds"),
        ("the handler ran longer than its 86400 s (`timeout_seconds`)", "86400 seconds"),
        ("", "7 seconds"),
    ],
)
def test_a_time_limit_names_the_limit(message, text):
    told = attempt(Outcome.TIMED_OUT, error_message=message, duration_us=7_049_000)
    assert json.loads(error_body(told)) == {"errorMessage": f"Function timed out after {text}"}


def test_the_sentence_of_a_time_limit_is_read_from_what_runtimes_say():
    class Spec:
        timeout_seconds = 12

    class Function:
        spec = Spec

    class Run:
        function = Function

    told = ended(Forever(), Run)  # type: ignore[arg-type]
    assert told.outcome is Outcome.TIMED_OUT
    assert json.loads(error_body(told))["errorMessage"] == "Function timed out after 12 seconds"


def test_an_initializer_that_fails_or_takes_too_long_is_told_as_such():
    late = attempt(
        Outcome.TIMED_OUT,
        error_type="InitializerTimedOut",
        error_message="the initializer ran longer than its 5 s (`initializer_timeout_seconds`) …",
    )
    assert json.loads(error_body(late)) == {
        "errorMessage": "Function initialization timed out after 5 seconds"
    }
    failed = attempt(
        Outcome.FUNCTION_ERROR,
        error_type="InitializerFailed",
        error_message="the initializer 'index.start' failed with Exception: something is wrong",
        error_stack=STACK,
    )
    body = json.loads(error_body(failed))
    assert body["errorType"] == "InitializerFailed" and body["stackTrace"][0][1] == "line 2"
    assert error_type(late.outcome) == error_type(failed.outcome) == "UnhandledInvocationError"


def test_what_the_instance_used_is_told_where_it_was_measured():
    told = Ended(Outcome.TIMED_OUT, error_message="its 3 s passed")
    used = round(112.24 * (1 << 20))
    assert json.loads(error_body(told, used)) == {
        "errorMessage": "Function timed out after 3 seconds (maxMemoryUsage: 112.24MB)"
    }


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.OUT_OF_MEMORY])
def test_an_exit_and_a_passed_memory_limit_have_the_same_text(outcome):
    told = attempt(outcome, error_type="InstanceCrashed", error_message="exited", error_stack="")
    start = "Process exited unexpectedly before completing request (duration: 45ms"
    assert json.loads(error_body(told)) == {"errorMessage": f"{start})"}
    assert json.loads(error_body(told, 49 << 20)) == {
        "errorMessage": f"{start}, maxMemoryUsage: 49.00MB)"
    }


def test_every_failure_of_the_functions_code_is_unhandled_and_no_other_is():
    for outcome in Outcome:
        assert error_type(outcome) == ("UnhandledInvocationError" if outcome in FUNCTION else "")
    assert error_type(None) == ""


@pytest.mark.parametrize(
    ("outcome", "kind", "expected"),
    [
        *[(outcome, "", 200) for outcome in FUNCTION],
        (Outcome.OK, "", 200),
        (Outcome.STOPPED, "", 200),
        (Outcome.THROTTLED, "Throttled", 429),
        (Outcome.PLATFORM_ERROR, "PlatformError", 500),
        (Outcome.PLATFORM_ERROR, "ResultNotStored", 500),
        (Outcome.LOST, "AttemptLost", 500),
        (Outcome.NO_RESOURCES, "InstanceNotStarted", 503),
        (Outcome.DRAINED, "NodeDrained", 503),
    ],
)
def test_only_an_error_of_the_platform_has_another_status_than_200(outcome, kind, expected):
    assert status(attempt(outcome, error_type=kind)) == expected
