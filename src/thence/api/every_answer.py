"""A header that every answer of a door has, also those that a response makes by itself (a file answers a
wrong `Range` with a response of its own)."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send


def with_header(send: Send, name: str, value: str) -> Send:
    """`send`, adding the header where an answer has none of that name."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault(name, value)
        await send(message)

    return sending
