"""What every answer of a vendor's door has, also those that a response makes by itself (a file answers a
wrong `Range` with a response of its own): its id, and names of headers as the vendor writes them.

HTTP does not care for the case of names, but the vendors' clients for Java look for `X-Fc-Log-Result`,
`X-Cff-Request-Id` and `Etag` as they are written here, and find nothing in `x-fc-log-result`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send


class _Written(bytes):
    """A name that stays as it is written: uvicorn puts every name in lower case before it sends it."""

    def lower(self) -> bytes:
        return self


@lru_cache(256)  # names are few, and each answer has several
def as_written(name: bytes) -> bytes:
    """`X-Fc-Request-Id` of `x-fc-request-id`, `Etag` of `etag`; other names without `x-` stay."""
    return _Written(name.title()) if name.startswith(b"x-") or name == b"etag" else name


def written(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(as_written(name), value) for name, value in headers]


def with_header(send: Send, name: str, value: str) -> Send:
    """`send`, adding the header where an answer has none of that name."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault(name, value)
            message["headers"] = written(message["headers"])
        await send(message)

    return sending
