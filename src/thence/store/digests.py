"""Digests of what stands in rows: to a database, overwritten bytes in a payload need not be an
error.

CRC-32: what is to be found is a disk's fault, not an attacker's work, and it costs a microsecond a
KiB. (Bodies in the blob store have a SHA-256.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

from .records import Body


class DamagedRow(Exception):
    """What stands in a row is not what was written there."""

    def __init__(self, table: str, what: str) -> None:
        super().__init__(f"{what}: its digest is not the one that was written")
        self.table = table


def digest(data: bytes | None) -> str | None:
    """Of a payload, a result or a message; None where there is none."""
    return None if data is None else f"{crc32(data):08x}"


def check(data: Any, written: str | None, table: str, id: int) -> None:
    """Raise DamagedRow unless `data` is what was written. Rows of before digests have none."""
    if data is None or not written:
        return
    if not isinstance(data, bytes) or written != f"{crc32(data):08x}":
        raise DamagedRow(table, f"the bytes of {table} {id:016x}")


def stored_body(row: Sequence[Any], table: str, id: int) -> Body:
    """A payload or a result by its columns (data, bytes, ref, digest); in the blob store it has a
    digest of its own."""
    data, size, ref, written = row
    if ref is not None:
        return Body(None, size, ref, written or "")
    check(data, written, table, id)
    return Body(data, size)
