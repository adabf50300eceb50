"""Remove what functions wrote into their instances' folders, however deep it lies."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess

PREFIX = "thence-"  # of the names of fork servers' folders


def remove(directory: str) -> None:
    """What cannot be removed stays; nothing is raised. Blocks."""
    # Before Python 3.13 it calls itself for each folder in a folder, with a descriptor for each.
    with contextlib.suppress(RecursionError):
        shutil.rmtree(directory, ignore_errors=True)
    if os.path.lexists(directory):
        with contextlib.suppress(OSError):  # no `rm`, or no process to be had
            subprocess.run(
                ["rm", "-rf", "--", directory],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                check=False,
            )
