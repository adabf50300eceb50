"""Bounds of what callers may send or hold, and of the disk and connections that they use."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from .secret import about


class Limits(Struct, frozen=True):
    """Bounds of what one caller may send or hold."""

    payload_bytes_max: Annotated[
        int, about("Largest payload of an invocation; more is answered 413.", ge=1, le=1 << 30)
    ] = 1024 * 1024
    inline_bytes_max: Annotated[
        int, about("Larger bodies are kept as files beside the database.", ge=0, le=1 << 24)
    ] = 64 * 1024
    result_bytes_max: Annotated[
        int, about("Largest answer of a function; more is a function error.", ge=1, le=1 << 30)
    ] = 6 * 1024 * 1024
    log_bytes_max: Annotated[
        int,
        about(
            "Output kept per attempt: its last whole lines, behind one that says that more was cut.",
            ge=0,
            le=1 << 24,
        ),
    ] = 64 * 1024
    code_bytes_max: Annotated[
        int,
        about(
            "Largest code archive. In a JSON body it takes a third more, for which "
            "limits.unproven_bytes_max needs room.",
            ge=1,
            le=1 << 31,
        ),
    ] = 50 * 1024 * 1024
    code_unpacked_bytes_max: Annotated[
        int, about("Largest code archive when unpacked.", ge=1, le=1 << 34)
    ] = 500 * 1024 * 1024
    code_files_max: Annotated[
        int,
        about(
            "Most files and folders in a code archive, and most folders that its files lie in.",
            ge=1,
            le=1_000_000,
        ),
    ] = 10_000
    batch_max: Annotated[int, about("Most invocations in one batch request.", ge=1, le=100_000)] = (
        1000
    )
    wait_seconds_max: Annotated[
        float, about("Longest wait that `Prefer: wait` and `?wait` may ask for.", ge=0, le=3600)
    ] = 60.0
    waiting_max: Annotated[
        int,
        about(
            "Most waiting invocations per function; over it an accept is answered 429. 0 = no cap.",
            ge=0,
        ),
    ] = 0
    disk_reserve_bytes: Annotated[
        int,
        about(
            "Space kept back on the data directory's disk to delete with when it is full; at most a "
            "quarter of the disk. 0 = none.",
            ge=0,
            le=1 << 34,
        ),
    ] = 32 * 1024 * 1024
    connections_max: Annotated[
        int, about("Most open connections; further ones are answered 503.", ge=1, le=1_000_000)
    ] = 10_000
    unproven_bytes_max: Annotated[
        int,
        about(
            "Most bytes kept of all requests together before their credentials or signatures are "
            "proven; more is answered 503.",
            ge=1,
            le=1 << 40,
        ),
    ] = 128 * 1024 * 1024
    unread_bytes_max: Annotated[
        int,
        about(
            "Most bytes kept of all large answers together that their callers have not read yet; "
            "further ones are answered 503.",
            ge=1,
            le=1 << 40,
        ),
    ] = 128 * 1024 * 1024
    session_hours: Annotated[
        float, about("A browser that signed in is asked again after so long.", gt=0, le=720)
    ] = 12.0
