"""Initializer and pre-stop hook, by real instances, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
import json
import logging
import socket

import pytest

from thence.lifecycle.outcome import Outcome
from thence.notices import InstanceEnded, InstanceStarted

INITIALIZED = """
    import os
    seen = []
    def initialize(context):
        print("initializing")
        seen.append(os.getpid())
    def handler(event, context):
        return seen
"""

GATED = """
    def initialize(context):
        with open({says!r}, "w") as says: says.write("here")
        open({barrier!r}).readline()
    def handler(event, context):
        with open({says!r}, "w") as says: says.write("handling")
        open({barrier!r}).readline()
        return context.remaining_ms()
"""

LEAVES = """
    def handler(event, context):
        if event:
            with open(event["says"], "w") as says: says.write("here")
            open(event["barrier"]).readline()
    def stop(context):
        with open({says!r}, "w") as says: says.write("left")
"""

STUCK = """
    def handler(event, context): pass
    def stop(context):
        with open({says!r}, "w") as says: says.write("leaving")
        open({barrier!r}).readline()
"""

HOOK = {"initializer": "main.initialize"}


def count(house, kind):
    return sum(isinstance(notice, kind) for notice in house.seen)


def only(house):
    (instance,) = house.instances.values()
    return instance


# ---------------------------------------------------------------- initializer


async def test_the_initializer_runs_once_in_an_instance_before_its_first_run(house):
    function = house.deploy(INITIALIZED, **HOOK)
    first, second = await house.run(function), await house.run(function)
    assert first.result == second.result and len(json.loads(first.result)) == 1
    assert (first.log, second.log) == (b"initializing\n", None)


async def test_initializer_and_handler_share_a_module_in_a_folder_that_is_no_package(house):
    """`lib/index.py` without `lib/__init__.py`, as Function Compute's `lib/index.handler` has it."""
    names = {"handler": "lib.index.handler", "initializer": "lib.index.initialize"}
    function = house.deploy("", files={"lib/index.py": INITIALIZED}, **names)
    ended = await house.run(function)
    assert len(json.loads(ended.result)) == 1


async def test_an_initializer_may_be_async_and_shares_the_handlers_loop(house):
    function = house.deploy(
        """
        import asyncio
        async def initialize(context):
            global loop
            loop = asyncio.get_running_loop()
        async def handler(event, context):
            return loop is asyncio.get_running_loop()
        """,
        **HOOK,
    )
    assert (await house.run(function)).result == b"true"


async def test_the_initializer_knows_the_run_that_waits_for_it_and_its_own_time(house):
    function = house.deploy(
        """
        def initialize(context):
            global told
            told = [context.invocation_id, context.attempt, context.qualifier]
            told.append(20_000 < context.remaining_ms() <= 30_000)
        def handler(event, context):
            return [*told, 40_000 < context.remaining_ms() <= 50_000]
        """,
        initializer_timeout_seconds=30,
        timeout_seconds=50,
        **HOOK,
    )
    ended = await house.run(function, attempt=2, qualifier="prod")
    assert json.loads(ended.result) == [
        "00000000-0000-0000-0000-000000000001",
        2,
        "prod",
        True,
        True,
    ]


async def test_a_failed_initializer_fails_its_run_and_costs_the_instance(house):
    function = house.deploy(
        """
        class NoDatabase(Exception): pass
        def connect(): raise NoDatabase("refused")
        def initialize(context):
            print("trying")
            connect()
        def handler(event, context): return 1
        """,
        **HOOK,
    )
    ended = await house.run(function)
    assert ended.outcome is Outcome.FUNCTION_ERROR and ended.started_at is not None
    assert ended.error_type == "InitializerFailed"
    assert ended.error_message == (
        "the initializer 'main.initialize' failed with NoDatabase: refused"
    )
    assert "in connect" in ended.error_stack and "hooks.py" not in ended.error_stack
    assert ended.log == b"trying\n" and ended.result is None
    await house.notice(InstanceEnded)
    again = await house.run(function)
    assert again.error_type == "InitializerFailed" and again.instance != ended.instance


async def test_what_fails_once_is_tried_again_by_the_next_run(house):
    function = house.deploy(
        """
        import os
        def initialize(context):
            try: os.mkdir({!r})
            except FileExistsError: return
            raise ValueError("not yet")
        def handler(event, context): return "ready"
        """.format(str(house.directory / "tried")),
        **HOOK,
    )
    assert (await house.run(function)).error_type == "InitializerFailed"
    assert (await house.run(function)).result == b'"ready"'


async def test_a_missing_initializer_is_named(house):
    function = house.deploy("def handler(event, context): pass", initializer="main.missing")
    ended = await house.run(function)
    assert ended.error_type == "InitializerFailed"
    assert "module 'main' has no 'missing'" in ended.error_message
    assert "`initializer`" in ended.error_message


@pytest.mark.parametrize(
    ("source", "outcome", "told"),
    [
        ("import os; os._exit(3)", Outcome.CRASHED, "exited with status 3"),
        ("import os; os.kill(os.getpid(), 9)", Outcome.CRASHED, "SIGKILL"),
        ("raise SystemExit(2)", Outcome.CRASHED, "the initializer ended its process"),
        ("bytearray(1 << 40)", Outcome.OUT_OF_MEMORY, "the initializer needed more"),
    ],
)
async def test_an_initializer_that_ends_its_process_ends_its_run_alone(
    house, source, outcome, told
):
    function = house.deploy(
        f"def initialize(context):\n    {source}\ndef handler(event, context): pass", **HOOK
    )
    ended = await house.run(function)
    assert ended.outcome is outcome and told in ended.error_message
    assert (await house.run(function)).outcome is outcome


async def test_an_initializer_that_never_returns_is_ended_at_its_own_limit(house, is_gone):
    barrier, says = house.pipe("barrier"), house.pipe("says")
    function = house.deploy(
        GATED.format(barrier=barrier.path, says=says.path),
        initializer_timeout_seconds=5,
        timeout_seconds=1,
        **HOOK,
    )
    id, future = house.submit(function)
    assert await says.read() == "here"
    assert house.runtime.begun(id)
    pid = only(house).pid
    house.clock.advance(4.9)
    assert not only(house).ending, "its time is not the handler's"
    house.clock.advance(0.2)
    ended = await house.end(future)
    assert ended.outcome is Outcome.TIMED_OUT and ended.error_type == "InitializerTimedOut"
    assert "longer than its 5 s (`initializer_timeout_seconds`)" in ended.error_message
    assert is_gone(pid)


async def test_the_time_of_the_initializer_is_not_the_handlers(house):
    barrier, says = house.pipe("barrier"), house.pipe("says")
    function = house.deploy(
        GATED.format(barrier=barrier.path, says=says.path),
        initializer_timeout_seconds=50,
        timeout_seconds=10,
        **HOOK,
    )
    _, future = house.submit(function)
    assert await says.read() == "here"
    house.clock.advance(40)
    barrier.write()
    assert await says.read() == "handling"
    house.clock.advance(9.8)
    assert not only(house).ending
    house.clock.advance(0.3)
    ended = await house.end(future)
    assert ended.outcome is Outcome.TIMED_OUT and ended.error_type == "TimedOut"


async def test_later_runs_have_the_handlers_limit_alone(house):
    barrier, says = house.pipe("barrier"), house.pipe("says")
    function = house.deploy(
        """
        def initialize(context): pass
        def handler(event, context):
            if event:
                with open(event["says"], "w") as says: says.write("here")
                open(event["barrier"]).readline()
        """,
        initializer_timeout_seconds=100,
        timeout_seconds=1,
        **HOOK,
    )
    await house.run(function)
    payload = json.dumps({"says": says.path, "barrier": barrier.path}).encode()
    _, future = house.submit(function, payload)
    await says.read()
    house.clock.advance(1.1)
    assert (await house.end(future)).error_type == "TimedOut"


async def test_what_the_initializer_took_is_added_to_what_its_run_has_left(house):
    function = house.deploy(
        """
        import time
        def initialize(context):
            real = time.monotonic_ns
            time.monotonic_ns = lambda: real() + 40 * 10**9  # as if it had taken so long
        def handler(event, context):
            return context.remaining_ms()
        """,
        initializer_timeout_seconds=45,
        timeout_seconds=50,
        **HOOK,
    )
    assert 40_000 < json.loads((await house.run(function)).result) <= 50_000


FORGER = """
    import sys
    from thence.runtimes.wire import frames
    def initialize(context): pass
    def handler(event, context):
        if not event: return
        frame = sys._getframe()
        while "words" not in frame.f_locals:
            frame = frame.f_back
        words = frame.f_locals["words"]
        words[frames.INITIALIZER_BEGAN_NS], words[frames.INITIALIZER_ENDED_NS] = 1, 0
        with open({says!r}, "w") as says: says.write("here")
        open({barrier!r}).readline()
"""


@pytest.mark.parametrize(("runs_before", "seconds"), [(0, 5.2), (1, 1.1)])
async def test_a_function_that_forges_the_words_wins_the_other_limit_at_most_once(
    house, runs_before, seconds
):
    barrier, says = house.pipe("barrier"), house.pipe("says")
    function = house.deploy(
        FORGER.format(says=says.path, barrier=barrier.path),
        initializer_timeout_seconds=5,
        timeout_seconds=1,
        **HOOK,
    )
    for _ in range(runs_before):
        await house.run(function)
    _, future = house.submit(function, b"1")
    await says.read()
    house.clock.advance(seconds)
    assert (await house.end(future)).outcome is Outcome.TIMED_OUT


async def test_runs_behind_a_failed_initializer_are_given_back(house):
    barrier, says = house.pipe("barrier"), house.pipe("says")
    function = house.deploy("def handler(event, context): pass")
    await house.make_fast(function)
    broken = house.deploy(
        f"""
        def initialize(context):
            with open({says.path!r}, "w") as says: says.write("here")
            open({barrier.path!r}).readline()
            raise ValueError
        def handler(event, context): pass
        """,
        revision=2,
        concurrency=1,
        **HOOK,
    )
    lane = house.runtime._placing.lane(broken)
    lane.mean_us, lane.depth = 50.0, 8  # as if it were known to be fast
    first, others = house.submit(broken), [house.submit(broken) for _ in range(3)]
    await says.read()
    barrier.write()
    assert (await house.end(first[1])).error_type == "InitializerFailed"
    for _, future in others:
        assert (await house.end(future)).outcome is Outcome.NOT_STARTED


# ---------------------------------------------------------------- pre-stop


async def leaver(house, **spec):
    says = house.pipe("says")
    source = LEAVES.format(says=says.path)
    return says, house.deploy(source, pre_stop="main.stop", **spec)


async def test_the_pre_stop_hook_runs_when_an_instance_was_idle_too_long(house):
    says, function = await leaver(house)
    await house.run(function)
    house.clock.advance(61)
    assert await says.read() == "left"
    assert (await house.notice(InstanceEnded)).reason == "idle"


async def test_the_pre_stop_hook_runs_when_the_function_was_changed_or_deleted(house):
    says, function = await leaver(house)
    await house.run(function)
    house.runtime.forget(function.id)
    assert await says.read() == "left"
    assert (await house.notice(InstanceEnded)).reason == "replaced"


async def test_a_busy_instance_of_an_old_revision_runs_its_hook_when_it_is_done(house):
    says, function = await leaver(house)
    begun, barrier = house.pipe("begun"), house.pipe("barrier")
    payload = json.dumps({"says": begun.path, "barrier": barrier.path}).encode()
    _, future = house.submit(function, payload)
    await begun.read()
    house.runtime.forget(function.id)
    barrier.write()
    assert (await house.end(future)).outcome is Outcome.OK
    assert await says.read() == "left"


async def test_drain_waits_for_the_pre_stop_hooks_of_all(house):
    says, function = await leaver(house, concurrency=2)
    begun, barrier = house.pipe("begun"), house.pipe("barrier")
    payload = json.dumps({"says": begun.path, "barrier": barrier.path}).encode()
    _, future = house.submit(function, payload)
    await begun.read()
    await house.run(function)  # a second instance, which is idle now
    drained = asyncio.create_task(house.runtime.drain(10))
    assert await says.read() == "left"
    assert not drained.done()
    barrier.write()
    assert (await house.end(future)).outcome is Outcome.OK
    assert await says.read() == "left"
    await asyncio.wait_for(drained, 30)
    assert not house.instances


async def test_close_lets_idle_instances_run_their_hooks(house):
    says, function = await leaver(house)
    await house.run(function)
    await house.runtime.close()
    assert await says.read() == "left"


async def stuck(house, caplog, **spec):
    says, barrier = house.pipe("says"), house.pipe("barrier")
    source = STUCK.format(says=says.path, barrier=barrier.path)
    function = house.deploy(source, pre_stop="main.stop", **spec)
    caplog.set_level(logging.WARNING)
    await house.run(function)
    return says, function


async def test_a_hook_that_never_returns_is_ended_and_delays_nobody(house, caplog, is_gone):
    says, function = await stuck(house, caplog, pre_stop_timeout_seconds=5, concurrency=1)
    pid = only(house).pid
    house.clock.advance(61)
    assert await says.read() == "leaving"
    assert house.runtime.room(function) == 1 and house.runtime.limits(function) == (0, 1)
    assert (await house.run(function)).outcome is Outcome.OK, "a new instance serves meanwhile"
    house.clock.advance(4.8)
    assert count(house, InstanceEnded) == 0
    house.clock.advance(0.3)
    assert (await house.notice(InstanceEnded)).reason == "idle"
    assert is_gone(pid)
    assert "pre-stop hook of f1 (instance-1) failed: it ran longer than its 5 s" in caplog.text


async def test_time_that_the_machine_slept_is_not_the_hooks(house, caplog):
    says, barrier = house.pipe("says"), house.pipe("barrier")
    source = STUCK.format(says=says.path, barrier=barrier.path)
    function = house.deploy(source, pre_stop="main.stop", pre_stop_timeout_seconds=5)
    await house.run(function)
    house.runtime.forget(function.id)
    await says.read()
    house.clock.advance(3)
    house.clock.step(3600)
    house.clock.advance(1.8)
    barrier.write()
    await house.notice(InstanceEnded)
    assert "pre-stop" not in caplog.text


async def test_time_that_the_machine_slept_is_not_the_initializers(house):
    barrier, says = house.pipe("barrier"), house.pipe("says")
    source = GATED.format(barrier=barrier.path, says=says.path)
    function = house.deploy(source, initializer_timeout_seconds=5, timeout_seconds=5, **HOOK)
    _, future = house.submit(function)
    await says.read()
    house.clock.advance(3)
    house.clock.step(3600)
    house.clock.advance(1.8)
    barrier.write()
    assert await says.read() == "handling"
    house.clock.advance(4.8)
    barrier.write()
    assert (await house.end(future)).outcome is Outcome.OK


async def test_drain_ends_a_hook_that_takes_longer_than_it_may(house, caplog):
    says, _ = await stuck(house, caplog, pre_stop_timeout_seconds=90)
    drained = asyncio.create_task(house.runtime.drain(3))
    await says.read()
    await asyncio.wait_for(house.clock.somebody_sleeps.wait(), 30)
    house.clock.advance(3.1)
    await asyncio.wait_for(drained, 30)
    assert not house.instances and "the node shut down" in caplog.text


async def test_a_failed_hook_is_in_the_services_log(house, caplog):
    function = house.deploy(
        "def handler(event, context): pass\ndef stop(context): raise ValueError('too late')",
        pre_stop="main.stop",
    )
    await house.run(function)
    house.runtime.forget(function.id)
    await house.notice(InstanceEnded)
    assert "the pre-stop hook of f1 (instance-1) failed: ValueError: too late" in caplog.text


async def test_a_hook_that_is_killed_is_in_the_services_log(house, caplog):
    function = house.deploy(
        "import os\ndef handler(event, context): pass\ndef stop(context): os.kill(os.getpid(), 9)",
        pre_stop="main.stop",
    )
    await house.run(function)
    house.runtime.forget(function.id)
    await house.notice(InstanceEnded)
    assert "failed: signal 9 ended it" in caplog.text


async def test_there_is_no_hook_after_a_kill(house):
    begun, barrier, says = house.pipe("begun"), house.pipe("barrier"), house.directory / "left"
    function = house.deploy(
        LEAVES.format(says=str(says)), pre_stop="main.stop", timeout_seconds=1, concurrency=1
    )
    payload = json.dumps({"says": begun.path, "barrier": barrier.path}).encode()
    _, future = house.submit(function, payload)
    await begun.read()
    house.clock.advance(1.1)
    assert (await house.end(future)).outcome is Outcome.TIMED_OUT
    assert not says.exists()


async def test_there_is_no_hook_when_the_node_is_simply_gone(house):
    left = house.directory / "left"
    function = house.deploy(LEAVES.format(says=str(left)), pre_stop="main.stop")
    await house.run(function)
    only(house)._socket.shutdown(socket.SHUT_WR)  # as when its process has ended
    await house.notice(InstanceEnded)
    assert not left.exists()


async def test_more_leave_than_the_node_has_instances_without_their_hooks(house, caplog):
    await house.open(instances_max=1)
    says, function = await stuck(house, caplog)
    house.runtime.forget(function.id)
    await says.read()
    other = house.deploy(
        "def handler(event, context): pass\ndef stop(context): pass", id=2, pre_stop="main.stop"
    )
    ended = await house.run(other)
    house.runtime.forget(other.id)
    await house.notice(InstanceEnded, lambda seen: seen.instance == ended.instance)
    assert "is not run: 1 instances run theirs" in caplog.text


async def test_the_output_of_a_hook_is_bounded(house, caplog):
    await house.open(log_bytes_max=1000)
    says, barrier = house.pipe("says"), house.pipe("barrier")
    function = house.deploy(
        f"""
        def handler(event, context): pass
        def stop(context):
            print("x" * 1_000_000, flush=True)
            with open({says.path!r}, "w") as says: says.write("written")
            open({barrier.path!r}).readline()
        """,
        pre_stop="main.stop",
        pre_stop_timeout_seconds=60,
    )
    await house.run(function)
    instance = only(house)
    house.runtime.forget(function.id)
    await says.read()
    house.clock.advance(0.1)
    assert instance.take_output(1_000_000)[0] == b""
    barrier.write()
    await house.notice(InstanceEnded)


async def test_an_instance_that_ran_nothing_has_nothing_to_stop(house):
    left = house.directory / "left"
    function = house.deploy(
        f"def handler(event, context): pass\ndef stop(context): open({str(left)!r}, 'w')",
        pre_stop="main.stop",
    )
    id, future = house.submit(function)
    assert house.runtime.stop(id)
    await house.end(future)
    await house.notice(InstanceStarted)
    house.runtime.forget(function.id)
    await house.notice(InstanceEnded)
    assert not left.exists()


async def test_the_native_pre_stop_context_belongs_to_no_invocation(house):
    says = house.pipe("says")
    function = house.deploy(
        f"""
        def handler(event, context): pass
        def stop(context):
            told = [context.invocation_id, context.attempt, context.function_name]
            told.append(30_000 < context.remaining_ms() <= 40_000)
            with open({says.path!r}, "w") as says: says.write(repr(told))
        """,
        pre_stop="main.stop",
        pre_stop_timeout_seconds=40,
    )
    await house.run(function)
    house.runtime.forget(function.id)
    assert await says.read() == "['', 0, 'f1', True]"


# ---------------------------------------------------------------- the vendors' hooks


async def test_the_hooks_of_function_compute_have_a_context_and_their_lines(house):
    says = house.pipe("says")
    function = house.deploy(
        f"""
        def initialize(context): context.logger.info("connecting for %s", context.request_id)
        def handler(event, context): return "x"
        def stop(context):
            context.logger.info("bye")
            with open({says.path!r}, "w") as says: says.write(context.request_id)
            raise ValueError
        """,
        contract="fc",
        initializer="main.initialize",
        pre_stop="main.stop",
    )
    id = "00000000-0000-0000-0000-000000000001"
    lines = (await house.run(function)).log.decode().splitlines()
    assert lines[1] == f"FC Initialize Start RequestId: {id}"
    assert lines[2].endswith(f"Z {id} [INFO] connecting for {id}")
    assert lines[3:] == [
        f"FC Initialize End RequestId: {id}",
        f"FC Invoke Start RequestId: {id}",
        f"FC Invoke End RequestId: {id}",
    ]
    instance = only(house)
    told: list[bytes] = []
    close = instance.close
    instance.close = lambda: (told.append(instance.take_output(9999)[0]), close())
    house.runtime.forget(function.id)
    own = await says.read()
    await house.notice(InstanceEnded)
    assert len(own) == 36 and own != id
    lines = told[0].decode().splitlines()
    assert lines[0] == f"FC PreStop Start RequestId: {own}"
    assert lines[1].endswith(f"{own} [INFO] bye")
    assert f"FC PreStop End RequestId: {own}, Error: Unhandled function error" in lines


async def test_a_failed_initializer_of_function_compute_ends_without_an_invocation(house):
    function = house.deploy(
        "def initialize(context): raise KeyError('x')\ndef handler(event, context): pass",
        contract="fc",
        **HOOK,
    )
    ended = await house.run(function)
    assert ended.error_type == "InitializerFailed"
    assert ended.log.decode().splitlines()[1:] == [
        "FC Initialize Start RequestId: 00000000-0000-0000-0000-000000000001",
        "FC Initialize End RequestId: 00000000-0000-0000-0000-000000000001, "
        "Error: Unhandled function error",
    ]


async def test_the_pre_stop_function_of_functiongraph_takes_nothing(house):
    says = house.pipe("says")
    function = house.deploy(
        f"""
        def initialize(context): context.set_state(context.getRequestID())
        def handler(event, context): return context.get_state()
        def stop():
            with open({says.path!r}, "w") as says: says.write("left")
        """,
        contract="functiongraph",
        initializer="main.initialize",
        pre_stop="main.stop",
    )
    assert (await house.run(function)).result == b'"00000000-0000-0000-0000-000000000001"'
    house.runtime.forget(function.id)
    assert await says.read() == "left"
