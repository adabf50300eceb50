"""One request at a vendor's door: headers, query and JSON, read as all of them are; a refusal is said in
the words of the door."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from starlette.requests import Request

from ...errors import ThenceError
from .context import Context

JSON_BYTES_MAX = 256 * 1024
_NUMBER = re.compile(r"-?[0-9]{1,18}")


class VendorCall:
    """`path`: the decoded names of the route's template. `request_id`: of this answer."""

    query: dict[str, str]

    def __init__(
        self, context: Context, request: Request, path: dict[str, str], request_id: str
    ) -> None:
        self.context = context
        self.engine = context.engine
        self.request = request
        self.path = path
        self.request_id = request_id

    def invalid(self, message: str, *, of_query: bool = False) -> ThenceError:
        """400. The message names the field, the value and the limit."""
        raise NotImplementedError

    async def body(self, limit: int) -> bytes:
        """Never more than `limit` bytes of it in memory, and the body that was signed."""
        raise NotImplementedError

    def header(self, name: str) -> str | None:
        """One that came more than once is refused: nobody could tell which was meant."""
        found = self.request.headers.getlist(name)
        if len(found) > 1:
            raise self.invalid(f"{name}: it came more than once; send it once")
        return found[0] if found else None

    def number(self, name: str, lowest: int, highest: int, default: int) -> int:
        """A whole number of the query."""
        found = self.number_if_given(name, lowest, highest)
        return default if found is None else found

    def number_if_given(self, name: str, lowest: int, highest: int) -> int | None:
        text = self.query.get(name)
        if text is None or text == "":
            return None
        if _NUMBER.fullmatch(text) is None or not lowest <= int(text) <= highest:
            raise self.invalid(
                f"{name}: {text[:40]!r} is not a whole number from {lowest} to {highest}",
                of_query=True,
            )
        return int(text)

    async def object(self, limit: int = JSON_BYTES_MAX) -> dict[str, Any]:
        """The body as a JSON object, without the fields that are null; no body is an empty one."""
        data = await self.body(limit)
        large = len(data) > JSON_BYTES_MAX  # that would hold up all others
        return await asyncio.to_thread(self.decoded, data) if large else self.decoded(data)

    def decoded(self, data: bytes) -> dict[str, Any]:
        try:
            found = msgspec.json.decode(data or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self.invalid(f"the request body is not valid JSON: {error}") from None
        if not isinstance(found, dict):
            raise self.invalid("the request body must be a JSON object")
        return {key: value for key, value in found.items() if value is not None}
