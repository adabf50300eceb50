"""Between the node and the fork server: a process that does nothing but outlive the fork server and end what it
leaves, for a fork server that is killed can end nothing itself.

Whatever an instance started, in whatever session or namespace, becomes the guardian's child when the
fork server is gone: it is a subreaper. Only children are ever ended, and none is waited for before, so no
id can be a stranger's. A guardian that is killed is noticed by the fork server, which leaves in order.
Both killed at once: see remains.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from typing import NoReturn

from ...sandbox import privileges
from ...sandbox.children import end_all

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
END_FORK_SERVER = (
    signal.SIGUSR1
)  # to the guardian, from the node; service managers send others to all
SIGNALLED = 128  # exit status of a guardian whose fork server was ended by signal n: this and n


def adopt_orphans() -> None:
    """What loses its parent below this process becomes its child."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)


def split(ours: int) -> int:
    """Return in a child, the fork server, with the guardian's id; this process becomes the guardian and
    closes `ours`, the fork server's socket."""
    os.setsid()
    # Inherited as ignored, which some leave it, no child could be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    adopt_orphans()
    guardian = os.getpid()
    pid = os.fork()
    if pid == 0:
        return guardian
    try:
        os.close(ours)
        _guard(pid)
    finally:
        os._exit(1)  # never on into what is the fork server's, whatever was raised


def notice_the_end_of(guardian: int) -> bool:
    """SIGCHLD comes when it ends, as it does for children. False: it has ended. Called after
    privileges were given up, which would undo it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCHLD, 0, 0, 0)
    return os.getppid() == guardian


def _guard(fork_server: int) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the fork server leaves when the node does
    signal.signal(END_FORK_SERVER, lambda *_: os.kill(fork_server, signal.SIGKILL))
    with contextlib.suppress(OSError):
        privileges.give_up()
    while True:
        said = os.waitid(os.P_PID, fork_server, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
        if said is None or said.si_code != os.CLD_STOPPED:
            break
        os.kill(fork_server, signal.SIGCONT)  # nobody else would: no instance would start or end
    signal.signal(END_FORK_SERVER, signal.SIG_IGN)  # its id is free after the next line
    code = os.waitstatus_to_exitcode(os.waitpid(fork_server, 0)[1])
    _end_all()
    os._exit(code if code >= 0 else SIGNALLED - code)


def _end_all() -> None:
    """Every child, and what becomes one by that, until there is none."""
    while True:
        end_all()
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            while ended is not None:
                # An instance, perhaps, which ended with the fork server: the group that it may have led
                # has its id, which is nobody else's until it is waited for.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(ended.si_pid, signal.SIGKILL)
                os.waitpid(ended.si_pid, 0)
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:
            return
