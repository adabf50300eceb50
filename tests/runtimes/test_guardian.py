"""Nothing that functions started outlives the process that starts instances, however that ends."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import thence
from thence.lifecycle.outcome import Outcome
from thence.notices import InstanceEnded
from thence.runtimes.pool import memory
from thence.runtimes.python import launcher as fork_server_launcher
from thence.runtimes.python import leftovers
from thence.runtimes.python.fork_server import server
from thence.runtimes.sandbox import children, confine, folders, instance_mark

ESCAPES = """
import ctypes, os, time
def escape(says, leave):
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    left = leave and ctypes.CDLL(None).unshare(0x10020000) == 0  # CLONE_NEWUSER | CLONE_NEWNS
    with open(says, "w") as file:
        file.write(f"{os.getpid()} {int(left)}")
    os.closerange(0, 1000)
    time.sleep(1000)
    os._exit(0)
def handler(event, context):
    escape(event["says"], event["leave"])
    os.wait()
    time.sleep(1000)
"""
_PR_SET_CHILD_SUBREAPER = 36


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def there(path: str) -> bool:
    return os.path.exists(path)


async def escaped(house, leave=False):
    """A run whose handler never returns, and the process that escaped from it. `leave`: also from the
    fork server's mount namespace."""
    says = house.pipe("says")
    function = house.deploy(ESCAPES)
    event = json.dumps({"says": says.path, "leave": leave}).encode()
    _, future = house.submit(function, event)
    pid, left = (await says.read()).split()
    if leave and left == "0":
        pytest.skip("this machine gives functions no namespaces")
    return future, int(pid)


@pytest.fixture
def subreaper():
    """This process is what process 1 is in a container."""
    libc = ctypes.CDLL(None)
    assert libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0) == 0
    yield
    libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(0), 0, 0, 0)


@pytest.mark.parametrize("sandbox", [False, True])
@pytest.mark.parametrize("leave", [False, True])
async def test_what_escaped_ends_with_a_killed_fork_server_and_leaves_no_zombie(
    house, tmp_path, subreaper, sandbox, leave
):
    if sandbox:
        (tmp_path / "data" / "code").mkdir(parents=True)
        house.directory = tmp_path / "data" / "code"
        await house.open(closed=tmp_path / "data", readable=house.directory)
    future, pid = await escaped(house, leave)
    before = set(children.children() or ())
    os.kill(house.launcher.pid, signal.SIGKILL)
    ended = await house.end(future)
    assert ended.outcome is Outcome.PLATFORM_ERROR and "status -9" in ended.error_message
    assert not there(f"/proc/{pid}")
    assert set(children.children() or ()) <= before
    assert (await house.run(house.deploy("def handler(event, context): ...", id=2))).outcome is (
        Outcome.OK
    )


async def test_what_escaped_ends_with_a_killed_guardian(house, is_gone):
    future, pid = await escaped(house)
    fork_server = house.launcher.pid
    os.kill(parent_of(fork_server), signal.SIGKILL)
    assert (await house.end(future)).outcome is Outcome.PLATFORM_ERROR
    assert is_gone(pid) and is_gone(fork_server)


async def test_what_escaped_ends_where_guardian_and_fork_server_are_killed(
    house, tmp_path, is_gone
):
    (tmp_path / "data" / "code").mkdir(parents=True)
    house.directory = tmp_path / "data" / "code"
    await house.open(closed=tmp_path / "data", readable=house.directory)
    if house.launcher._mounts is None:
        pytest.skip("this machine gives no mount namespaces")
    future, pid = await escaped(house)
    fork_server = house.launcher.pid
    guardian = parent_of(fork_server)
    os.kill(guardian, signal.SIGSTOP)  # so that neither has a moment
    os.kill(fork_server, signal.SIGKILL)
    os.kill(guardian, signal.SIGKILL)
    assert (await house.end(future)).outcome is Outcome.PLATFORM_ERROR
    assert is_gone(pid)


async def test_the_event_loop_goes_on_while_a_lost_fork_server_is_waited_for(house):
    future, _ = await escaped(house)
    fork_server = house.launcher.pid
    guardian = parent_of(fork_server)
    os.kill(guardian, signal.SIGSTOP)  # it ends nothing, so it is waited for
    os.kill(fork_server, signal.SIGKILL)
    while house.launcher._losing is None:  # noqa: ASYNC110  # nobody is told of it
        await asyncio.sleep(0)
    assert not future.done()
    os.kill(guardian, signal.SIGCONT)
    assert (await house.end(future)).outcome is Outcome.PLATFORM_ERROR


async def test_what_escaped_goes_on_while_its_instance_runs_and_ends_with_it(house, is_gone):
    """Whatever becomes of other instances meanwhile."""
    if instance_mark.of(os.getpid()) is not None:
        pytest.skip("the limit that marks processes (RLIMIT_LOCKS) has been lowered here")
    _, pid = await escaped(house)
    assert instance_mark.of(pid) is not None
    (first,) = house.instances.values()
    crash = house.deploy("import os\ndef handler(event, context): os._exit(3)", id=2)
    for _ in range(2):
        await house.run(crash)
    assert there(f"/proc/{pid}")
    os.kill(first.pid, signal.SIGKILL)
    await house.run(crash)  # what is told of this one is told after the other's end
    assert is_gone(pid)


TREES = """
import os, time
def start(write, depth):
    if os.fork():
        return
    os.setsid()
    if depth:
        start(write, depth - 1)
    else:
        os.write(write, str(os.getpid()).encode())
    os.closerange(0, 1000)
    time.sleep(1000)
    os._exit(0)
def handler(event, context):
    read, write = os.pipe()
    start(write, 3)
    pid = os.read(read, 20).decode()
    with open(event["says"], "w") as file:
        file.write(pid)
    time.sleep(1000)
"""


async def test_what_that_had_started_ends_with_it_too(house, is_gone):
    """A browser's children: they become the fork server's only when their parent has ended."""
    says = house.pipe("says")
    _, future = house.submit(house.deploy(TREES), json.dumps({"says": says.path}).encode())
    pid = int(await says.read())
    assert there(f"/proc/{pid}")
    (instance,) = house.instances.values()
    os.kill(instance.pid, signal.SIGKILL)
    assert (await house.end(future)).outcome is Outcome.CRASHED
    assert is_gone(pid)  # no other instance ends meanwhile


async def test_a_search_that_fails_does_not_keep_the_node_from_a_new_fork_server(
    house, monkeypatch
):
    def fails(*_):
        raise OSError(24, "too many open files")

    future, _ = await escaped(house)
    monkeypatch.setattr(fork_server_launcher.leftovers, "wait", fails)
    os.kill(house.launcher.pid, signal.SIGKILL)
    assert (await house.end(future)).outcome is Outcome.PLATFORM_ERROR
    monkeypatch.undo()
    assert (await house.run(house.deploy("def handler(event, context): ...", id=2))).outcome is (
        Outcome.OK
    )


async def test_a_service_that_was_started_with_sigchld_ignored_runs_functions(house):
    await house.runtime.close()
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        await house.open()
        function = house.deploy("def handler(event, context): ...")
        assert (await house.run(function)).outcome is Outcome.OK
    finally:
        await house.runtime.close()
        signal.signal(signal.SIGCHLD, before)


async def test_a_stopped_fork_server_goes_on(house):
    os.kill(house.launcher.pid, signal.SIGSTOP)
    function = house.deploy("def handler(event, context): ...")
    assert (await house.run(function)).outcome is Outcome.OK


OTHER_IDS = """
import ctypes, os, sys
from thence.runtimes.sandbox.children import children, ids_are_ours
flags = 0x20000000 | (0 if os.geteuid() == 0 else 0x10000000)  # CLONE_NEWPID, CLONE_NEWUSER
if ctypes.CDLL(None).unshare(flags) != 0:
    sys.exit(77)
if os.fork() == 0:
    if os.fork() == 0:
        os.read(0, 1)
        os._exit(0)
    print(ids_are_ours(), children(), flush=True)
    os._exit(0)
os.wait()
"""


def test_ids_of_another_namespaces_proc_are_nobodys():
    """Read there, they are those of strangers: what was ended by them was anybody's."""
    source = str(Path(thence.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", OTHER_IDS],
        env={**os.environ, "PYTHONPATH": source},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if ran.returncode == 77:
        pytest.skip("this machine gives no PID namespaces")
    assert ran.stdout == "False None\n", ran.stderr


async def test_no_memory_is_read_of_another_namespaces_proc(house, monkeypatch):
    monkeypatch.setattr(memory, "ids_are_ours", lambda: False)
    function = house.deploy("def handler(event, context): ...")
    assert (await house.run(function)).outcome is Outcome.OK
    (instance,) = house.instances.values()
    assert (memory.resident_bytes(instance), memory.peak_bytes(instance)) == (0, 0)
    assert instance.memory_limit_bytes == 0


def test_only_what_can_gain_no_privileges_is_taken_for_a_fork_server():
    own = ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)  # PR_GET_NO_NEW_PRIVS
    assert leftovers._has_given_up("self") is bool(own)
    code = "import ctypes\nctypes.CDLL(None).prctl(38, 1, 0, 0, 0)\nprint(flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as one:
        assert one.stdout is not None
        one.stdout.readline()
        assert leftovers._has_given_up(str(one.pid))
        one.kill()


async def test_a_fork_server_that_cannot_be_started_leaves_nothing(house, tmp_path, monkeypatch):
    await house.runtime.close()

    def none(*_, **__):
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr(fork_server_launcher.tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(fork_server_launcher.subprocess, "Popen", none)
    one = fork_server_launcher.ForkServerLauncher(house.runtime, None)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(BlockingIOError):
            one._launch()
    assert len(os.listdir("/proc/self/fd")) == before
    assert not os.listdir(tmp_path / "scratch")


TRACES = """
import ctypes, os, time
def handler(event, context):
    libc, instance = ctypes.CDLL(None), os.getpid()
    libc.prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # PR_SET_PTRACER: anybody
    if os.fork() == 0:
        os.setsid()
        traces = libc.ptrace(0x4206, instance, 0, 0) == 0  # PTRACE_SEIZE
        with open(event["says"], "w") as file:
            file.write(f"{os.getpid()} {int(traces)}")
        time.sleep(1000)
        os._exit(0)
    time.sleep(1000)
"""


async def test_a_run_ends_though_what_escaped_traces_its_instance(house, is_gone):
    """A traced process is not told to its parent as ended: the run, and its place on the node, stayed
    for ever."""
    says = house.pipe("says")
    function = house.deploy(TRACES, timeout_seconds=3)
    _, future = house.submit(function, json.dumps({"says": says.path}).encode())
    pid, traces = (await says.read()).split()
    if traces == "0":
        os.kill(int(pid), signal.SIGKILL)
        pytest.skip("this machine lets no process trace its parent")
    house.clock.advance(4)
    assert (await house.end(future)).outcome is Outcome.TIMED_OUT
    assert is_gone(int(pid))


TRACES_AND_LEAVES = """
import ctypes, os, sys, time
def handler(event, context):
    libc, instance = ctypes.CDLL(None), os.getpid()
    libc.prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # PR_SET_PTRACER: anybody
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        traces = libc.ptrace(0x4206, instance, 0, 0) == 0  # PTRACE_SEIZE
        os.write(write, str(int(traces)).encode())
        os.closerange(0, 1000)
        time.sleep(1000)
        os._exit(0)
    sys.exit("traced" if os.read(read, 1) == b"1" else "alone")
"""


async def test_an_instance_that_says_it_ends_keeps_no_place_though_it_is_traced(house):
    """Its end was never told: it kept its place of the function's, and on the node, for ever."""
    ended = await house.run(house.deploy(TRACES_AND_LEAVES, concurrency=1))
    if "traced" not in ended.error_message:
        pytest.skip("this machine lets no process trace its parent")
    await house.notice(InstanceEnded)
    assert house.runtime.occupancy().in_use == 0


async def test_instances_start_again_after_the_fork_servers_folder_was_removed(house):
    """Many machines remove what is old in /tmp."""
    shutil.rmtree(house.launcher._directory)
    home = "import os\ndef handler(event, context): return os.listdir(os.environ['HOME'])"
    ended = await house.run(house.deploy(home))
    assert (ended.outcome, ended.result) == (Outcome.OK, b"[]")


@pytest.fixture
def lone(tmp_path):
    """A fork server in this process, and the node's end of its pipe."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        yield server.ForkServer(theirs, str(tmp_path), confine.Sandbox(), os.getpid()), ours


@pytest.mark.parametrize("made", ["a link", "another user"])
def test_no_instance_starts_in_a_folder_that_somebody_else_made(lone, tmp_path, monkeypatch, made):
    """Once the fork server's own was removed, any user of the machine can take its name."""
    one, node = lone
    one._folders._directory = old = str(tmp_path / "old")
    if made == "a link":
        os.symlink(tmp_path, old)
    else:
        os.mkdir(old)
        monkeypatch.setattr(os, "geteuid", lambda: 1 + os.getuid())
    before = sys.pycache_prefix
    try:
        home = one._folders.make(1)
        assert sys.pycache_prefix is not None
        assert Path(sys.pycache_prefix).parent == Path(home).parent
    finally:
        sys.pycache_prefix = before
    assert Path(home).parent.parent == tmp_path and Path(home).parent != Path(old)
    assert not os.path.exists(os.path.join(old, "1"))
    said = json.loads(node.recv(4096))
    assert said["folder"] == one._folders._directory and "made by somebody else" in said["why"]


SPOILS = {
    "a link": "os.rename(folder, folder + 'x'); os.symlink('/', folder)",
    "a file": "os.rename(folder, folder + 'x'); open(folder, 'w').close()",
    "folders of the next": "[os.makedirs(f'{folder}/{n}/x') for n in range(number + 1, number + 9)]",
    "closed": "os.chmod(folder, 0)",
}


@pytest.mark.parametrize("spoils", SPOILS)
async def test_instances_start_again_after_a_function_spoiled_the_fork_servers_folder(
    house, tmp_path, monkeypatch, caplog, spoils
):
    """No instance of any function started any more until the service was started again, and the log
    said nothing."""
    if spoils == "closed" and os.geteuid() == 0:
        pytest.skip("root may write into a closed folder")
    await house.runtime.close()
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(fork_server_launcher.tempfile, "tempdir", str(tmp_path / "scratch"))
    await house.open()
    old = house.launcher._directory
    spoil = f"""
        import os
        def handler(event, context):
            folder, number = os.path.split(os.environ["HOME"])
            number = int(number)
            {SPOILS[spoils]}
    """
    assert (await house.run(house.deploy(spoil))).outcome is Outcome.OK
    home = "import os\ndef handler(event, context): return os.listdir(os.environ['HOME'])"
    for id in (2, 3):
        ended = await house.run(house.deploy(home, id=id))
        assert (ended.outcome, ended.result) == (Outcome.OK, b"[]")
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert old in said and house.launcher._directory in said
    if spoils == "closed":
        os.chmod(old, 0o700)  # else it stays
    await house.runtime.close()
    assert set(os.listdir(tmp_path / "scratch")) <= {os.path.basename(old) + "x"}


async def test_starts_that_the_fork_server_refuses_are_in_the_log_once(
    house, tmp_path, monkeypatch, caplog
):
    """Only the attempts said so."""
    await house.runtime.close()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(fork_server_launcher.tempfile, "tempdir", str(scratch))
    await house.open()
    shutil.rmtree(scratch)
    function = house.deploy("def handler(event, context): ...")
    for _ in range(2):
        assert (await house.run(function)).outcome is Outcome.NO_RESOURCES
    [said] = [record for record in caplog.records if "could not be started" in record.getMessage()]
    assert str(scratch) in said.getMessage()
    scratch.mkdir()
    assert (await house.run(function)).outcome is Outcome.OK


def test_a_fork_server_that_gets_no_process_removes_a_full_folder_later(
    lone, tmp_path, monkeypatch
):
    """A function that uses all processes up was followed by the end of all instances."""

    def none():
        raise BlockingIOError(11, "no more processes")

    one, _ = lone
    for number in (1, 2):
        (tmp_path / str(number) / "full").mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", none)
        one._folders.remove(str(tmp_path / "1"))
    assert there(str(tmp_path / "1")) and not one._folders.cleaners
    one._folders.remove(str(tmp_path / "2"))
    (cleaner,) = one._folders.cleaners
    os.waitpid(cleaner, 0)
    assert not os.listdir(tmp_path)


def test_a_node_is_told_that_its_fork_server_leaves_before_all_has_ended(lone):
    """What keeps the fork server from it, for ever perhaps, kept the node from a new one."""
    one, node = lone
    wait, go_on = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            node.close()
            os.close(go_on)
            cleaner = os.fork()
            if cleaner == 0:
                one._pipe.close()
                os.read(wait, 1)
                os._exit(0)
            one._guarded_by = os.getppid()
            one._folders.cleaners.add(cleaner)
            one._leave(1)
        finally:
            os._exit(2)
    one._pipe.close()
    node.settimeout(30)
    assert node.recv(1) == b""
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.close(go_on)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    os.close(wait)


TREE_OF_THREE = """
import os, sys, time
from thence.runtimes.python.fork_server import guardian
from thence.runtimes.sandbox.children import children, end_all
guardian.adopt_orphans()
def start(depth, write):
    if os.fork() == 0:
        os.setsid()
        if depth:
            start(depth - 1, write)
        os.write(write, b".")
        time.sleep(1000)
        os._exit(0)
read, write = os.pipe()
spared = os.fork()
if spared == 0:
    time.sleep(1000)
    os._exit(0)
start(2, write)
for _ in range(3):
    os.read(read, 1)
print(end_all([spared]), len(children()), os.waitpid(spared, os.WNOHANG), flush=True)
os.kill(spared, 9)
"""


def test_all_are_ended_before_any_is_waited_for():
    """Where processes are limited, what is waited for makes room for another: a function that starts
    them without end kept its fork server from leaving."""
    source = str(Path(thence.__file__).parents[1])
    ran = subprocess.run(
        [sys.executable, "-c", TREE_OF_THREE],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stdout == "True 4 (0, 0)\n", ran.stderr


@pytest.mark.parametrize(("deep", "descriptors"), [(2000, 1 << 20), (500, 100)])
def test_a_folder_is_removed_however_deep_it_is(tmp_path, deep, descriptors):
    """A service whose function had left such a one ended with a traceback and status 1; with few
    descriptors the folder stayed."""
    here = os.open(tmp_path, os.O_DIRECTORY)
    for _ in range(deep):
        os.mkdir("deeper", dir_fd=here)
        deeper = os.open("deeper", os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(used + descriptors, soft), hard))
    try:
        folders.remove(str(tmp_path / "deeper"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not os.listdir(tmp_path)
