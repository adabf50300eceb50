"""Two runtimes under one pool: a launcher each, one budget of instances, the same limits, one end.

The second one (`shell/`) starts a program of its own for each instance; docs/build/runtimes.md shows it.
"""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from msgspec.structs import replace

from thence.errors import StartupError
from thence.lifecycle.outcome import Outcome
from thence.notices import InstanceEnded, InstanceStarted
from thence.runtimes.kinds import KINDS

from .shell.kind import SHELL
from .shell.launcher import ShellLauncher

BOTH = (*KINDS, SHELL)


def shell(house, script, id=2, **spec):
    """A function whose handler is that script."""
    return house.deploy(
        "", id=id, runtime="shell", handler="run.sh", files={"run.sh": script}, **spec
    )


class Waiting:
    """A function's code that says that it runs, and waits for the test."""

    def __init__(self, house, name):
        self._says, self._goes = house.pipe(f"{name}-says"), house.pipe(f"{name}-goes")
        self.script = f'echo runs >"{self._says.path}"\nread answer <"{self._goes.path}"\n'
        self.python = f"""
            def handler(event, context):
                with open({self._says.path!r}, "w") as says:
                    says.write("runs")
                open({self._goes.path!r}).readline()
        """

    async def runs(self):
        await self._says.read()

    def go(self):
        self._goes.write()


async def test_functions_of_both_run_side_by_side(house):
    await house.open(kinds=BOTH)
    python = house.deploy("def handler(event, context): return event * 2", id=1)
    upper = shell(house, "tr a-z A-Z\n")
    assert (await house.run(python, b"21")).result == b"42"
    ended = await house.run(upper, b"thence")
    assert (ended.outcome, ended.result) == (Outcome.OK, b"THENCE")
    started = [seen.function for seen in house.seen if isinstance(seen, InstanceStarted)]
    assert started == ["f1", "f2"]


async def test_an_instance_of_the_second_is_kept_warm(house):
    await house.open(kinds=BOTH)
    function = shell(house, "echo $PPID\n")
    assert (await house.run(function)).result == (await house.run(function)).result


async def test_an_error_of_the_second_is_its_functions(house):
    await house.open(kinds=BOTH)
    ended = await house.run(shell(house, "echo broken >&2; exit 3\n"))
    assert ended.outcome is Outcome.FUNCTION_ERROR
    assert (ended.error_type, ended.error_message) == ("ExitStatus", "broken")


async def test_they_share_the_nodes_instances(house):
    await house.open(kinds=BOTH, instances_max=1)
    code = Waiting(house, "shell")
    python = house.deploy("def handler(event, context): return 1", id=1)
    function = shell(house, code.script)
    assert (await house.run(python)).result == b"1"
    _, running = house.submit(function)  # the idle instance of Python makes way
    ended = await house.notice(InstanceEnded)
    assert (ended.function, ended.reason) == ("f1", "idle")
    await code.runs()
    assert house.runtime.room(python) == 0 and house.runtime.occupancy().in_use == 1
    code.go()
    assert (await house.end(running)).outcome is Outcome.OK
    assert house.runtime.room(python) == 1
    assert (await house.run(python)).result == b"1"


async def test_a_function_of_the_second_has_its_own_limit(house):
    await house.open(kinds=BOTH)
    code = Waiting(house, "shell")
    function = shell(house, code.script, concurrency=1)
    _, running = house.submit(function)
    await code.runs()
    assert house.runtime.room(function) == 0
    assert house.runtime.limits(function) == (1, 1)
    code.go()
    await house.end(running)
    assert house.runtime.room(function) == 1


async def test_what_takes_too_long_is_ended_with_all_it_started(house, is_gone):
    await house.open(kinds=BOTH)
    pipe = house.pipe("shell")
    function = shell(house, f'sleep 1000 & echo $! >"{pipe.path}"\nwait\n', timeout_seconds=3)
    _, running = house.submit(function)
    child = int(await pipe.read())
    house.clock.advance(3.1)
    ended = await house.end(running)
    assert (ended.outcome, ended.error_type) == (Outcome.TIMED_OUT, "TimedOut")
    assert is_gone(child)


async def test_a_stop_ends_an_instance_of_the_second(house):
    await house.open(kinds=BOTH)
    code = Waiting(house, "shell")
    id, running = house.submit(shell(house, code.script))
    await code.runs()
    assert house.runtime.begun(id) and house.runtime.stop(id)
    assert (await house.end(running)).outcome is Outcome.STOPPED


async def test_a_drain_ends_those_of_both(house):
    await house.open(kinds=BOTH)
    code, other = Waiting(house, "shell"), Waiting(house, "python")
    python = house.deploy(other.python, id=1)
    _, first = house.submit(shell(house, code.script))
    _, second = house.submit(python)
    await code.runs()
    await other.runs()
    drained = asyncio.create_task(house.runtime.drain(10))
    await house.clock.somebody_sleeps.wait()
    house.clock.advance(10.1)
    await asyncio.wait_for(drained, 30)
    assert (await house.end(first)).outcome is Outcome.LOST
    assert (await house.end(second)).outcome is Outcome.LOST


async def test_a_launcher_that_is_lost_takes_only_its_own_instances(house):
    await house.open(kinds=BOTH)
    code, other = Waiting(house, "shell"), Waiting(house, "python")
    python = house.deploy(other.python, id=1)
    _, stays = house.submit(shell(house, code.script))
    _, lost = house.submit(python)
    await code.runs()
    await other.runs()
    os.kill(house.launcher.pid, signal.SIGKILL)
    assert (await house.end(lost)).outcome is Outcome.PLATFORM_ERROR
    code.go()
    assert (await house.end(stays)).outcome is Outcome.OK


async def test_a_trial_of_the_second_finds_what_is_missing(house):
    await house.open(kinds=BOTH)
    assert (await house.runtime.trial(shell(house, "true\n"))).found == "ok"
    missing = house.deploy("", id=3, runtime="shell", handler="gone.sh")
    assert (await house.runtime.trial(missing)).found == "no_module"


async def test_a_function_of_a_runtime_that_is_not_installed_is_told_so(house):
    ended = await house.run(shell(house, "true\n"))
    assert ended.outcome is Outcome.NO_RESOURCES
    assert "'shell'" in ended.error_message and "python" in ended.error_message


class NoProcesses(ShellLauncher):
    def start(self, setup, descriptors):
        raise BlockingIOError(11, "no more processes")


async def test_a_launcher_that_has_no_process_leaves_no_descriptor_behind(house):
    none = replace(SHELL, launcher=NoProcesses)
    await house.open(kinds=(none,))
    function = shell(house, "true\n")
    assert (await house.run(function)).outcome is Outcome.NO_RESOURCES
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        assert "no more processes" in (await house.run(function)).error_message
    assert len(os.listdir("/proc/self/fd")) == before


class NotReady(ShellLauncher):
    async def prepare(self, seconds):
        raise StartupError("There is no shell.")


async def test_a_launcher_that_cannot_be_prepared_ends_the_others(house, is_gone):
    not_ready = replace(SHELL, launcher=NotReady)
    pids = []

    class Watched(type(house.launcher)):
        async def close(self):
            pids.append(self.pid)
            await super().close()

    watched = replace(KINDS[0], launcher=Watched)
    with pytest.raises(StartupError, match="There is no shell"):
        await house.open(kinds=(watched, not_ready))
    assert is_gone(pids[0])
