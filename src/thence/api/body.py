"""Reading a request's body within a bound: one way for all doors."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request


async def read_body(request: Request, limit: int, too_large: Callable[[int], Exception]) -> bytes:
    """The body, never more than `limit` bytes of it in memory. Above that raises what `too_large`
    makes of the size: what Content-Length says, or what has come so far."""
    length = request.headers.get("content-length")
    if length is not None and length.isdecimal() and int(length) > limit:
        raise too_large(int(length))
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(size)
        chunks.append(chunk)
    return b"".join(chunks)
