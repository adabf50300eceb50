"""What a handler is given: the request with its parameters read and checked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from ....catalog.refusal import refusal
from ....errors import InvalidInput, InvocationNotFound, PayloadTooLarge
from ....lifecycle.ids import parse_id
from ..body import read_body
from ..context import Context
from ..problems import UnsupportedMediaType
from .parameter import Parameter, read_query

JSON_BYTES_MAX = 64 * 1024
T = TypeVar("T")


class Call:
    """One request at one route."""

    def __init__(
        self, context: Context, request: Request, parameters: tuple[Parameter, ...]
    ) -> None:
        self.context = context
        self.request = request
        self.path: dict[str, str] = request.path_params
        self.query: dict[str, Any] = read_query(request.scope["query_string"], parameters)
        """Every parameter of the route by its name; None or its default where it was not given."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = self.request.scope["headers"]
        return found

    def header(self, name: str) -> str | None:
        return self.request.headers.get(name)

    def invocation_id(self) -> int:
        """The `{id}` of the path. What is no id names nothing."""
        id = parse_id(self.path["id"])
        if id is None:
            raise InvocationNotFound(
                f"{self.path['id'][:60]!r} is not an invocation id (like "
                "01890a5d-ac96-774b-bcce-b302099a8057).",
                kind="invocation",
                name=self.path["id"][:60],
            )
        return id

    async def body(self, limit: int) -> bytes:
        """The body, never more than `limit` bytes of it in memory. Raises PayloadTooLarge."""
        return await read_body(
            self.request,
            limit,
            lambda size: _too_large(size, limit),
            unproven=None if self.context.credentials.required else self.context.unproven,
        )

    async def json(self, kind: type[T], limit: int = JSON_BYTES_MAX) -> T:
        """The body as that type; an empty body is an empty object. Raises InvalidInput."""
        self.media_type("application/json")
        data = await self.body(limit)
        return decoded(data or b"{}", kind)

    def media_type(self, *taken: str) -> None:
        """Refuse a body that says it is something else. None said: the first of `taken`."""
        given = (self.header("content-type") or taken[0]).partition(";")[0].strip().lower()
        if given in taken or (given.endswith("+json") and "application/json" in taken):
            return
        raise UnsupportedMediaType(
            f"Content-Type: {given[:100]!r} is not taken here; send {' or '.join(taken)}.",
            field="Content-Type",
            value=given[:100],
        )

    async def unless_closing(self, work: Awaitable[T]) -> T | None:
        """The work's answer; None when the service begins to shut down before it is there."""
        task = asyncio.ensure_future(work)
        closing = asyncio.ensure_future(self.context.closing.wait())
        try:
            await asyncio.wait({task, closing}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            closing.cancel()
            task.cancel()


def decoded(data: bytes, kind: type[T], where: str = "body") -> T:
    """JSON as that type. Raises InvalidInput."""
    try:
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.ValidationError as error:
            # It need not be JSON at all behind what does not fit: that is found here.
            raise refusal(error, kind, msgspec.json.decode(data)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise malformed_json(error, where) from None


def malformed_json(error: Exception, where: str = "body") -> InvalidInput:
    reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
    return InvalidInput(f"{where}: not valid JSON ({reason}).", field=where)


def _too_large(size: int, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is {size} bytes or more; at most {limit} bytes are taken here.",
        limit_bytes=limit,
    )
