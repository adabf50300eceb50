"""The captured output of an attempt: of what is too long its last whole lines, marked as cut.

`last_lines` runs in the instance and on the node, `marked` on the node.
"""

from __future__ import annotations

import os


def last_lines(fd: int, size: int, bytes_max: int) -> tuple[bytes, bool]:
    """The last lines of a file of that size, `bytes_max` at most, and whether that is not all. Of a
    line that is too long by itself, the end."""
    if size <= bytes_max:
        return os.pread(fd, size, 0), False
    if bytes_max <= 0:
        return b"", True
    # One byte more: it says whether the rest begins a line.
    data = os.pread(fd, bytes_max + 1, size - bytes_max - 1)
    return end_of(data, bytes_max), True


def end_of(data: bytes, bytes_max: int) -> bytes:
    """The last whole lines of `data`, `bytes_max` at most; of a line that is too long, its end."""
    if len(data) <= bytes_max:
        return data
    first = data.find(b"\n", len(data) - bytes_max - 1)
    if 0 <= first < len(data) - 1:
        return data[first + 1 :]
    # No whole line: not from the middle of a character, at least.
    kept = data[len(data) - bytes_max :]
    while kept and 0x80 <= kept[0] < 0xC0:
        kept = kept[1:]
    return kept


def marked(output: bytes, truncated: bool, bytes_max: int) -> bytes | None:
    """What is kept of an attempt's output; None for none."""
    if not truncated or not bytes_max:
        return output or None
    return (
        b"[earlier output was cut: the last %d bytes at most are kept, limits.log_bytes_max]\n%b"
        % (
            bytes_max,
            output,
        )
    )
