"""The record builder that a destination asks for with `form`.

A form is one builder: everything in a `Source`, bytes out, the same bytes at every attempt of the
delivery. Vendors' words stay in their builder's file.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ..catalog.destination import Destination, described
from .record import CONTENT_TYPE, build_record
from .source import Source


class Form(Struct, frozen=True):
    build: Callable[[Source], bytes]
    """The record. Raises BodyGone where the form needs a body whole that is no longer kept."""
    content_type: str = CONTENT_TYPE


def _native(source: Source) -> bytes:
    return build_record(
        source.view,
        source.payload,
        source.result,
        condition=source.condition,
        delivery_id=source.delivery_id,
        preview_bytes_max=source.preview_bytes_max,
    )


NATIVE = {"native": Form(_native)}
"""By the name that a destination writes; each door brings its own (api/doors.py)."""


def too_large(destination: Destination, size: int) -> str:
    """A sentence when a record of `size` bytes is over the destination's limit, else empty."""
    limit = destination.record_bytes_max
    if not limit or size <= limit:
        return ""
    return (
        f"The record has {size} bytes; {described(destination)} takes at most {limit} "
        "(`record_bytes_max`)."
    )
