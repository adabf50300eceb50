"""The fork server: one small process, started clean, that forks an instance per request.

It loads what most functions need once, so that a cold start is a fork and not an interpreter. It
has one thread, never runs a function's code, and is the parent of every instance: it alone knows
when a process id is free again, so only it ends instances. It ends with the node: when its socket
closes it ends every instance, removes their directories and leaves. guardian.py is for the case that
it cannot.

Requests are datagrams of JSON: {"start": Setup} with three descriptors, {"kill": number}.
Reports: {"ready": pid, "missing": what of confine.py does not stand}, {"started": number, "pid": …},
{"ended": number, "status": wait status, "peak_bytes": most memory held},
{"failed": number, "error": sentence}, {"folder": new directory for instances, "why": sentence}.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from typing import Any, NoReturn

import msgspec

from ...sandbox import instance_mark, privileges
from ...sandbox.children import children, end_all, ids_are_ours
from ...sandbox.confine import Sandbox, from_environment
from ...wire.setup import Setup
from ..function import worker
from . import guardian
from .instance_folders import InstanceFolders, cache_in

PRELOADED = """
argparse base64 bisect collections concurrent.futures contextlib copy csv dataclasses datetime
decimal email.message enum functools glob gzip hashlib heapq hmac html http.client io
itertools json logging math mimetypes operator pathlib queue random re secrets shutil socket
sqlite3 ssl statistics string subprocess tempfile textwrap threading time traceback typing
urllib.parse urllib.request uuid xml.etree.ElementTree zipfile zlib zoneinfo
"""  # what an instance finds loaded; the fork server itself uses few of them

_REQUEST_BYTES_MAX = 1 << 18
_TRACED_SECONDS = 0.5  # for a killed instance to end without more ado


class Request(msgspec.Struct, omit_defaults=True):
    start: Setup | None = None
    kill: int = 0


_decoder = msgspec.json.Decoder(Request)


class ForkServer:
    """The process's state: which instance has which process."""

    def __init__(
        self, pipe: socket.socket, directory: str, sandbox: Sandbox, guarded_by: int
    ) -> None:
        self._pipe = pipe
        self._guarded_by = guarded_by
        self._sandbox = sandbox
        self._folders = InstanceFolders(
            directory, lambda new, why: self._report(folder=new, why=why)
        )
        self._pid = os.getpid()
        self._pids: dict[int, int] = {}  # number -> pid
        self._numbers: dict[int, int] = {}
        self._killed: dict[int, float] = {}  # number -> when it was last looked at
        self._escaped_and_killed: set[int] = set()  # escaped, killed, not yet waited for

    def run(self) -> NoReturn:
        """Serve until the node's end closes. Whatever else ends this: no instance outlives it."""
        try:
            self._serve()
        except BaseException:
            traceback.print_exc()  # the node tells the last line of it
            self._leave(1)

    def _serve(self) -> NoReturn:
        wake_read, wake_write = os.pipe()
        for fd in (wake_read, wake_write):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the node decides when it ends
        selector = selectors.DefaultSelector()
        selector.register(self._pipe, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        guarded = guardian.notice_the_end_of(self._guarded_by)
        self._report(ready=self._pid, missing=self._sandbox.missing)
        while guarded:
            for key, _ in selector.select(_TRACED_SECONDS if self._killed else None):
                if key.fileobj == wake_read:
                    os.read(wake_read, 4096)
                elif not self._receive():
                    self._leave()
            self._reap()
            self._end_tracers()
            guarded = os.getppid() == self._guarded_by
        self._leave()

    def _receive(self) -> bool:
        try:
            data, fds, _, _ = socket.recv_fds(self._pipe, _REQUEST_BYTES_MAX, 3)
        except ConnectionError:
            return False  # reset, not closed: the node has left reports of ours unread
        if not data:
            return False
        request = _decoder.decode(data)
        if request.start is not None:
            self._start(request.start, fds)
        else:
            self._kill(request.kill)
        return True

    def _start(self, setup: Setup, fds: list[int]) -> None:
        for fd in fds:
            os.set_inheritable(fd, False)
        home = self._folders.path(setup.number)
        try:
            home = self._folders.make(setup.number)
            pid = os.fork()
        except OSError as error:
            with contextlib.suppress(OSError):  # it may not be there
                os.rmdir(home)
            self._report(failed=setup.number, error=f"{error.strerror} ({home})")
        else:
            if pid == 0:
                self._become(setup, fds, home)
            self._pids[setup.number] = pid
            self._numbers[pid] = setup.number
            self._report(started=setup.number, pid=pid)
        for fd in fds:
            os.close(fd)

    def _become(self, setup: Setup, fds: list[int], home: str) -> NoReturn:
        try:
            gc.enable()
            self._sandbox.enter_domain()
            worker.main(setup, fds, self._pid, home)
        finally:
            os._exit(1)  # never back into the fork server's loop, whatever was raised

    def _kill(self, number: int) -> None:
        pid = self._pids.get(number)
        if pid is None:
            return
        self._killed.setdefault(number, time.monotonic())
        # Not reaped yet, so both ids are still its own. The group does not exist before setsid.
        for end in (os.kill, os.killpg):
            try:
                end(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _reap(self) -> None:
        deeper = False
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._folders.cleaners.discard(pid)
            if pid in self._escaped_and_killed:
                self._escaped_and_killed.remove(pid)
                deeper = True
            number = self._numbers.pop(pid, None)
            if number is not None:
                del self._pids[number]
                self._killed.pop(number, None)
                self._end_left_behind(pid)
                self._report(ended=number, status=status, peak_bytes=used.ru_maxrss << 10)
                self._folders.remove(self._folders.path(number))
        if deeper:
            self._end_escaped()  # what they had started became ours with their ends

    def _end_left_behind(self, group: int) -> None:
        """End what an instance left: its group, and what escaped from it and so became ours."""
        with contextlib.suppress(ProcessLookupError):  # the usual case: nothing was left
            os.killpg(group, signal.SIGKILL)
        self._end_escaped()

    def _end_escaped(self) -> None:
        """From instances that have ended; what escaped from one that still runs is not touched."""
        for pid in children() or ():  # where they cannot be known only groups are ended
            if (
                pid in self._numbers
                or pid in self._folders.cleaners
                or pid in self._escaped_and_killed
            ):
                continue
            number = instance_mark.of(pid)
            if number not in self._pids or number in self._killed:
                os.kill(pid, signal.SIGKILL)
                self._escaped_and_killed.add(pid)

    def _end_tracers(self) -> None:
        """An instance that was killed is not told to us as ended while another process, which it may
        have started itself, traces it: then all that has escaped from it ends first."""
        now = time.monotonic()
        if all(now - since < _TRACED_SECONDS for since in self._killed.values()):
            return
        self._killed = dict.fromkeys(self._killed, now)
        self._end_escaped()

    def _report(self, **report: Any) -> None:
        try:
            self._pipe.sendall(msgspec.json.encode(report))
        except OSError:
            self._leave()

    def _leave(self, status: int = 0) -> NoReturn:
        if os.getppid() == self._guarded_by:
            self._pipe.close()  # from here on the node waits for the guardian, and not for ever
        for number in list(self._pids):
            self._kill(number)
        known = end_all(self._folders.cleaners)
        while known or self._numbers:  # what has escaped, if it cannot be known, is not waited for
            try:
                self._numbers.pop(os.waitpid(-1, 0)[0], None)
            except ChildProcessError:
                break
        self._folders.remove_all()
        os._exit(status)


def main(guarded_by: int) -> NoReturn:
    """`argv`: the socket's descriptor, the directory for instances. See launcher.py."""
    pipe = socket.socket(fileno=int(sys.argv[-2]))
    pipe.set_inheritable(False)
    sandbox = _sandbox(sys.argv[-1])
    privileges.give_up()
    os.setsid()
    os.umask(0o077)
    for name in PRELOADED.split():
        importlib.import_module(name)
    cache_in(sys.argv[-1])
    guardian.adopt_orphans()
    gc.collect()
    gc.disable()
    gc.freeze()  # a collection in an instance must not copy every page it shares with us
    ForkServer(pipe, sys.argv[-1], sandbox, guarded_by).run()


def _sandbox(directory: str) -> Sandbox:
    """What the node wants. Before privileges are given up, and before anything is loaded."""
    sandbox = from_environment((directory, sys.prefix, sys.base_prefix, __file__, msgspec.__file__))
    if not ids_are_ours():
        sandbox.missing.insert(
            0,
            "what they leave running may outlive them: /proc is not that of the service's processes",
        )
    return sandbox
