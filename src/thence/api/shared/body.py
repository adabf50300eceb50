"""Reading a request's body within a bound: one way for all doors."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from .unproven import Unproven

Prove = Callable[[bytes], None]
"""Raises where the body is not the one that was signed."""


async def read_body(
    request: Request,
    limit: int,
    too_large: Callable[[int], Exception],
    *,
    unproven: Unproven | None = None,
    signed: bool = False,
    prove: Prove | None = None,
) -> bytes:
    """The body, never more than `limit` bytes of it in memory. Above that raises what `too_large`
    makes of the size: what Content-Length says, or what has come so far.

    unproven: of a caller that nobody vouches for yet; then the body counts there until `prove` has
    judged it, and Overloaded is raised where that is too much. signed: only the body is not proven; a
    large one waits for its turn.
    """
    text = request.headers.get("content-length")
    length = int(text) if text is not None and text.isdecimal() else 0
    if length > limit:
        raise too_large(length)
    if unproven is None or not signed:
        return await _read(request, limit, too_large, unproven, prove)
    unproven.check(length)
    async with unproven.turn(length):
        return await _read(request, limit, too_large, unproven, prove)


async def _read(
    request: Request,
    limit: int,
    too_large: Callable[[int], Exception],
    unproven: Unproven | None,
    prove: Prove | None,
) -> bytes:
    chunks: list[bytes] = []
    size = counted = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise too_large(size)
            if unproven is not None:
                unproven.check(size)
                unproven.take(len(chunk))
                counted = size
            chunks.append(chunk)
        body = b"".join(chunks)
        if prove is not None:
            prove(body)
        return body
    finally:
        if unproven is not None:
            unproven.give(counted)
