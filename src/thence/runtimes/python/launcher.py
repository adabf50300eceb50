"""The node's end of the fork server: start it, ask it for instances, hear what became of them.

The fork server is started again whenever an instance is wanted and there is none: requests wait in the
socket until it has loaded. Its environment is empty but for what Python needs to run, and it
inherits no descriptor but its socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import IO

import msgspec

from ...errors import StartupError
from ..launcher import Descriptors, LauncherEvents, SandboxFolders
from ..sandbox import folders
from ..wire.setup import Setup
from . import leftovers

log = logging.getLogger("thence.runtimes")

_REPORT_BYTES_MAX = 1 << 16
_BOOT = (
    "import sys; sys.path[:0] = sys.argv[1:-2]; "
    "from thence.runtimes.python.fork_server.guardian import split; "
    "guarded_by = split(int(sys.argv[-2])); "  # before anything large is loaded
    "from thence.runtimes.python.fork_server.server import main; "
    "del sys.path[:len(sys.argv) - 3]; main(guarded_by)"
)
_COMMAND = (sys.executable, "-I", "-c", _BOOT)
_STDERR_BYTES_MAX = 2000
_GUARDED_SECONDS = 5.0  # for a guardian to end what its fork server left


class Report(msgspec.Struct):
    """One report of the fork server; see fork_server/server.py."""

    ready: int = 0
    missing: list[str] = []
    started: int = 0
    pid: int = 0
    failed: int = 0
    error: str = ""
    ended: int = 0
    status: int = 0
    peak_bytes: int = 0
    folder: str = ""
    why: str = ""


_decoder = msgspec.json.Decoder(Report)
_encode = msgspec.json.Encoder().encode


class ForkServerLauncher:
    """The contract is `runtimes.launcher.Launcher`. There is one fork server at a time."""

    def __init__(self, events: LauncherEvents, sandbox: SandboxFolders | None) -> None:
        self._events = events
        self._environment = {} if sandbox is None else sandbox.environment()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: socket.socket | None = None
        self._stderr: IO[bytes] | None = None
        self._directory = ""
        self._pid: int | None = None  # the fork server's own; the guardian's is that of _process
        self._losing: asyncio.Future[None] | None = None
        self._mounts: int | None = (
            None  # the fork server's mount namespace, where it has one of its own
        )
        self._left: list[str] = []  # directories of fork servers that were killed or moved
        self._outbox: deque[tuple[bytes, Descriptors | None]] = deque()
        self._ready: asyncio.Future[None] | None = None

    @property
    def pid(self) -> int | None:
        """The fork server's process id, once it is ready."""
        return self._pid

    async def prepare(self, seconds: float) -> None:
        """Start the fork server and wait until it is ready."""
        self._ready = asyncio.get_running_loop().create_future()
        try:
            self._launch()
            await asyncio.wait_for(self._ready, seconds)
        except (OSError, TimeoutError) as error:
            await self.close()
            raise StartupError(
                f"The process that starts function instances did not come up within {seconds:g} s "
                f"({type(error).__name__}: {error}). Check that {sys.executable} can be run and "
                f"that {tempfile.gettempdir()} can be written."
            ) from error
        finally:
            self._ready = None

    def start(self, setup: Setup, descriptors: Descriptors) -> None:
        if self._pipe is None:
            self._launch()
        self._outbox.append((_encode({"start": setup}), descriptors))
        self._flush()

    def kill(self, number: int) -> None:
        if self._pipe is not None:
            self._outbox.append((_encode({"kill": number}), None))
            self._flush()

    async def close(self) -> None:
        """End the fork server, and so every instance."""
        if self._losing is not None:
            await self._losing
        process, mounts = self._process, self._mounts
        self._forget()
        if process is not None:
            await _off_the_loop(process, mounts)
        for directory in (*self._left, self._directory):
            if directory:
                folders.remove(directory)
        self._left.clear()
        self._directory = ""

    def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        directory = ""
        try:
            ours.setblocking(False)
            directory = tempfile.mkdtemp(prefix=folders.PREFIX)
            stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed in _forget
            with theirs:
                self._process = subprocess.Popen(
                    [*_COMMAND, *_paths(), str(theirs.fileno()), directory],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    pass_fds=(theirs.fileno(),),
                    env={"PATH": os.defpath, "LANG": "C.UTF-8", **self._environment},
                    cwd="/",
                )
        except OSError:  # of processes, disk or descriptors; the next instance tries again
            ours.close()
            theirs.close()
            if directory:
                os.rmdir(directory)
            raise
        self._pipe, self._stderr, self._directory = ours, stderr, directory
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable)

    def _flush(self) -> None:
        pipe = None if self._losing is not None else self._pipe
        while pipe is not None and self._outbox:
            data, descriptors = self._outbox[0]
            try:
                if descriptors is None:
                    pipe.send(data)
                else:
                    socket.send_fds(pipe, [data], descriptors)
            except BlockingIOError:
                asyncio.get_running_loop().add_writer(pipe.fileno(), self._flush)
                return
            except OSError:
                return  # it has ended; the reader is about to see it and tell the pool
            self._outbox.popleft()
            _close(descriptors)
        if pipe is not None:
            asyncio.get_running_loop().remove_writer(pipe.fileno())

    def _readable(self) -> None:
        while self._pipe is not None:
            try:
                data = self._pipe.recv(_REPORT_BYTES_MAX)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                # What is asked for meanwhile waits in the outbox, and ends with all the others.
                asyncio.get_running_loop().remove_reader(self._pipe.fileno())
                asyncio.get_running_loop().remove_writer(self._pipe.fileno())
                self._losing = asyncio.ensure_future(self._lost())
                return
            self._hear(_decoder.decode(data))

    def _hear(self, report: Report) -> None:
        if report.started:
            self._events.instance_started(report.started, report.pid)
        elif report.ended:
            self._events.instance_ended(report.ended, report.status, peak_bytes=report.peak_bytes)
        elif report.failed:
            self._events.instance_ended(report.failed, None, report.error)
        elif report.folder:
            self._moved(report.folder, report.why)
        else:
            self._pid, self._mounts = report.ready, leftovers.own_mounts(report.ready)
            if self._ready is None or self._ready.done():
                return
            self._ready.set_result(None)
            for sentence in report.missing:
                log.info("functions are not fully separated: %s", sentence)

    def _moved(self, folder: str, why: str) -> None:
        log.warning(
            "the folder of functions' temporary files could not be used any more: %s; instances that "
            "start from now on have theirs in %s",
            why,
            folder,
        )
        self._left.append(self._directory)
        self._directory = folder

    async def _lost(self) -> None:
        assert self._process is not None
        status, all_ended = await _off_the_loop(self._process, self._mounts)
        directory, said = self._directory, self._said()
        self._directory = ""
        self._losing = None
        self._forget()
        sentence = f"The process that starts function instances ended (status {status}){said}."
        log.error("%s", sentence)
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(OSError(sentence))
        self._events.launcher_lost(self, sentence, all_ended)
        folders.remove(directory)
        self._left.append(directory)  # a dying instance may still have written

    def _said(self) -> str:
        if self._stderr is None:
            return ""
        self._stderr.seek(0)
        text = self._stderr.read()[-_STDERR_BYTES_MAX:].decode("utf-8", "replace").strip()
        return f": {text.splitlines()[-1]}" if text else ""

    def _forget(self) -> None:
        if self._pipe is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._pipe.fileno())
            loop.remove_writer(self._pipe.fileno())
            self._pipe.close()
        if self._stderr is not None:
            self._stderr.close()
        for _, descriptors in self._outbox:
            _close(descriptors)
        self._outbox.clear()
        self._pipe = self._process = self._stderr = self._pid = None
        self._mounts = None  # whoever ends the fork server closes it


async def _off_the_loop(
    process: subprocess.Popen[bytes], mounts: int | None
) -> tuple[int | None, bool]:
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(None, leftovers.wait, process, _GUARDED_SECONDS, mounts)
    except Exception:
        # Of descriptors, or threads: whatever it was, without a new fork server nothing would ever run.
        log.exception("what a fork server left could not be looked for")
        return None, False


def _close(descriptors: Descriptors | None) -> None:
    if descriptors is not None:
        os.close(descriptors.socket)
        os.close(descriptors.words)


def _paths() -> list[str]:
    """Where the fork server finds this package and what it imports."""
    root = Path(__file__).resolve().parents[3]
    library = Path(msgspec.__file__).resolve().parents[1]
    return list(dict.fromkeys((str(root), str(library))))
