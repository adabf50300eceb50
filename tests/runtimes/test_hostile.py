"""A function that turns against its own instance harms itself and nobody else."""

from __future__ import annotations

import asyncio
import os

import pytest

from thence.catalog.function import Function, FunctionSpec
from thence.lifecycle.outcome import Outcome
from thence.runtimes.pool.instance import Instance
from thence.runtimes.wire import frames

# The instance's own objects, as any code in its process can reach them.
INSIDE = """
import os, struct, sys, time
def worker():
    return sys._getframe(2).f_locals["self"]
def answer(kind, length=None, duration=0, began=0):
    head = struct.Struct("<IBBQQIIHHH")
    return head.pack(head.size - 4 if length is None else length, kind, 0, began, duration, *[0] * 5)
def handler(event, context):
"""
GOOD = "def handler(event, context):\n    return 'good'\n"
SAYS = {
    "an answer of no kind": "worker()._pipe.sendall(answer(200))",
    "an answer without end": "worker()._pipe.sendall(answer(1, length=1 << 31) + bytes(1 << 20))",
    "an answer of no length": "worker()._pipe.sendall(bytes(4))",
    "that it is there, again": "worker()._pipe.sendall(answer(0))",
    "that it skipped its request": "worker()._pipe.sendall(answer(5))",
    "two answers": "worker()._pipe.sendall(answer(2) + answer(2))",
}


@pytest.mark.parametrize("said", SAYS)
async def test_a_protocol_error_of_an_instance_ends_that_instance_alone(house, said):
    bad = house.deploy(f"{INSIDE}    {SAYS[said]}\n    time.sleep(60)\n")
    good = house.deploy(GOOD, id=2)
    assert (await house.run(good)).outcome is Outcome.OK
    ended = await house.run(bad)
    assert ended.outcome in (Outcome.CRASHED, Outcome.FUNCTION_ERROR)
    assert (await house.run(good)).result == b'"good"'


async def test_errors_that_an_instance_makes_up_are_bounded(house):
    code = (
        "head = struct.Struct('<IBBQQIIHHH'); size = 60_000; "
        "sent = head.pack(head.size - 4 + 3 * size, 2, 0, 0, 0, 0, 0, size, size, size); "
        "worker()._pipe.sendall(sent + b'x' * (3 * size)); os._exit(0)"
    )
    ended = await house.run(house.deploy(f"{INSIDE}    {code}\n"))
    assert ended.outcome is Outcome.FUNCTION_ERROR
    assert ended.error_type == "x" * frames.ERROR_TYPE_BYTES_MAX
    assert ended.error_message == "x" * frames.ERROR_MESSAGE_BYTES_MAX
    assert ended.error_stack == "x" * frames.ERROR_STACK_BYTES_MAX


async def test_numbers_that_an_instance_makes_up_are_bounded(house):
    code = "worker()._pipe.sendall(answer(1, duration=2**64 - 1, began=2**64 - 1)); os._exit(0)"
    ended = await house.run(house.deploy(f"{INSIDE}    {code}\n"))
    assert ended.outcome is Outcome.OK
    assert ended.duration_us == 0 and 0 < ended.started_at <= house.clock.now()


async def test_a_function_that_cuts_the_shared_memory_does_not_end_the_node(house):
    function = house.deploy(
        """
        import fcntl, os
        def handler(event, context):
            for fd in range(1, 64):
                try:
                    os.ftruncate(fd, 0)
                except OSError:
                    pass
                try:
                    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
                except OSError:
                    continue
                return fd
        """
    )
    assert (await house.run(function)).result == b"null"
    assert (await house.run(function)).outcome is Outcome.OK


async def test_a_function_cannot_talk_itself_out_of_its_time_limit(house):
    pipe = house.pipe("begun")
    function = house.deploy(
        f"""{INSIDE}
    worker()._words[0] = 1 << 40
    open({pipe.path!r}, "w").write("x")
    time.sleep(60)
""",
        timeout_seconds=1,
    )
    running = asyncio.ensure_future(house.run(function))
    await pipe.read()
    house.clock.advance(2)
    assert (await running).outcome is Outcome.TIMED_OUT


async def test_what_a_handler_left_behind_cannot_fill_the_memory_with_output(house):
    await house.open(log_bytes_max=1000)
    barrier, wrote = house.pipe("barrier"), house.pipe("wrote")
    function = house.deploy(
        f"""
        import os, threading
        def flood():
            open({barrier.path!r}).readline()
            os.write(1, bytes(1 << 20))
            open({wrote.path!r}, "w").write("x")
        def handler(event, context):
            threading.Thread(target=flood, daemon=True).start()
        """
    )
    await house.run(function)
    barrier.write()
    await wrote.read()
    (instance,) = house.instances.values()
    assert os.fstat(instance.output).st_size >= 1 << 20
    house.clock.advance(1)
    assert os.fstat(instance.output).st_size == 0


class Nobody:
    def answered(self, instance, answers): ...

    def went_silent(self, instance, why): ...


async def test_a_run_said_to_be_over_has_a_second_to_answer():
    function = Function(1, "f", 1, FunctionSpec(), "d", 1, 0, 0)
    instance = Instance(1, function, None, None, Nobody(), 0, 1000)  # type: ignore[arg-type]
    try:
        instance.sent = 3
        instance.words[frames.BEGUN] = 2
        assert instance.surely_over(1, 5_000)
        assert instance.surely_over(1, 5_999)
        assert not instance.surely_over(1, 6_000)
        assert not instance.surely_over(2, 6_000)
    finally:
        instance.abandon()
