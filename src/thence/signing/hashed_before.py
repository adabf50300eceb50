"""The body that Alibaba's client for Java (fc-java-sdk, FC 2016-08-15) hashed for `content-md5`.

It makes the JSON of a request twice: for the hash, and again for the wire. The request holds its
headers, and between the two it puts more into them, so that every body of a management operation ends
with `"headers":{…}}` where other entries stand than were hashed. Taking these out again gives what was
hashed: all but them is proven, and nobody reads them.
"""

from __future__ import annotations

import re

TAIL_BYTES_MAX = 8192  # of the headers at the end, which are a few hundred bytes
_MARK = b'"headers":{'
_ADDED = frozenset(
    (
        *(b"Authorization", b"Accept", b"User-Agent", b"Content-Type", b"Content-MD5"),
        *(b"x-fc-account-id", b"x-fc-security-token"),
    )
)
"""What the client puts into the headers after the hash."""
_ENTRY = rb'"([^"\\]*)":"(?:[^"\\]|\\.)*"'
_ENTRIES = re.compile(_ENTRY)
_TAIL = re.compile(rb'"headers":\{%s(?:,%s)*\}\}' % (_ENTRY, _ENTRY))


def hashed_before(body: bytes) -> bytes | None:
    """The body without what was added; None: it does not end as that client's does."""
    start = body.rfind(_MARK, max(0, len(body) - TAIL_BYTES_MAX))
    if start < 0 or _TAIL.fullmatch(body, start) is None:
        return None
    kept = [
        entry[0] for entry in _ENTRIES.finditer(body, start + len(_MARK)) if entry[1] not in _ADDED
    ]
    return b"%s%s}}" % (body[: start + len(_MARK)], b",".join(kept))
