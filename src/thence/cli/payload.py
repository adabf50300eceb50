"""The payload of a call: from the command line, a file or stdin, and what it is."""

from __future__ import annotations

import array
import fcntl
import json
import os
import stat
import sys
import termios
from pathlib import Path

import click

from .output import say


def read_payload(data: str | None) -> bytes:
    """What `--data` says: TEXT, @FILE, or - for stdin."""
    if data is None:
        return b""
    try:
        if data in ("-", "@-"):
            return sys.stdin.buffer.read()
        return Path(data[1:]).read_bytes() if data.startswith("@") else os.fsencode(data)
    except OSError as error:
        raise click.UsageError(f"--data {data}: {error.strerror or error}.") from None


def _is_input_unread() -> bool:
    """Bytes wait on stdin that nobody has read: a file, or a pipe with something in it. A file of which
    a part has been read is a loop's or a shell's own. Never waits for any: a script, a cron job or a
    CI leaves a pipe open that nothing ever comes from."""
    try:
        kind = os.fstat(sys.stdin.fileno())
        if stat.S_ISREG(kind.st_mode):
            return os.lseek(sys.stdin.fileno(), 0, os.SEEK_CUR) == 0 < kind.st_size
        if not stat.S_ISFIFO(kind.st_mode) and not stat.S_ISSOCK(kind.st_mode):
            return False  # a terminal, /dev/null
        count = array.array("i", [0])
        fcntl.ioctl(sys.stdin.fileno(), termios.FIONREAD, count)
        return count[0] > 0
    except (AttributeError, OSError, ValueError):
        return False  # there is no stdin


def tell_unread(data: str | None) -> None:
    """Says so where a payload was piped in that nobody has asked for."""
    if data is None and _is_input_unread():
        say("The call has no payload: what waits on stdin was not read; --data - takes it.")


def content_type(payload: bytes, data: str | None) -> str:
    """What a payload is, as far as one can see."""
    try:
        json.loads(payload)
        return "application/json"
    except (ValueError, RecursionError):
        pass  # not JSON, or too deep to tell: text where it was typed, otherwise bytes
    typed = data is not None and data not in ("-", "@-") and not data.startswith("@")
    return "text/plain; charset=utf-8" if typed else "application/octet-stream"
