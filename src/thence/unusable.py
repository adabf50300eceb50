"""A file that the machine does not let us use, in a sentence that says what to do about it."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path

from .errors import StartupError

READ_ONLY = (
    "Its disk is read-only (after an error of the disk? see 'dmesg'). With the service stopped, copy the "
    "whole folder to another disk ('cp -a'): the copy can be verified, backed up and started."
)
OWNER = (
    "Everything in the data directory must belong to the user that runs the service: run this as that "
    "user, and give back what another has made ('chown -R')."
)
_ADVICE = {
    errno.EROFS: READ_ONLY,
    errno.EACCES: OWNER,
    errno.EPERM: OWNER,
    errno.ENOSPC: "The disk is full, or has no inodes left ('df', 'df -i').",
    errno.EIO: "The disk does not answer as it should ('dmesg', 'smartctl').",
}


def advice(error: OSError) -> str:
    """What to do; a sentence, or nothing."""
    return _ADVICE.get(error.errno or 0, "")


def file_unusable(error: OSError) -> StartupError:
    """`error` has a filename."""
    path = os.fsdecode(error.filename)
    return StartupError(
        f"{path} cannot be used: {error.strerror or error}. {advice(error)}".rstrip(), path=path
    )


def others(paths: list[Path]) -> str:
    """Those of the files that are there and cannot be read and written by this user, with their
    owners; empty where there are none."""
    told = []
    for path in paths:
        try:
            found = path.stat()
            if not os.access(path, os.R_OK | os.W_OK):
                told.append(f"{path.name} belongs to {_user(found.st_uid)}")
        except OSError:
            continue  # not there, which is no matter of owners
    return ", ".join(told)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
