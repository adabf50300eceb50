"""What the kernel keeps functions from, where it can."""

from __future__ import annotations

import ctypes
import json
import os
import signal

import pytest

from thence.lifecycle.outcome import Outcome
from thence.notices import InstanceEnded
from thence.runtimes.sandbox.confine import Sandbox, _refusal

LOOK = """
import json, os
def tried(work):
    try:
        return work()
    except OSError as error:
        return error.strerror
def handler(event, context):
    data, code, node, home = event["data"], event["code"], event["node"], os.environ["HOME"]
    os.mkdir(home + "/a"), os.mkdir(home + "/b"), open(home + "/a/x", "w").close()
    os.rename(home + "/a/x", home + "/b/x")
    return {
        "secret": tried(lambda: open(data + "/store.db").read()),
        "listed": sorted(os.listdir(data)),
        "written": tried(lambda: open(data + "/mine", "w").close()),
        "read": tried(lambda: "handler" in open(code + "/main.py").read()),
        "changed": tried(lambda: open(code + "/main.py", "a").close()),
        "around": tried(lambda: open(f"/proc/{node}/root{data}/store.db").read()),
        "environment": tried(lambda: open(f"/proc/{node}/environ").read() != ""),
        "beside": tried(lambda: open(f"/proc/{os.getppid()}/environ").read() != ""),
        "signal": tried(lambda: os.kill(node, 0)),
        "moved": os.listdir(home + "/b"),
    }
"""
LANDLOCK = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)


def can_hide(folder: str) -> bool:
    """Whether this machine lets us make namespaces at all."""
    pid = os.fork()
    if pid == 0:
        try:
            sandbox = Sandbox()
            sandbox.close_folder(folder, folder + "/code", [])
            os._exit(len(sandbox.missing))
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.fixture
async def sandboxed(house, tmp_path):
    """A runtime of which `data` is the data directory, with the house's code in it."""
    data = tmp_path / "data"
    (data / "code").mkdir(parents=True)
    (data / "store.db").write_text("secret")
    house.directory = data / "code"
    await house.open(closed=data, readable=data / "code")
    return house, data


async def test_the_data_directory_is_not_there_for_functions(sandboxed):
    house, data = sandboxed
    if not can_hide(str(data)):
        pytest.skip("this machine gives no mount namespaces")
    function = house.deploy(LOOK)
    event = {"data": str(data), "code": str(data / "code" / function.code_digest)}
    ended = await house.run(function, json.dumps({**event, "node": os.getpid()}).encode())
    assert ended.outcome is Outcome.OK, ended
    seen = json.loads(ended.result)
    assert seen["secret"] == os.strerror(2) and seen["listed"] == ["code"]
    assert seen["written"] == seen["changed"] == "Read-only file system"
    assert seen["read"] is True and seen["moved"] == ["x"]
    assert (data / "store.db").read_text() == "secret" and not (data / "mine").exists()


async def test_code_that_is_deployed_later_is_seen(sandboxed):
    house, _ = sandboxed
    for revision in (1, 2):
        function = house.deploy("def handler(event, context): return 1", revision=revision)
        assert (await house.run(function)).outcome is Outcome.OK


@pytest.mark.skipif(LANDLOCK < 2, reason="the kernel has no Landlock")
async def test_a_function_can_look_into_no_process_but_its_own(sandboxed):
    house, data = sandboxed
    function = house.deploy(LOOK)
    event = {"data": str(data), "code": str(data / "code" / function.code_digest)}
    ended = await house.run(function, json.dumps({**event, "node": os.getpid()}).encode())
    seen = json.loads(ended.result)
    assert {seen[name] for name in ("around", "environment", "beside")} == {"Permission denied"}
    if LANDLOCK >= 6:
        assert seen["signal"] == "Operation not permitted"


async def test_limits_hold_in_the_sandbox(sandboxed):
    house, _ = sandboxed
    pipe = house.pipe("begun")
    function = house.deploy(
        f"""
        import time
        def handler(event, context):
            open({pipe.path!r}, "w").write("x")
            time.sleep(60)
        """,
        timeout_seconds=1,
    )
    _, future = house.submit(function)
    await pipe.read()
    house.clock.advance(2)
    assert (await house.end(future)).outcome is Outcome.TIMED_OUT
    hungry = house.deploy("def handler(event, context): bytearray(1 << 30)", id=2, memory_mb=64)
    assert (await house.run(hungry)).outcome is Outcome.OUT_OF_MEMORY


async def test_the_sandbox_is_there_again_when_the_fork_server_was_killed(sandboxed):
    house, data = sandboxed
    function = house.deploy(
        "def handler(event, context):\n    import os\n    return os.listdir(event)"
    )
    before = await house.run(function, json.dumps(str(data)).encode())
    os.kill(house.launcher.pid, signal.SIGKILL)
    await house.notice(InstanceEnded)
    after = await house.run(function, json.dumps(str(data)).encode())
    assert before.result == after.result


async def test_what_escaped_from_an_instance_ends_also_when_the_fork_server_was_killed(
    sandboxed, is_gone
):
    house, _ = sandboxed
    says = house.pipe("says")
    function = house.deploy(
        f"""
        import subprocess, time
        def handler(event, context):
            escaped = subprocess.Popen(["setsid", "sh", "-c", "sleep 1000 & echo $!; exec sleep 1000"],
                                       stdout=subprocess.PIPE, text=True)
            pids = [escaped.pid, int(escaped.stdout.readline())]
            with open({says.path!r}, "w") as file: file.write(" ".join(map(str, pids)))
            time.sleep(1000)
        """
    )
    _, future = house.submit(function)
    pids = [int(pid) for pid in (await says.read()).split()]
    os.kill(house.launcher.pid, signal.SIGKILL)
    assert (await house.end(future)).outcome is Outcome.PLATFORM_ERROR
    assert all(is_gone(pid) for pid in pids)


async def test_the_fork_servers_namespace_is_held_so_that_no_stranger_gets_its_number(sandboxed):
    """Else whatever began in between, of anybody, would be ended in place of what escaped."""
    house, data = sandboxed
    if not can_hide(str(data)):
        pytest.skip("this machine gives no mount namespaces")
    launcher = house.launcher
    held = launcher._mounts
    assert held is not None
    assert os.fstat(held).st_ino == os.stat(f"/proc/{launcher.pid}/ns/mnt").st_ino
    assert os.fstat(held).st_ino != os.stat("/proc/self/ns/mnt").st_ino
    await house.runtime.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)


def test_a_data_directory_that_python_itself_lies_in_stays_open(tmp_path):
    sandbox = Sandbox()
    sandbox.close_folder(str(tmp_path), str(tmp_path / "code"), [str(tmp_path / "venv")])
    assert sandbox.missing == [f"the data directory stays open: it holds {tmp_path / 'venv'}"]


def test_a_part_of_the_sandbox_that_ends_who_builds_it_is_not_built():
    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def fail() -> None:
        raise PermissionError(1, "")

    assert _refusal(kill) == "the system ended who tried (signal 9)"
    assert _refusal(fail) == "Operation not permitted"
    assert _refusal(lambda: None) == ""
