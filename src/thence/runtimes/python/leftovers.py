"""On the node: wait for a fork server and its guardian to end, and find what is left where both were killed.

That is found by the fork server's mount namespace, where it has one of its own. Functions can leave that, by
a user namespace of their own; then, and where there is none, only groups of instances are ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time

from ..sandbox.children import ids_are_ours
from .fork_server.guardian import END_FORK_SERVER, SIGNALLED

_SEARCH_SECONDS = 5.0


def own_mounts(pid: int) -> int | None:
    """The mount namespace of that process, if it is not ours, as a descriptor: while that is open no
    other namespace gets the same number, so that nothing of anybody else is ever found by it."""
    if not ids_are_ours():
        return None
    try:
        mounts = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # it may not be looked at, so nothing could be found by it either
    if os.fstat(mounts).st_ino == os.stat("/proc/self/ns/mnt").st_ino:
        os.close(mounts)
        return None
    return mounts


def wait(
    guardian: subprocess.Popen[bytes], seconds: float, mounts: int | None
) -> tuple[int | None, bool]:
    """Until the guardian, which is leaving, has ended, and end it when it does not. How the fork server
    ended (as `returncode`; None: it is not gone) and whether all it had started has ended with it,
    as far as that can be known. Closes `mounts`. Blocks: not for the event loop."""
    try:
        status = _ended(guardian, seconds)
        if status is None:
            return None, False
        if status >= 0:
            return (status if status <= SIGNALLED else SIGNALLED - status), True
        return status, mounts is not None and _end_all_in(mounts)
    finally:
        if mounts is not None:
            os.close(mounts)


def _ended(guardian: subprocess.Popen[bytes], seconds: float) -> int | None:
    for number in (END_FORK_SERVER, signal.SIGKILL):
        try:
            return guardian.wait(seconds)
        except subprocess.TimeoutExpired:
            guardian.send_signal(number)
    try:
        return guardian.wait(seconds)
    except subprocess.TimeoutExpired:
        return None  # it hangs in the kernel


def _end_all_in(mounts: int) -> bool:
    """Kill every process of that mount namespace, until there is none; whether there is none."""
    until = time.monotonic() + _SEARCH_SECONDS
    while _end_once(mounts):  # what is being ended may still have started another one
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def _end_once(mounts: int) -> int:
    """How many there were."""
    wanted, count = os.fstat(mounts).st_ino, 0
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            process = os.pidfd_open(int(name))  # first, so that what is looked at is what is ended
        except ProcessLookupError:
            continue  # it has ended
        try:
            if os.stat(f"/proc/{name}/ns/mnt").st_ino == wanted and _has_given_up(name):
                signal.pidfd_send_signal(process, signal.SIGKILL)
                count += 1
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended, or it is another user's
        finally:
            os.close(process)
    return count


def _has_given_up(name: str) -> bool:
    """Whether it can gain no privileges, as all that a fork server started, and as nobody has who came into
    the namespace to look around."""
    with open(f"/proc/{name}/status", "rb") as file:
        return b"\nNoNewPrivs:\t1\n" in file.read()
