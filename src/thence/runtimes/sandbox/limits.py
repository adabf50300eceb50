"""In the instance: its session, limits, files, environment and paths, before any code of the user.

Called once, right after the fork, with the three descriptors that the node passed. Whatever fails
here is the platform's failure, told to the node in one sentence.
"""

from __future__ import annotations

import ctypes
import io
import os
import random
import resource
import signal
import sys
import threading

from ..wire.setup import Setup
from . import instance_mark

_PR_SET_PDEATHSIG = 1
_MIB = 1 << 20
_OPEN_FILES_MAX = 1024
_THREAD_STACK_BYTES = 2 * _MIB  # counted against the memory limit whether used or not
HEADROOM_BYTES = 32 * _MIB  # lent to the worker to report that memory ran out

libc = ctypes.CDLL(None, use_errno=True)


def enter(
    setup: Setup,
    parent_pid: int,
    home: str,
    keep: list[int],
    output: int,
    environment: dict[str, str],
) -> None:
    """Shut this process in. `keep`: descriptors that stay open; `output`: its stdout and stderr;
    `environment`: the contract's variables, which come before those of the function."""
    os.setsid()
    instance_mark.put(setup.number)
    _die_with(parent_pid)
    _signals()
    _files(keep, output)
    _environment(setup, home, environment)
    os.umask(0o077)
    os.chdir(setup.code_path)
    sys.path.insert(0, setup.code_path)
    sys.argv = [setup.handler]
    _streams()
    random.seed()
    _memory(setup.memory_mb)


def lend_headroom() -> None:
    """After a MemoryError: let the soft limit rise to the hard one, so that it can be reported."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def _die_with(parent_pid: int) -> None:
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:  # it died between the fork and the line above
        os._exit(1)


def _signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _files(keep: list[int], output: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    soft = min(_OPEN_FILES_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    low = 3
    for fd in sorted(keep):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, max(low, resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _environment(setup: Setup, home: str, contract: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(
        {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": home,
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            **setup.environment,
            **contract,
            "THENCE_ACCOUNT_ID": setup.account_id,
            "THENCE_REGION": setup.region,
            "THENCE_FUNCTION_NAME": setup.function_name,
            "THENCE_MEMORY_MB": str(setup.memory_mb),
            "THENCE_TIMEOUT_SECONDS": f"{setup.timeout_seconds:g}",
        }
    )


def _streams() -> None:
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)))
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.BufferedWriter(io.FileIO(fd, "w", closefd=False))
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors="replace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _memory(memory_mb: int) -> None:
    """The limit is what the function may add to what an empty instance already has."""
    threading.stack_size(_THREAD_STACK_BYTES)
    soft = _data_bytes() + memory_mb * _MIB
    resource.setrlimit(resource.RLIMIT_DATA, (soft, soft + HEADROOM_BYTES))
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")  # where the machine itself runs out, functions go before the node
    except OSError:
        # No /proc, or not allowed: only the kernel's choice of a victim is less good.
        pass


def _data_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        return 64 * _MIB  # no /proc: more than a bare instance needs
