"""A request whose target is no HTTP is refused in the words of the door that it names."""

from __future__ import annotations

import json
from typing import Any

import pytest

PATH = b"/v2/thence/fgs/functions/f/invocations-async"
DOORS = [
    (PATH, b"x-request-id", {"error_code", "error_msg"}),
    (b"/2023-03-30/functions/f", b"x-fc-request-id", None),
    (b"/v1/functions", None, None),
]


@pytest.mark.parametrize(("target", "header", "keys"), DOORS)
@pytest.mark.parametrize("stray", [b"\x00", b"\x7f", b"a\x00b"])
@pytest.mark.parametrize("before", [False, True])
async def test_a_stray_byte_in_a_target_is_400_with_the_doors_request_id(
    server: Any, target: bytes, header: bytes | None, keys: Any, stray: bytes, before: bool
) -> None:
    first = b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" if before else b""
    broken = b"GET %s%s HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n" % (target, stray)
    answer = await server.raw(first + broken)
    head, _, body = answer[answer.index(b"HTTP/1.1 400 ") :].partition(b"\r\n\r\n")
    assert header is None or b"\r\n%s: " % header in head.lower()
    assert keys is None or set(json.loads(body)) == keys
