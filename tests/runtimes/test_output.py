"""Captured output: per attempt, bounded, and kept when the instance is not."""

from __future__ import annotations

import pytest

from thence.lifecycle.outcome import Outcome
from thence.runtimes.wire.output import end_of

MARK = b"[earlier output was cut: the last 100 bytes at most are kept, limits.log_bytes_max]\n"


async def test_output_of_python_and_of_subprocesses_belongs_to_its_attempt(house):
    function = house.deploy(
        """
        import logging, os, subprocess, sys
        def handler(event, context):
            print("out", event)
            print("err", event, file=sys.stderr, end="")
            subprocess.run(["echo", "child"])
            os.write(1, b"raw\\n")
            logging.getLogger("lib").warning("logged")
        """
    )
    first = await house.run(function, b"1")
    second = await house.run(function, b"2")
    assert b"out 1" in first.log and b"child" in first.log and b"raw" in first.log
    assert b"WARNING lib: logged" in first.log and b"err 1" in first.log
    assert b"out 2" in second.log and b"1" not in second.log
    assert not second.log_truncated


async def test_a_quiet_attempt_has_no_output(house):
    function = house.deploy("def handler(event, context): pass")
    ended = await house.run(function)
    assert ended.log is None and not ended.log_truncated


async def test_of_long_output_the_end_is_kept_and_said_to_be_cut(house):
    await house.open(log_bytes_max=100)
    function = house.deploy("def handler(event, context):\n    print('x' * 500 + 'end')")
    ended = await house.run(function)
    assert ended.log == MARK + b"x" * 96 + b"end\n" and ended.log_truncated


@pytest.mark.parametrize("ending", ["", "import os; os._exit(1)"])
async def test_long_output_begins_with_a_mark_and_a_whole_line(house, ending):
    await house.open(log_bytes_max=100)
    function = house.deploy(
        f"""
        def handler(event, context):
            for n in range(50):
                print(f"line {{n:02}} of the output", flush=True)
            {ending}
        """
    )
    ended = await house.run(function)
    whole = [f"line {n:02} of the output" for n in range(46, 50)]
    assert ended.log.decode().splitlines() == [MARK.decode().rstrip(), *whole]


async def test_output_that_fits_exactly_is_whole_and_has_no_mark(house):
    await house.open(log_bytes_max=10)
    function = house.deploy("def handler(event, context):\n    print('123456789')")
    ended = await house.run(function)
    assert ended.log == b"123456789\n" and not ended.log_truncated


async def test_a_line_that_fits_exactly_behind_the_cut_is_kept(house):
    await house.open(log_bytes_max=10)
    function = house.deploy("def handler(event, context):\n    print('gone'); print('123456789')")
    ended = await house.run(function)
    assert ended.log.endswith(b"]\n123456789\n") and b"gone" not in ended.log


async def test_where_no_output_is_kept_there_is_no_mark(house):
    await house.open(log_bytes_max=0)
    ended = await house.run(house.deploy("def handler(event, context):\n    print('x')"))
    assert ended.log is None and ended.log_truncated


def test_a_cut_in_a_line_leaves_no_half_of_a_character():
    assert end_of("ä".encode() * 10, 5) == "ä".encode() * 2
    assert end_of(b"a\nb\nc", 3) == b"b\nc" and end_of(b"a\nb\nc", 2) == b"c"


async def test_of_long_output_before_a_crash_the_end_is_kept(house):
    await house.open(log_bytes_max=100)
    function = house.deploy(
        "import os\ndef handler(event, context):\n    print('x' * 500 + 'end'); os._exit(1)"
    )
    ended = await house.run(function)
    assert ended.outcome is Outcome.CRASHED
    assert ended.log == MARK + b"x" * 96 + b"end\n" and ended.log_truncated


async def test_output_of_an_attempt_that_still_runs_does_not_fill_the_memory(house):
    await house.open(log_bytes_max=1024)
    says, barrier = house.pipe("says"), house.pipe("barrier")
    function = house.deploy(
        f"""
        def handler(event, context):
            for _ in range(2):
                print("x" * 1_000_000)
                with open({says.path!r}, "w") as says: says.write("written")
                open({barrier.path!r}).readline()
            print("end")
        """
    )
    _, future = house.submit(function)
    for _ in range(2):
        await says.read()
        house.clock.advance(0.1)
        instance = next(iter(house.instances.values()))
        assert instance.take_output(100) == (b"", True)
        barrier.write()
    ended = await house.end(future)
    assert ended.log.endswith(b"limits.log_bytes_max]\nend\n") and ended.log_truncated


async def test_a_handler_that_closes_its_streams_is_still_answered_for(house):
    function = house.deploy(
        "import sys\ndef handler(event, context):\n    sys.stdout.close(); sys.stderr = None"
    )
    assert (await house.run(function)).outcome is Outcome.OK
    assert (await house.run(function)).outcome is Outcome.OK
