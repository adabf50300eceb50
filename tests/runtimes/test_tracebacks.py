"""Frames out of tracebacks as text."""

from __future__ import annotations

import sys
import traceback

from hypothesis import given
from hypothesis import strategies as st
from tests.destinations.finished import raised

from thence.runtimes.function_error import Frame
from thence.runtimes.python.tracebacks import frames

PLAIN = (
    "Traceback (most recent call last):\n"
    '  File "/code/index.py", line 2, in handler\n'
    "    raise ValueError('no')\n"
    "ValueError: no\n"
)


def test_each_frame_has_its_file_line_function_and_code():
    assert frames(PLAIN) == [Frame("/code/index.py", 2, "handler", "raise ValueError('no')")]


def test_a_frame_whose_source_is_not_at_hand_has_no_code():
    kind, message, stack = raised("def a():\n    1 / 0\ndef b():\n    a()\nb()\n")
    assert kind == "ZeroDivisionError"
    assert [(frame.line, frame.function, frame.code) for frame in frames(stack, message)] == [
        (5, "<module>", ""),
        (4, "b", ""),
        (2, "a", ""),
    ]


def test_marks_under_the_code_are_no_frames():
    marked = PLAIN.replace("ValueError: no", "          ^^^^^^^^^^\nValueError: no")
    assert frames(marked) == frames(PLAIN)


def test_only_the_exception_that_was_raised_last_counts():
    for mark in (
        "\nDuring handling of the above exception, another exception occurred:\n\n",
        "\nThe above exception was the direct cause of the following exception:\n\n",
    ):
        last = PLAIN.replace("line 2", "line 9")
        assert [frame.line for frame in frames(PLAIN + mark + last, "no")] == [9]


def test_a_traceback_quoted_in_the_message_is_not_taken_for_its_own():
    message = "child failed:\n" + PLAIN + "\nDuring handling of the above exception, another "
    message += "exception occurred:\n\n" + PLAIN.replace("line 2", "line 77")
    stack = PLAIN.replace("ValueError: no", f"RuntimeError: {message}")
    assert [frame.line for frame in frames(stack, message)] == [2]


def test_a_stack_cut_at_its_front_gives_what_is_left():
    cut = PLAIN[PLAIN.index("File") + 3 :] + ""
    assert frames(cut) == []
    assert frames(PLAIN[20:]) == frames(PLAIN)


def test_an_exception_group_shows_its_own_frames():
    try:
        raise ExceptionGroup("two", [ValueError("a"), KeyError("b")])
    except ExceptionGroup as error:
        stack = "".join(traceback.format_exception(error))
        line = error.__traceback__.tb_lineno
    [frame] = frames(stack, "two (2 sub-exceptions)")
    assert (frame.line, frame.function) == (line, sys._getframe().f_code.co_name)
    assert frame.code.startswith("raise ExceptionGroup(")


@given(st.text(), st.text())
def test_any_text_is_read_without_a_failure(stack, message):
    for frame in frames(stack, message):
        assert frame.line >= 0
