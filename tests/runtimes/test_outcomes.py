"""Each way in which an attempt can end, by real processes."""

from __future__ import annotations

import asyncio
import json

import pytest

from thence.errors import StoreUnavailable
from thence.lifecycle.outcome import Fault, Outcome
from thence.notices import InstanceEnded
from thence.runtimes.pool import placing
from thence.runtimes.pool.instance import Instance

GOOD = "def handler(event, context): return 1"


async def test_a_json_event_gives_a_json_result(house):
    function = house.deploy("def handler(event, context):\n    return {'twice': event['n'] * 2}")
    ended = await house.run(function, b'{"n": 21}')
    assert ended.outcome is Outcome.OK
    assert json.loads(ended.result) == {"twice": 42}
    assert ended.result_type == "application/json"
    assert ended.started_at == house.clock.now()
    assert ended.instance == "instance-1"


async def test_an_empty_payload_is_none_and_none_is_null(house):
    function = house.deploy("def handler(event, context):\n    assert event is None")
    assert (await house.run(function, b"")).result == b"null"


async def test_bytes_come_and_go_as_they_are(house):
    function = house.deploy("def handler(event, context):\n    return event[::-1]", event="bytes")
    ended = await house.run(function, b"\x00\xff1")
    assert (ended.result, ended.result_type) == (b"1\xff\x00", "application/octet-stream")


async def test_a_large_event_and_a_large_result_pass(house):
    function = house.deploy("def handler(event, context):\n    return event", event="bytes")
    payload = bytes(range(256)) * 4096 * 5
    assert (await house.run(function, payload)).result == payload


async def test_an_async_handler_is_awaited_on_one_loop(house):
    function = house.deploy(
        """
        import asyncio
        loops = []
        async def handler(event, context):
            await asyncio.sleep(0)
            loops.append(asyncio.get_running_loop())
            return [len(loops), len(set(map(id, loops)))]
        """
    )
    await house.run(function)
    assert (await house.run(function)).result == b"[2,1]"


async def test_a_handler_is_told_about_its_attempt(house):
    function = house.deploy(
        """
        def handler(event, context):
            context.logger.info("noted")
            names = '''invocation_id request_id idempotency_key function_name attempt retry_count
                memory_mb timeout_seconds accepted_at_ms previous_attempt_may_have_run traceparent
                content_type'''
            told = {name: getattr(context, name) for name in names.split()}
            told["left"] = 0 < context.remaining_ms() <= 7000
            told["deadline"] = context.deadline_ms > 0
            return told
        """,
        memory_mb=128,
        timeout_seconds=7,
    )
    ended = await house.run(
        function,
        attempt=3,
        retries_used=1,
        previous_may_have_run=True,
        traceparent="00-aa-bb-01",
        content_type="text/x",
    )
    told = json.loads(ended.result)
    id = "00000000-0000-0000-0000-000000000001"
    assert told == {
        "invocation_id": id,
        "request_id": id,
        "idempotency_key": id,
        "function_name": "f1",
        "attempt": 3,
        "retry_count": 1,
        "memory_mb": 128,
        "timeout_seconds": 7.0,
        "accepted_at_ms": house.clock.now(),
        "previous_attempt_may_have_run": True,
        "traceparent": "00-aa-bb-01",
        "content_type": "text/x",
        "left": True,
        "deadline": True,
    }
    assert ended.log == b"INFO function: noted\n"


async def test_an_exception_is_a_function_error_with_the_users_frames_only(house):
    function = house.deploy(
        """
        def inner():
            raise KeyError("missing")
        def handler(event, context):
            inner()
        """
    )
    ended = await house.run(function)
    assert ended.outcome is Outcome.FUNCTION_ERROR
    assert (ended.error_type, ended.error_message) == ("KeyError", "'missing'")
    assert "in inner" in ended.error_stack and "worker.py" not in ended.error_stack
    assert ended.result is None
    again = await house.run(function)
    assert again.instance == ended.instance, "an exception costs no instance"


async def test_what_is_told_of_an_error_is_bounded(house):
    function = house.deploy(
        """
        class Bad(Exception):
            def __str__(self): raise ValueError
        def handler(event, context):
            raise Bad if event else ValueError("é" * 100_000)
        """
    )
    long = await house.run(function)
    assert len(long.error_message.encode()) <= 1024 and len(long.error_stack.encode()) <= 8192
    mute = await house.run(function, b"1")
    assert mute.error_type == "Bad" and "cannot be made" in mute.error_message


async def test_a_payload_that_is_not_json_is_an_invalid_event(house):
    function = house.deploy("def handler(event, context): pass")
    ended = await house.run(function, b'{"a": x}')
    assert (ended.outcome, ended.error_type) == (Outcome.FUNCTION_ERROR, "InvalidEvent")
    assert "byte 6" in ended.error_message and ended.hopeless


@pytest.mark.parametrize("contract", ["native", "functiongraph"])
async def test_json_that_is_nested_too_deeply_is_an_invalid_event(house, contract):
    function = house.deploy("def handler(event, context): pass", contract=contract)
    ended = await house.run(function, b"[" * 50_000 + b"]" * 50_000)
    assert (ended.outcome, ended.error_type) == (Outcome.FUNCTION_ERROR, "InvalidEvent")
    assert "nested too deeply" in ended.error_message
    assert ended.hopeless == (contract == "native"), "as for what is not JSON"
    assert (await house.run(function, b"{}")).outcome == Outcome.OK


@pytest.mark.parametrize(
    ("handler", "kind", "part"),
    [
        ("main.missing", "HandlerNotFound", "missing"),
        ("main.number", "HandlerNotCallable", "int"),
        ("nowhere.handler", "ImportError", "nowhere"),
        ("needs.handler", "ModuleNotFoundError", "not_installed"),
        ("broken.handler", "SyntaxError", ""),
        ("fails.handler", "ZeroDivisionError", "division"),
    ],
)
async def test_a_handler_that_cannot_be_loaded_is_a_function_error_each_time(
    house, handler, kind, part
):
    function = house.deploy(
        "number = 1",
        handler=handler,
        files={"broken.py": "def (", "fails.py": "1 / 0", "needs.py": "import not_installed"},
    )
    for _ in range(2):
        ended = await house.run(function)
        assert (ended.outcome, ended.error_type) == (Outcome.FUNCTION_ERROR, kind)
        assert part in ended.error_message


async def test_a_handler_may_be_named_like_a_preloaded_module(house):
    function = house.deploy(
        "", handler="queue.handler", files={"queue.py": "def handler(e, c): return 'mine'"}
    )
    assert (await house.run(function)).result == b'"mine"'


async def test_a_result_that_cannot_be_written_names_its_type(house):
    function = house.deploy("class Odd: pass\ndef handler(event, context): return [Odd()]")
    ended = await house.run(function)
    assert (ended.outcome, ended.error_type) == (Outcome.FUNCTION_ERROR, "ResultNotSerializable")
    assert "main.Odd" in ended.error_message


async def test_a_result_that_holds_itself_is_not_serializable(house):
    function = house.deploy("def handler(event, context):\n    a = []; a.append(a); return a")
    assert (await house.run(function)).error_type == "ResultNotSerializable"


async def test_a_result_over_the_limit_names_the_limit(house):
    await house.open(result_bytes_max=1000)
    function = house.deploy("def handler(event, context): return 'x' * event")
    assert (await house.run(function, b"998")).outcome is Outcome.OK
    ended = await house.run(function, b"999")
    assert (ended.outcome, ended.error_type) == (Outcome.FUNCTION_ERROR, "ResultTooLarge")
    assert "1000" in ended.error_message


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("import sys; print('last words'); sys.exit(3)", "sys.exit(3)"),
        ("import sys; print('last words'); sys.exit('why ' * 99_999)", "sys.exit('why why "),
        (
            "import sys; print('last words')\n"
            "    class Odd:\n        def __repr__(self): raise KeyError\n    sys.exit(Odd())",
            "sys.exit(a value that cannot be shown: KeyError)",
        ),
        ("import os; print('last words'); os._exit(4)", "status 4"),
        ("import os; print('last words'); os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import ctypes; print('last words'); ctypes.string_at(0)", "SIGSEGV"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
async def test_an_end_of_the_process_is_a_crash_that_says_how(house, code, part):
    function = house.deploy(f"def handler(event, context):\n    {code}")
    ended = await house.run(function)
    assert ended.outcome is Outcome.CRASHED
    assert part in ended.error_message
    assert ended.started_at is not None
    if "last words" in code:
        assert ended.log == b"last words\n"
    told = await house.notice(InstanceEnded)
    assert told.reason == "crashed"
    assert (await house.run(function)).outcome is Outcome.CRASHED


@pytest.mark.parametrize(
    "code",
    ["while True: pass", "import time; time.sleep(1000)"],
)
async def test_a_handler_over_its_time_is_ended_whatever_it_ignores(house, code, is_gone):
    pipe = house.pipe("pipe")
    function = house.deploy(
        f"""
        import os, signal, subprocess
        def handler(event, context):
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            child = subprocess.Popen(["sleep", "1000"])
            print("so far", flush=True)
            with open({pipe.path!r}, "w") as file: file.write(f"{{os.getpid()}} {{child.pid}}")
            {code}
        """,
        timeout_seconds=5,
    )
    id, future = house.submit(function)
    pids = [int(pid) for pid in (await pipe.read()).split()]
    house.clock.advance(4.9)
    assert id not in house.ended
    house.clock.advance(0.2)
    ended = await house.end(future)
    assert ended.outcome is Outcome.TIMED_OUT
    assert "5 s" in ended.error_message and ended.log == b"so far\n"
    assert all(is_gone(pid) for pid in pids)
    assert (await house.notice(InstanceEnded)).reason == "timed_out"


async def test_memory_over_the_limit_is_out_of_memory(house):
    function = house.deploy(
        "def handler(event, context):\n    return len(bytearray(event << 20))", memory_mb=64
    )
    assert (await house.run(function, b"40")).outcome is Outcome.OK
    ended = await house.run(function, b"80")
    assert (ended.outcome, ended.error_type) == (Outcome.OUT_OF_MEMORY, "MemoryError")
    assert "64 MiB" in ended.error_message
    assert (await house.notice(InstanceEnded)).reason == "out_of_memory"
    assert (await house.run(function, b"40")).outcome is Outcome.OK


async def test_shared_memory_over_the_limit_is_seen_by_the_sweep(house):
    pipe = house.pipe("pipe")
    function = house.deploy(
        f"""
        import mmap, time
        def handler(event, context):
            memory = mmap.mmap(-1, 128 << 20)
            for at in range(0, len(memory), 4096): memory[at] = 1
            with open({pipe.path!r}, "w") as pipe: pipe.write("full")
            time.sleep(1000)
        """,
        memory_mb=64,
    )
    _, future = house.submit(function)
    await pipe.read()
    house.clock.advance(0.1)
    ended = await house.end(future)
    assert ended.outcome is Outcome.OUT_OF_MEMORY and "memory_mb" in ended.error_message


async def test_nothing_runs_in_an_instance_before_the_size_of_an_empty_one_is_known(
    house, monkeypatch
):
    """What its function had taken by then would be allowed on top, or nothing would be limited."""
    greeted = asyncio.Event()
    held: list[tuple[int, int]] = []
    reports = house.runtime._reports
    started, answered = reports.instance_started, reports.answered
    monkeypatch.setattr(reports, "instance_started", lambda *words: held.append(words))

    def heard(instance, answers):
        answered(instance, answers)
        greeted.set()

    monkeypatch.setattr(reports, "answered", heard)
    function = house.deploy("def handler(event, context): return 1", memory_mb=64)
    id, future = house.submit(function)
    await asyncio.wait_for(greeted.wait(), 30)
    (instance,) = house.instances.values()
    assert not instance.ready and not house.runtime.begun(id)
    started(*held.pop())
    assert instance.ready and instance.memory_limit_bytes > 64 << 20
    assert (await house.end(future)).outcome is Outcome.OK


@pytest.mark.parametrize("heard", ["before its end", "with its end"])
async def test_code_that_is_not_there_starts_no_instance(house, caplog, monkeypatch, heard):
    if heard == "with its end":  # what it said comes by another way than that it ended
        monkeypatch.setattr(Instance, "_readable", lambda self: None)
    function = house.deploy("def handler(event, context): pass")
    (house.directory / function.code_digest / "main.py").unlink()
    (house.directory / function.code_digest).rmdir()
    for _ in range(2):
        ended = await house.run(function)
        assert ended.outcome is Outcome.NO_RESOURCES
        assert "could not be started" in ended.error_message and ended.started_at is None
    [said] = [record for record in caplog.records if "could not be started" in record.getMessage()]
    assert "No such file" in said.getMessage()


async def test_a_machine_that_gives_no_descriptors_is_told_in_a_sentence(
    house, monkeypatch, caplog
):
    def none(*_: object) -> None:
        raise OSError(24, "Too many open files")

    function = house.deploy("def handler(event, context): pass")
    monkeypatch.setattr(placing, "Instance", none)
    ended = await house.run(function)
    assert ended.outcome is Outcome.NO_RESOURCES and "Too many open files" in ended.error_message
    [said] = [record for record in caplog.records if "could not be started" in record.getMessage()]
    assert "Too many open files" in said.getMessage() and said.exc_info is None


async def test_a_function_without_its_code_has_one_line_in_the_log_and_no_traceback(house, caplog):
    def gone(function):
        raise StoreUnavailable("The archive cannot be read. Deploy the function again.")

    house.runtime._placing._code_path = gone
    function = house.deploy("def handler(event, context): pass")
    for _ in range(3):
        assert (await house.run(function)).outcome is Outcome.NO_RESOURCES
    (record,) = caplog.records
    assert record.getMessage().endswith("Deploy the function again.") and not record.exc_info


async def test_a_child_that_a_handler_forks_does_not_answer_for_it(house):
    function = house.deploy(
        """
        import os
        def handler(event, context):
            pid = os.fork()
            if pid: os.waitpid(pid, 0)
            return "parent" if pid else "child"
        """
    )
    assert [(await house.run(function)).result for _ in range(2)] == [b'"parent"', b'"parent"']


async def test_time_that_the_machine_slept_is_not_the_functions(house):
    begun, go = house.pipe("begun"), house.pipe("go")
    function = house.deploy(
        f"""
        def handler(event, context):
            with open({begun.path!r}, "w") as file: file.write("begun")
            with open({go.path!r}) as file: file.readline()
        """,
        timeout_seconds=5,
    )
    _, future = house.submit(function)
    await begun.read()
    house.clock.advance(3)
    house.clock.step(3600)
    house.clock.advance(1.8)
    go.write()
    assert (await house.end(future)).outcome is Outcome.OK


@pytest.mark.parametrize("contract", ["native", "fc", "functiongraph"])
@pytest.mark.parametrize(
    ("code", "spec", "fault"),
    [
        ("import no_such_thing\n" + GOOD, {}, Fault.LOAD),
        ("def handler(:", {}, Fault.LOAD),
        ("raise KeyError('DATABASE')", {}, Fault.LOAD),
        ("other = 1", {}, Fault.LOAD),
        ("handler = 1", {}, Fault.LOAD),
        (GOOD, {"handler": "nowhere.handler"}, Fault.LOAD),
        (GOOD, {"initializer": "main.begin"}, Fault.INITIALIZER),
        ("def handler(e, c): return {1j}", {}, Fault.RESULT),
        ("def handler(e, c): return 'x' * 7_000_000", {}, Fault.RESULT_SIZE),
        ("def handler(e, c): raise ImportError('mine')", {}, None),
        ("def handler(e, c): import no_such_thing", {}, None),
        ("class HandlerNotFound(Exception): ...\ndef handler(e, c): raise HandlerNotFound", {}, None),
        ("class ResultTooLarge(Exception): ...\ndef handler(e, c): raise ResultTooLarge", {}, None),
        ("class InvalidEvent(Exception): ...\ndef handler(e, c): raise InvalidEvent", {}, None),
        ("class InitializerFailed(Exception): ...\ndef handler(e, c): raise InitializerFailed", {}, None),
    ],
)  # fmt: skip
async def test_what_the_platform_found_is_told_apart_from_what_the_code_raised_by_no_name(
    house, contract, code, spec, fault
):
    ended = await house.run(house.deploy(code, contract=contract, **spec), b"{}")
    assert ended.outcome is Outcome.FUNCTION_ERROR and ended.error_type
    assert ended.fault is fault


@pytest.mark.parametrize("contract", ["native", "functiongraph"])
async def test_an_event_that_is_not_json_is_found_by_the_platform(house, contract):
    ended = await house.run(house.deploy(GOOD, contract=contract), b"{not")
    assert ended.fault is Fault.EVENT
