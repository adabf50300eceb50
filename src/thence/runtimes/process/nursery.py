"""The node's end of the forker: start it, ask it for instances, hear what became of them.

The forker is started again whenever an instance is wanted and there is none: requests wait in the
socket until it has loaded. Its environment is empty but for what Python needs to run, and it
inherits no descriptor but its socket.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol

import msgspec

from ...errors import StartupError
from .setup import Setup

log = logging.getLogger("thence.runtimes.process")

_REPORT_BYTES_MAX = 1 << 16
_BOOT = (
    "import sys; sys.path[:0] = sys.argv[1:-2]; "
    "from thence.runtimes.process.forker import main; "
    "del sys.path[:len(sys.argv) - 3]; main()"
)
_COMMAND = (sys.executable, "-I", "-c", _BOOT)
_STDERR_BYTES_MAX = 2000
_ROUNDS_MAX = 20


class Report(msgspec.Struct):
    """One report of the forker; see forker.py."""

    ready: int = 0
    missing: list[str] = []
    started: int = 0
    pid: int = 0
    failed: int = 0
    error: str = ""
    ended: int = 0
    status: int = 0
    peak_bytes: int = 0


_decoder = msgspec.json.Decoder(Report)
_encode = msgspec.json.Encoder().encode


class Parent(Protocol):
    """Who is told."""

    def instance_started(self, number: int, pid: int) -> None: ...

    def instance_ended(
        self, number: int, status: int | None, error: str = "", peak_bytes: int = 0
    ) -> None:
        """`status` as waitpid gives it; None: it never became a process, `error` says why.
        `peak_bytes`: the most memory it has held."""
        ...

    def forker_lost(self, sentence: str) -> None:
        """The forker ended, and every instance with it."""
        ...


class Nursery:
    """One forker at a time."""

    def __init__(self, parent: Parent, walls: Mapping[str, str]) -> None:
        """`walls`: what confine.py is to put up, as the forker's environment says it."""
        self._parent = parent
        self._walls = dict(walls)
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: socket.socket | None = None
        self._stderr: IO[bytes] | None = None
        self._directory = ""
        self._mounts: int | None = None  # the forker's mount namespace, where it has one of its own
        self._left: list[str] = []  # directories of forkers that were killed
        self._outbox: deque[tuple[bytes, list[int], list[int]]] = deque()
        self._ready: asyncio.Future[None] | None = None

    @property
    def pid(self) -> int | None:
        """The forker's process id while there is one."""
        return None if self._process is None else self._process.pid

    async def start(self, seconds: float) -> None:
        """Start the forker and wait until it is ready. StartupError says why it is not."""
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

    def request(self, setup: Setup, fds: list[int], close_after: list[int]) -> None:
        """Ask for an instance; `close_after` are closed here once they have been sent. Raises
        OSError when the forker cannot even be started."""
        if self._pipe is None:
            self._launch()
        self._outbox.append((_encode({"start": setup}), fds, close_after))
        self._flush()

    def kill(self, number: int) -> None:
        """End that instance and its process group; unknown numbers are ignored."""
        if self._pipe is not None:
            self._outbox.append((_encode({"kill": number}), [], []))
            self._flush()

    async def close(self) -> None:
        """End the forker and so every instance. Idempotent."""
        process, mounts = self._process, self._mounts
        self._forget()
        if process is not None:
            await asyncio.get_running_loop().run_in_executor(None, _reap, process, 5.0, mounts)
        for directory in (*self._left, self._directory):
            if directory:
                shutil.rmtree(directory, ignore_errors=True)
        self._left.clear()
        self._directory = ""

    def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._directory = tempfile.mkdtemp(prefix="thence-")
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed in _forget
        with theirs:
            self._process = subprocess.Popen(
                [*_COMMAND, *_paths(), str(theirs.fileno()), self._directory],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                pass_fds=(theirs.fileno(),),
                env={"PATH": os.defpath, "LANG": "C.UTF-8", **self._walls},
                cwd="/",
            )
        self._pipe = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable)

    def _flush(self) -> None:
        pipe = self._pipe
        while pipe is not None and self._outbox:
            data, fds, close_after = self._outbox[0]
            try:
                socket.send_fds(pipe, [data], fds) if fds else pipe.send(data)
            except BlockingIOError:
                asyncio.get_running_loop().add_writer(pipe.fileno(), self._flush)
                return
            except OSError:
                return  # it has ended; the reader is about to see it and tell the parent
            self._outbox.popleft()
            for fd in close_after:
                os.close(fd)
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
                self._lost()
                return
            self._hear(_decoder.decode(data))

    def _hear(self, report: Report) -> None:
        if report.started:
            self._parent.instance_started(report.started, report.pid)
        elif report.ended:
            self._parent.instance_ended(report.ended, report.status, peak_bytes=report.peak_bytes)
        elif report.failed:
            self._parent.instance_ended(report.failed, None, report.error)
        else:
            self._mounts = None if self.pid is None else _own_mounts(self.pid)
            if self._ready is None or self._ready.done():
                return
            self._ready.set_result(None)
            for sentence in report.missing:
                log.info("functions are not fully separated: %s", sentence)

    def _lost(self) -> None:
        process, directory, said = self._process, self._directory, self._said()
        mounts = self._mounts
        self._directory = ""
        self._forget()
        status = None if process is None else _reap(process, 1.0, mounts)
        sentence = f"The process that starts function instances ended (status {status}){said}."
        log.error("%s", sentence)
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(OSError(sentence))
        self._parent.forker_lost(sentence)
        shutil.rmtree(directory, ignore_errors=True)
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
        for _, _, close_after in self._outbox:
            for fd in close_after:
                os.close(fd)
        self._outbox.clear()
        self._pipe = self._process = self._stderr = None
        self._mounts = None  # whoever ends the forker closes it


def _paths() -> list[str]:
    """Where the forker finds this package and what it imports."""
    root = Path(__file__).resolve().parents[3]
    library = Path(msgspec.__file__).resolve().parents[1]
    return list(dict.fromkeys((str(root), str(library))))


def _own_mounts(pid: int) -> int | None:
    """The mount namespace of that process, if it is not ours, as a descriptor: while that is open no
    other namespace gets the same number, so that nothing of anybody else is ever found by it."""
    try:
        mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # it may not be looked at, so nothing could be found by it either
    if os.fstat(mounts).st_ino == os.stat("/proc/self/ns/mnt").st_ino:
        os.close(mounts)
        return None
    return mounts


def _reap(process: subprocess.Popen[bytes], seconds: float, mounts: int | None) -> int:
    """Wait for the forker, which is leaving; end it when it does not. One that was killed could not
    end what its instances had started: that is found by its mount namespace, which nothing in it
    can leave."""
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    if mounts is not None:
        if status < 0:
            for _ in range(_ROUNDS_MAX):  # what is being ended may still have started another one
                if not _end_all_in(mounts):
                    break
        os.close(mounts)
    return status


def _end_all_in(mounts: int) -> int:
    """Kill every process of that mount namespace; how many there were."""
    wanted, count = os.fstat(mounts).st_ino, 0
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            process = os.pidfd_open(int(name))  # first, so that what is looked at is what is ended
        except OSError:
            continue  # it has ended
        try:
            if os.stat(f"/proc/{name}/ns/mnt").st_ino == wanted:
                signal.pidfd_send_signal(process, signal.SIGKILL)
                count += 1
        except OSError:
            continue  # it has ended, or it is another user's
        finally:
            os.close(process)
    return count
