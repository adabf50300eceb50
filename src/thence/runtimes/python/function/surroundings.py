"""What the process of a Python function becomes before any code of the user: its session, limits, files,
environment, paths and streams.

Called once, right after the fork, with the three descriptors that the node passed. Whatever fails
here is the platform's failure, told to the node in one sentence.
"""

from __future__ import annotations

import io
import os
import random
import signal
import sys
import threading

from ...sandbox import instance_mark, limits
from ...wire.setup import Setup

_THREAD_STACK_BYTES = 2 << 20  # counted against the memory limit whether used or not


def enter(
    setup: Setup,
    parent_pid: int,
    home: str,
    keep: list[int],
    output: int,
    environment: dict[str, str],
) -> None:
    """`keep`: descriptors that stay open; `output`: stdout and stderr; `environment`: the contract's
    variables, which come before those of the function."""
    os.setsid()
    instance_mark.put(setup.number)
    limits.die_with(parent_pid)
    _signals()
    _files(keep, output)
    _environment(setup, home, environment)
    os.umask(0o077)
    os.chdir(setup.code_path)
    sys.path.insert(0, setup.code_path)
    sys.argv = [setup.handler]
    _streams()
    random.seed()
    threading.stack_size(_THREAD_STACK_BYTES)
    limits.bound_memory(setup.memory_mb)


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
    limits.close_files(keep)


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
