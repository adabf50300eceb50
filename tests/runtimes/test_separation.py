"""What a function can see of the service, and what is left when something is killed."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import thence
from thence.lifecycle.outcome import Outcome
from thence.notices import InstanceEnded
from thence.runtimes.python import launcher as fork_server_launcher

LOOK = """
import os, signal, sys
def handler(event, context):
    fds = {}
    for fd in os.listdir("/proc/self/fd"):
        try: fds[fd] = os.readlink("/proc/self/fd/" + fd)
        except OSError: pass
    return {
        "environment": dict(os.environ), "fds": fds, "cwd": os.getcwd(), "path": sys.path,
        "umask": os.umask(0o077), "group": os.getpgid(0), "session": os.getsid(0),
        "pid": os.getpid(), "cpu": signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL,
        "home": [os.stat(os.environ["HOME"]).st_mode & 0o777, os.listdir(os.environ["HOME"])],
        "parent": open(f"/proc/{os.getppid()}/environ").read().split(chr(0)),
    }
"""


def there(path):
    return Path(path).exists()


async def test_a_function_gets_its_own_environment_and_no_descriptor_of_the_service(
    tmp_path, house, monkeypatch
):
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_SECRET", "do-not-tell")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        os.set_inheritable(listening.fileno(), True)
        await house.open(account_id="acme", region="here-1")
        function = house.deploy(LOOK, environment={"COLOUR": "red"}, timeout_seconds=2.5)
        seen = json.loads((await house.run(function)).result)
    environment = seen["environment"]
    home = environment["HOME"]
    assert environment == {
        "COLOUR": "red",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "THENCE_ACCOUNT_ID": "acme",
        "THENCE_REGION": "here-1",
        "THENCE_FUNCTION_NAME": "f1",
        "THENCE_MEMORY_MB": "256",
        "THENCE_TIMEOUT_SECONDS": "2.5",
    }
    assert "do-not-tell" not in " ".join(seen["parent"])
    kinds = sorted(target.split(":")[0].split(" ")[0] for target in seen["fds"].values())
    assert kinds == ["/dev/null", "/memfd", "/memfd", "/memfd", "/memfd", "socket"]
    code = str(house.directory / function.code_digest)
    assert (seen["cwd"], seen["path"][0]) == (code, code)
    assert seen["umask"] == 0o077 and seen["cpu"]
    assert seen["pid"] == seen["group"] == seen["session"]
    assert seen["home"] == [0o700, []]


async def test_a_functions_directory_goes_with_its_instance(house):
    function = house.deploy(
        """
        import os
        def handler(event, context):
            os.mkdir(os.environ["TMPDIR"] + "/kept")
            return os.environ["TMPDIR"]
        """
    )
    home = json.loads((await house.run(function)).result)
    assert there(home + "/kept")
    await house.runtime.close()
    assert not there(home)


async def test_instances_do_not_share_random_numbers(house):
    source = "import random\ndef handler(event, context): return random.random()"
    first = await house.run(house.deploy(source, id=1))
    second = await house.run(house.deploy(source, id=2))
    assert first.result != second.result


async def test_what_a_function_leaves_running_ends_with_its_instance(house, is_gone):
    function = house.deploy(
        """
        import subprocess
        def handler(event, context):
            escaped = subprocess.Popen(["setsid", "sleep", "1000"])
            return [subprocess.Popen(["sleep", "1000"]).pid, escaped.pid]
        """
    )
    pids = json.loads((await house.run(function)).result)
    house.clock.advance(61)
    await house.notice(InstanceEnded)
    assert all(is_gone(pid) for pid in pids)


async def test_a_killed_fork_server_is_replaced_and_running_attempts_are_told(house, is_gone):
    says = house.pipe("says")
    function = house.deploy(
        """
        import os, subprocess, time
        def handler(event, context):
            if event is None: return
            child = subprocess.Popen(["sleep", "1000"])
            with open(event, "w") as file: file.write(f"{os.getpid()} {child.pid}")
            time.sleep(1000)
        """
    )
    _, future = house.submit(function, json.dumps(says.path).encode())
    pids = [int(pid) for pid in (await says.read()).split()]
    old = house.launcher.pid
    os.kill(old, signal.SIGKILL)
    ended = await house.end(future)
    assert ended.outcome is Outcome.PLATFORM_ERROR and ended.started_at is not None
    assert "status -9" in ended.error_message
    assert all(is_gone(pid) for pid in pids)
    assert (await house.run(function)).outcome is Outcome.OK
    assert house.launcher.pid != old


async def test_an_instance_killed_while_idle_is_replaced(house):
    function = house.deploy("import os\ndef handler(event, context): return os.getpid()")
    pid = int((await house.run(function)).result)
    os.kill(pid, signal.SIGKILL)
    await house.notice(InstanceEnded)
    assert int((await house.run(function)).result) != pid


NODE = """
import asyncio, sys
from pathlib import Path
from thence.catalog.function import Function, FunctionSpec
from thence.clock import SystemClock
from thence.notices import Notices
from thence.runtimes.interface import Run
from thence.runtimes.kinds import KINDS
from thence.runtimes.pool.pool import Pool

async def main():
    code = Path(sys.argv[1])
    runtime = Pool(KINDS, lambda f: code, Notices(), SystemClock(), instances_max=2)
    await runtime.start()
    function = Function(1, "f", 1, FunctionSpec(), "", 0, 0, 0)
    runtime.submit(Run(1, function, 1, b"", 0, 0, 0, False, False, lambda run, ended: None))
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_node_killed_with_9_leaves_no_process(tmp_path, house, is_gone):
    pipe = house.pipe("pipe")
    (tmp_path / "main.py").write_text(
        textwrap.dedent(
            f"""
            import os, subprocess, time
            def handler(event, context):
                child = subprocess.Popen(["sleep", "1000"])
                with open({pipe.path!r}, "w") as file:
                    file.write(f"{{os.getpid()}} {{os.getppid()}} {{child.pid}} {{os.environ['HOME']}}")
                time.sleep(1000)
            """
        )
    )
    source = str(Path(thence.__file__).parents[1])
    node = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        NODE,
        str(tmp_path),
        env={**os.environ, "PYTHONPATH": source},
    )
    try:
        *pids, home = (await pipe.read()).split()
    finally:
        node.kill()
        await node.wait()
    assert all(is_gone(int(pid)) for pid in pids)
    assert not there(home)


class ForkServer:
    """The fork server as a process of its own, at a socket of which nothing is read. `directory`: what
    it is given for instances."""

    def __init__(self, directory):
        directory.mkdir()
        self.directory = directory
        self.pipe, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [
                    *fork_server_launcher._COMMAND,
                    *fork_server_launcher._paths(),
                    str(theirs.fileno()),
                    str(directory),
                ],
                pass_fds=(theirs.fileno(),),
                stderr=subprocess.PIPE,
                env={},
            )
        assert select.select([self.pipe], [], [], 60)[0], "it is not ready"

    def ended(self):
        said = self.process.communicate(timeout=60)[1].decode()
        return self.process.returncode, said


def test_a_fork_server_leaves_in_order_when_its_node_died_with_reports_unread(tmp_path):
    fork_server = ForkServer(tmp_path / "instances")
    fork_server.pipe.close()  # its first report was not read: the kernel resets the connection
    assert fork_server.ended() == (0, "")
    assert not there(fork_server.directory)


def test_a_fork_server_that_fails_ends_what_it_started_and_says_why(tmp_path):
    fork_server = ForkServer(tmp_path / "instances")
    with fork_server.pipe:
        fork_server.pipe.send(b"no request")
        status, said = fork_server.ended()
    assert status == 1 and "DecodeError" in said.splitlines()[-1]
    assert not there(fork_server.directory)


PRIVILEGED = """
import ctypes, os, resource, subprocess
def handler(event, context):
    status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
    allowed = {0, 1, 3, 4, 10}
    high = [int(status[name], 16) & ~sum(1 << capability for capability in allowed)
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    child = subprocess.run(["/bin/sh", "-c", "grep CapEff /proc/self/status"],
                           capture_output=True, text=True).stdout.split()[1]
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (-1, -1))
        raised = True
    except (OSError, ValueError):
        raised = False
    try:
        opened = open(f"/proc/{event}/environ").read() != ""
    except OSError:
        opened = False
    return {"high": [high[1], high[2]], "bounding": high[3] if os.geteuid() == 0 else 0,
            "child": int(child, 16) & ~0x41b, "raised": raised, "opened": opened,
            "new": status["NoNewPrivs"].strip()}
"""
HIDDEN = """
import sys
from thence.runtimes.sandbox.privileges import hide_memory
print(hide_memory(), flush=True)
sys.stdin.read()
"""


async def test_a_function_has_no_privilege_of_root_and_cannot_look_into_the_node(house):
    node = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HIDDEN,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"SECRET": "x", "PYTHONPATH": str(Path(thence.__file__).parents[1])},
    )
    assert node.stdout is not None
    try:
        assert await node.stdout.readline() == b"True\n"
        ended = await house.run(house.deploy(PRIVILEGED), str(node.pid).encode())
    finally:
        await node.communicate(b"")
    assert json.loads(ended.result) == {
        "high": [0, 0],
        "bounding": 0,
        "child": 0,
        "raised": False,
        "opened": False,
        "new": "1",
    }, ended
