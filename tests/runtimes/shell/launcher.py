"""The node side: starts instances and says when they are gone. The contract is runtimes/launcher.py."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import thence
from thence.errors import StartupError
from thence.runtimes.launcher import Descriptors, LauncherEvents, SandboxFolders
from thence.runtimes.wire.setup import Setup

PROGRAM = Path(__file__).with_name("program.py")
PACKAGE = str(Path(thence.__file__).parents[1])


class ShellLauncher:
    def __init__(self, events: LauncherEvents, sandbox: SandboxFolders | None) -> None:
        self._events = events
        self._told = {} if sandbox is None else sandbox.environment()
        self._instances: dict[int, tuple[subprocess.Popen[bytes], asyncio.Event]] = {}

    async def prepare(self, seconds: float) -> None:
        if not os.access("/bin/sh", os.X_OK):
            raise StartupError("There is no /bin/sh: install a shell, or remove this runtime.")

    def start(self, setup: Setup, descriptors: Descriptors) -> None:
        pipe, output, words = descriptors
        process = subprocess.Popen(
            [sys.executable, PROGRAM, setup.handler, str(setup.memory_mb), str(pipe), str(words)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(pipe, words),
            cwd=setup.code_path,
            env={**setup.environment, **self._told, "PATH": os.defpath, "PYTHONPATH": PACKAGE},
            start_new_session=True,  # so that what it starts can be ended with it
        )
        os.close(pipe)
        os.close(words)
        self._instances[setup.number] = process, asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.call_soon(self._events.instance_started, setup.number, process.pid)
        ending = os.pidfd_open(process.pid)
        loop.add_reader(ending, self._ended, setup.number, ending)

    def kill(self, number: int) -> None:
        if number in self._instances:  # not waited for yet, so the group is its own
            os.killpg(self._instances[number][0].pid, signal.SIGKILL)

    async def close(self) -> None:
        for number, (_, gone) in list(self._instances.items()):
            self.kill(number)
            await gone.wait()

    def _ended(self, number: int, ending: int) -> None:
        asyncio.get_running_loop().remove_reader(ending)
        os.close(ending)
        self.kill(number)  # what it left
        process, gone = self._instances.pop(number)
        gone.set()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self._events.instance_ended(number, status, peak_bytes=used.ru_maxrss << 10)
