"""How the files of a store are."""

from __future__ import annotations

from msgspec import Struct


class Tended(Struct, frozen=True):
    """How the store's files are."""

    log_bytes: int = 0  # written, but not in its place yet
    moved: tuple[str, ...] = ()  # files that were deleted or replaced while in use
