"""Which instance gets a run, how many there are, and how they end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from thence.lifecycle.outcome import Outcome
from thence.notices import InstanceEnded, InstanceStarted

PID = "import os\ndef handler(event, context): return os.getpid()"

FAST = """
import os
def handler(event, context):
    if event is None: return
    if "barrier" in event:
        with open(event["says"], "w") as says: says.write("here")
        open(event["barrier"]).readline()
    if "crash" in event: os._exit(1)
    if "mark" in event: open(event["mark"], "w").close()
"""


def there(path):
    return Path(path).exists()


def event(**fields):
    return json.dumps(fields).encode()


def count(house, kind):
    return sum(isinstance(notice, kind) for notice in house.seen)


async def behind_a_barrier(house, spec, waiting, **last):
    """A fast function with one run at a barrier and others that wait inside the same instance."""
    function = house.deploy(FAST, concurrency=1, **spec)
    await house.make_fast(function)
    barrier, says = house.pipe("barrier"), house.pipe("says")
    first = house.submit(function, event(barrier=barrier.path, says=says.path, **last))
    others = [
        house.submit(function, event(mark=str(house.directory / f"ran-{n}")))
        for n in range(waiting)
    ]
    await says.read()
    return function, barrier, first, others


def ran(house):
    return sorted(path.name for path in house.directory.glob("ran-*"))


async def test_an_idle_instance_is_used_again(house):
    function = house.deploy(PID)
    pids = {(await house.run(function)).result for _ in range(5)}
    assert len(pids) == 1 and count(house, InstanceStarted) == 1


async def test_runs_behind_a_crash_are_not_started_and_never_ran(house):
    _, barrier, first, others = await behind_a_barrier(house, {}, 3, crash=1)
    barrier.write()
    assert (await house.end(first[1])).outcome is Outcome.CRASHED
    for _, future in others:
        assert (await house.end(future)).outcome is Outcome.NOT_STARTED
    assert ran(house) == []


async def test_runs_behind_a_time_out_are_not_started_and_never_ran(house):
    _, _, first, others = await behind_a_barrier(house, {"timeout_seconds": 0.05}, 3)
    house.clock.advance(0.1)
    assert (await house.end(first[1])).outcome is Outcome.TIMED_OUT
    for _, future in others:
        assert (await house.end(future)).outcome is Outcome.NOT_STARTED
    assert ran(house) == []


async def test_runs_behind_a_slow_one_are_given_back_while_it_goes_on(house):
    function, barrier, first, others = await behind_a_barrier(house, {}, 3)
    house.clock.advance(0.2)
    for _, future in others:
        assert (await house.end(future)).outcome is Outcome.NOT_STARTED
    assert house.runtime.room(function) == 0, "its one slot is taken"
    barrier.write()
    assert (await house.end(first[1])).outcome is Outcome.OK
    await house.room(function)
    assert (await house.run(function)).outcome is Outcome.OK
    assert ran(house) == [] and count(house, InstanceStarted) == 1


async def test_a_waiting_run_is_stopped_without_being_begun(house):
    function, barrier, first, others = await behind_a_barrier(house, {}, 3)
    assert house.runtime.stop(others[1][0])
    assert (await house.end(others[1][1])).outcome is Outcome.STOPPED
    assert (await house.end(others[2][1])).outcome is Outcome.NOT_STARTED
    barrier.write()
    assert (await house.end(first[1])).outcome is Outcome.OK
    assert (await house.end(others[0][1])).outcome is Outcome.OK
    assert ran(house) == ["ran-0"]
    await house.room(function)
    assert (await house.run(function)).outcome is Outcome.OK
    assert count(house, InstanceStarted) == 1


async def test_a_running_run_is_stopped_by_ending_its_process(house, is_gone):
    function, _, first, others = await behind_a_barrier(house, {}, 2)
    pid = next(iter(house.instances.values())).pid
    assert house.runtime.stop(first[0])
    ended = await house.end(first[1])
    assert ended.outcome is Outcome.STOPPED and ended.started_at is not None
    assert is_gone(pid)
    for _, future in others:
        assert (await house.end(future)).outcome is Outcome.NOT_STARTED
    assert ran(house) == []
    assert not house.runtime.stop(first[0])
    assert not house.runtime.stop(12345)
    assert (await house.run(function)).outcome is Outcome.OK


async def test_a_run_is_stopped_while_its_instance_starts(house):
    function = house.deploy(FAST)
    id, future = house.submit(function, event(mark=str(house.directory / "ran-0")))
    assert house.runtime.stop(id)
    assert (await house.end(future)).outcome is Outcome.STOPPED
    assert (await house.run(function)).outcome is Outcome.OK
    assert ran(house) == []


async def test_a_run_that_must_be_alone_shares_no_queue(house):
    function = house.deploy(FAST, concurrency=1)
    await house.make_fast(function)
    assert house.runtime.room(function, alone=True) == 1
    assert house.runtime.room(function) > 1
    barrier, says = house.pipe("barrier"), house.pipe("says")
    _, future = house.submit(function, event(barrier=barrier.path, says=says.path), alone=True)
    assert house.runtime.room(function) == 0
    assert house.runtime.room(function, alone=True) == 0
    await says.read()
    barrier.write()
    assert (await house.end(future)).outcome is Outcome.OK
    assert house.runtime.room(function) > 1


async def test_a_run_that_must_be_alone_is_the_last_of_a_busy_instance(house):
    function, barrier, first, others = await behind_a_barrier(house, {}, 1)
    assert house.runtime.room(function) > 0
    mark = str(house.directory / "ran-alone")
    _, alone = house.submit(function, event(mark=mark), alone=True)
    assert house.runtime.room(function) == 0, "nobody comes behind it"
    barrier.write()
    for _, future in (first, *others):
        assert (await house.end(future)).outcome is Outcome.OK
    assert (await house.end(alone)).outcome is Outcome.OK
    assert ran(house) == ["ran-0", "ran-alone"]
    assert house.runtime.room(function) > 1


async def test_no_more_than_the_functions_slots_run_at_once(house):
    function = house.deploy(
        """
        import os
        def handler(event, context):
            os.mkdir(event["mine"])
            with open(event["says"], "w") as says: says.write(str(len(os.listdir("../running"))))
            open(event["barrier"]).readline()
            os.rmdir(event["mine"])
        """,
        concurrency=3,
    )
    (house.directory / "running").mkdir()
    running, at_once = [], []
    for n in range(9):
        while not house.runtime.room(function):
            if len(running) == 3:
                assert house.runtime.limits(function) == (3, 3)
                barrier, future = running.pop(0)
                barrier.write()
                await house.end(future)
            else:
                await house.room(function)
        barrier, says = house.pipe(f"barrier-{n}"), house.pipe(f"says-{n}")
        mine = str(house.directory / "running" / str(n))
        running.append(
            (
                barrier,
                house.submit(function, event(mine=mine, says=says.path, barrier=barrier.path))[1],
            )
        )
        at_once.append(int(await says.read()))
    assert at_once == [1, 2, 3, 3, 3, 3, 3, 3, 3]


async def test_an_unknown_function_reaches_its_limit_as_its_instances_come_up(house):
    barrier = house.pipe("barrier")
    function = house.deploy(
        "def handler(event, context): open(event['barrier']).readline()", concurrency=6
    )
    handed = 0
    while handed < 6:
        while house.runtime.room(function):
            house.submit(function, event(barrier=barrier.path))
            handed += 1
        if handed < 6:
            await house.notices.wait_for(InstanceStarted)
    assert house.runtime.limits(function) == (6, 6)


async def test_a_fast_function_is_served_by_few_instances(house):
    function = house.deploy(FAST, concurrency=100)
    await house.make_fast(function)
    room = house.runtime.room(function)
    assert room > 1
    futures = [house.submit(function)[1] for _ in range(min(room, 10))]
    await asyncio.gather(*futures)
    assert count(house, InstanceStarted) <= 3


async def test_room_promises_no_more_than_it_can_place(house):
    function = house.deploy(FAST, concurrency=2)
    await house.make_fast(function)
    futures = []
    while house.runtime.room(function):
        futures.append(house.submit(function)[1])
    outcomes = [(await house.end(future)).outcome for future in futures]
    assert set(outcomes) == {Outcome.OK}


async def test_a_run_without_room_is_given_back(house):
    function = house.deploy(PID, concurrency=0)
    assert house.runtime.room(function) == 0
    assert (await house.run(function)).outcome is Outcome.NOT_STARTED


async def test_an_instance_that_waits_too_long_is_retired(house, is_gone):
    function = house.deploy(PID)
    pid = int((await house.run(function)).result)
    house.clock.advance(59.9)
    assert house.runtime.limits(function)[0] == 0 and count(house, InstanceEnded) == 0
    house.clock.advance(0.2)
    assert (await house.notice(InstanceEnded)).reason == "idle"
    assert is_gone(pid)
    assert int((await house.run(function)).result) != pid


async def test_using_an_instance_puts_its_retirement_off(house):
    function = house.deploy(PID)
    await house.run(function)
    house.clock.advance(40)
    pid = (await house.run(function)).result
    house.clock.advance(40)
    assert (await house.run(function)).result == pid
    assert count(house, InstanceEnded) == 0


async def test_at_the_nodes_limit_the_longest_idle_instance_goes(house, is_gone):
    await house.open(instances_max=2)
    one, two, three = (house.deploy(PID, id=id) for id in (1, 2, 3))
    first = int((await house.run(one)).result)
    house.clock.advance(1)
    second = int((await house.run(two)).result)
    assert house.runtime.room(three) == 2
    await house.run(three)
    assert is_gone(first)
    assert int((await house.run(two)).result) == second
    ended = await house.notice(InstanceEnded)
    assert (ended.function, ended.reason) == ("f1", "idle")


async def test_at_the_nodes_limit_busy_instances_leave_no_room(house):
    await house.open(instances_max=1)
    barrier, says = house.pipe("barrier"), house.pipe("says")
    one, two = house.deploy(FAST, id=1), house.deploy(PID, id=2)
    told = []
    house.runtime.on_room(told.append)
    _, future = house.submit(one, event(barrier=barrier.path, says=says.path))
    await says.read()
    assert house.runtime.room(two) == 0
    assert house.runtime.limits(two) == (0, 0)
    told.clear()
    barrier.write()
    await house.end(future)
    assert one.id in told, "any function may have room now"
    assert house.runtime.room(two) == 1


async def test_a_changed_function_runs_its_new_code(house, is_gone):
    old = house.deploy(PID, revision=1)
    pid = int((await house.run(old)).result)
    house.runtime.forget(old.id)
    assert is_gone(pid)
    assert (await house.notice(InstanceEnded)).reason == "replaced"
    new = house.deploy("def handler(event, context): return 'new'", revision=2)
    assert (await house.run(new)).result == b'"new"'


async def test_a_new_revision_replaces_idle_instances_by_itself(house, is_gone):
    pid = int((await house.run(house.deploy(PID, revision=1))).result)
    new = house.deploy("def handler(event, context): return 'new'", revision=2)
    assert (await house.run(new)).result == b'"new"'
    assert is_gone(pid)


async def test_a_busy_instance_of_an_old_revision_ends_when_it_is_done(house):
    barrier, says = house.pipe("barrier"), house.pipe("says")
    old = house.deploy(FAST, revision=1, concurrency=1)
    _, future = house.submit(old, event(barrier=barrier.path, says=says.path))
    await says.read()
    house.runtime.forget(old.id)
    new = house.deploy(PID, revision=2, concurrency=1)
    assert house.runtime.room(new) == 0, "the slot is still in use"
    barrier.write()
    assert (await house.end(future)).outcome is Outcome.OK
    assert (await house.notice(InstanceEnded)).reason == "replaced"
    assert house.runtime.room(new) == 1
    assert (await house.run(new)).outcome is Outcome.OK


async def test_a_run_of_an_old_revision_runs_the_old_code(house):
    old = house.deploy("def handler(event, context): return 'old'", revision=1, concurrency=1)
    new = house.deploy("def handler(event, context): return 'new'", revision=2, concurrency=1)
    assert (await house.run(new)).result == b'"new"'
    assert (await house.run(old)).result == b'"old"'
    await house.notice(InstanceEnded, lambda ended: ended.instance == "instance-2")
    assert (await house.run(new)).result == b'"new"'


async def test_an_instance_that_does_not_come_up_in_time_is_a_want_of_resources(house):
    await house.open(start_seconds=30)
    function = house.deploy(PID)
    _, future = house.submit(function)
    house.clock.advance(31)  # before the event loop could hear that it is ready
    ended = await house.end(future)
    assert ended.outcome is Outcome.NO_RESOURCES
    assert "not ready within 30 s" in ended.error_message


async def test_an_instance_that_was_given_up_begins_nothing_when_it_comes_up_after_all(
    house, monkeypatch
):
    """Its run was begun and then ended with it: an error of the function, which had done nothing."""
    await house.open(start_seconds=30)
    reports, kill, killed = house.runtime._reports, house.launcher.kill, []
    up = {"started": asyncio.Event(), "greeted": asyncio.Event()}
    started, answered = reports.instance_started, reports.answered
    monkeypatch.setattr(house.launcher, "kill", killed.append)
    monkeypatch.setattr(
        reports, "instance_started", lambda *said: (started(*said), up["started"].set())
    )
    monkeypatch.setattr(reports, "answered", lambda *said: (answered(*said), up["greeted"].set()))
    id, future = house.submit(house.deploy(PID))
    house.clock.advance(31)
    for event in up.values():
        await asyncio.wait_for(event.wait(), 30)
    (instance,) = house.instances.values()
    assert not instance.ready and not house.runtime.begun(id)
    kill(*killed)
    assert (await house.end(future)).outcome is Outcome.NO_RESOURCES
    assert count(house, InstanceStarted) == 0


async def test_a_start_that_takes_too_long_is_said_though_the_fork_server_answers_nothing(
    house, caplog, monkeypatch
):
    """Stopped, or at a disk that does not answer: no function started, and nothing said so."""
    await house.open(start_seconds=30)
    monkeypatch.setattr(house.launcher, "kill", lambda number: None)
    house.submit(house.deploy(PID))
    house.clock.advance(31)
    [said] = [record for record in caplog.records if "could not be started" in record.getMessage()]
    assert "not ready within 30 s" in said.getMessage()
    monkeypatch.undo()


async def test_drain_waits_for_what_has_begun_and_gives_back_the_rest(house):
    function, barrier, first, others = await behind_a_barrier(house, {}, 2)
    drained = asyncio.create_task(house.runtime.drain(10))
    for _, future in others:
        assert (await house.end(future)).outcome is Outcome.NOT_STARTED
    assert house.runtime.room(function) == 0 and not drained.done()
    barrier.write()
    assert (await house.end(first[1])).outcome is Outcome.OK
    await asyncio.wait_for(drained, 30)
    assert ran(house) == []
    assert (await house.run(function)).outcome is Outcome.NOT_STARTED


async def test_drain_loses_what_does_not_end_in_time(house):
    _, _, first, _ = await behind_a_barrier(house, {}, 0)
    drained = asyncio.create_task(house.runtime.drain(10))
    await house.clock.somebody_sleeps.wait()
    house.clock.advance(10.1)
    await asyncio.wait_for(drained, 30)
    ended = house.ended[first[0]]
    assert ended.outcome is Outcome.LOST and ended.started_at is not None


async def test_close_ends_every_process_and_every_run(house, is_gone):
    _, _, first, others = await behind_a_barrier(house, {}, 2)
    pids = [instance.pid for instance in house.instances.values()]
    pids.append(house.launcher.pid)
    directory = house.launcher._directory
    await house.runtime.close()
    assert all(is_gone(pid) for pid in pids)
    assert house.ended[first[0]].outcome is Outcome.LOST
    assert {house.ended[id].outcome for id, _ in others} == {Outcome.NOT_STARTED}
    assert not there(directory)
    await house.runtime.close()


async def test_an_instance_without_work_for_so_long_is_ended(house):
    await house.open(idle_seconds=7)
    function = house.deploy("def handler(event, context): ...")
    await house.run(function)
    house.clock.advance(6.9)
    assert not [notice for notice in house.seen if isinstance(notice, InstanceEnded)]
    house.clock.advance(0.2)
    assert (await house.notice(InstanceEnded)).reason == "idle"


async def test_an_idle_instance_that_has_died_gets_no_run(house):
    """Until its end is told, which takes a while where the fork server was killed, it passed for idle: a run
    was given to it, and then to the dead one, or to none with an error of ours."""
    function = house.deploy(PID, concurrency=2)
    await house.make_fast(function)
    lane = house.runtime._lanes[function.id]
    house.runtime._reports.disconnected(lane.idle[-1], "")
    assert (await house.run(function)).outcome is Outcome.OK
    await house.notice(InstanceEnded)
    assert (await house.run(function)).outcome is Outcome.OK
    assert (lane.count, len(lane.idle), len(lane.busy)) == (1, 1, 0)
    assert (lane.shut, lane.load, house.runtime.occupancy().in_use) == (0, 0, 0)


async def test_an_idle_instance_that_has_died_is_not_retired_as_well(house):
    """Its place of the function's was never given back."""
    function = house.deploy(PID, concurrency=1)
    await house.run(function)
    lane = house.runtime._lanes[function.id]
    house.runtime._reports.disconnected(lane.idle[-1], "")
    house.clock.advance(3600)
    await house.notice(InstanceEnded)
    assert (lane.count, lane.shut, house.runtime._books.total) == (0, 0, 0)
    assert (await house.run(function)).outcome is Outcome.OK
