"""The bounds of a connection, and which headers say how a request is read."""

from __future__ import annotations

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 256
HEADER_BYTES = 200  # what a header that has come costs in memory beside its text
TARGET_BYTES_MAX = 8 * 1024
IDLE_SECONDS = 75.0  # without a request, or with a header that does not end
STALLED_SECONDS = 60.0  # a body of which nothing more comes
BODY_SECONDS = 60.0  # a whole body may take so long, and a second more for each
BODY_BYTES_PER_SECOND_MIN = 16 * 1024  # of it
READ_SECONDS = (
    60.0  # the caller may take so long to read what waits for it, and likewise for its size
)
LINGER_SECONDS = 2.0  # after a refusal: so that the caller can read it before the connection goes
# Headers that would leave unclear what is asked, or by whom, if they came twice; doors add theirs.
ONCE = frozenset({b"host", b"authorization", b"origin", b"expect"})
# What is answered when there is no place for anything else.
OPEN = frozenset({b"/livez", b"/readyz"})
# Headers with which a request takes the slow path.
SLOW = frozenset({b"prefer", b"expect", b"origin"})
VERSIONS = frozenset({"1.0", "1.1"})
READ_VERSIONS = VERSIONS | {"0.0"}  # the parser's before it has read one
FRAMING = frozenset({b"content-length", b"transfer-encoding"})
