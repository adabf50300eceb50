"""The three streams of a program: always there, able to say every character, given up without noise."""

from __future__ import annotations

import errno
import io
import os
import sys

_OUTPUT_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def prepare() -> None:
    """Once, at the start. A stream that was closed (`>&-`, some supervisors) is the empty one, so that
    no socket takes its number; a character that the terminal's encoding has not is escaped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # kept open
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def output_failed(error: OSError) -> bool:
    """Whether it is our output that could not be written; of files and addresses others tell."""
    return error.filename is None and error.errno in _OUTPUT_ERRORS


def discard_output() -> None:
    """What is still to be written goes nowhere. Python would complain of it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
