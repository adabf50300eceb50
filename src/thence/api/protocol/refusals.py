"""What the protocol itself refuses, in sentences."""

from __future__ import annotations

from ..shared import problems
from . import limits
from .limits import HEAD_BYTES_MAX, HEADERS_MAX, TARGET_BYTES_MAX


def head_too_large() -> problems.HttpError:
    return problems.HeadersTooLarge(
        f"The request's header or trailer is larger than {HEAD_BYTES_MAX} bytes.",
        limit_bytes=HEAD_BYTES_MAX,
    )


def twice(name: bytes) -> problems.HttpError:
    shown = name.decode().title()
    return problems.Malformed(f"{shown}: given twice; give it once.", field=shown)


def unknown_coding(value: bytes) -> problems.HttpError:
    return problems.Malformed(
        f"Transfer-Encoding: {value.decode('latin-1')[:60]!r} is not taken; chunked alone is.",
        field="Transfer-Encoding",
    )


def too_slow() -> problems.HttpError:
    return problems.TooSlow(
        f"The request's body came too slowly: it may take {limits.BODY_SECONDS:.0f} s and a second more for "
        f"each {limits.BODY_BYTES_PER_SECOND_MIN} bytes, and pause for {limits.STALLED_SECONDS:.0f} s."
    )


def no_tunnel() -> problems.HttpError:
    return problems.Malformed(
        "CONNECT: this service is no proxy and opens no tunnels; the connection is closed."
    )


def other_version() -> problems.HttpError:
    return problems.UnsupportedVersion(
        "The request line names another version of HTTP than 1.1 and 1.0, or none; ask in HTTP/1.1."
    )


def target_too_long(size: int) -> problems.HttpError:
    return problems.TargetTooLong(
        f"The request's target has {size} bytes; at most {TARGET_BYTES_MAX} are taken.",
        limit_bytes=TARGET_BYTES_MAX,
    )


def no_place(most: int) -> problems.HttpError:
    return problems.TooManyConnections(
        f"{most} connections are open and in use; more are not taken (limits.connections_max, or "
        "what the limit of open files leaves of it). Try again later.",
        limit=most,
    )


def too_many_headers(count: int) -> problems.HttpError:
    return problems.HeadersTooLarge(
        f"The request has {count} header lines; at most {HEADERS_MAX} are taken.", limit=HEADERS_MAX
    )


def unreadable() -> problems.HttpError:
    return problems.Malformed(
        "The bytes that came are not a valid HTTP/1.1 request; the connection is closed."
    )
