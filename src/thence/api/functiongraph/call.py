"""One request at the door: its path, query, headers and body, read and checked."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from ...catalog.refusal import refusal
from ...errors import InvalidInput
from ...signing.sdk_hmac import Claim
from ..shared.body import read_body
from ..shared.times import any_time, read_time
from .authenticator import prove
from .errors import FssError, invalid, too_large
from .urn import Urn, read

if TYPE_CHECKING:
    from .state import FunctionGraphState

JSON_BYTES_MAX = 256 * 1024
T = TypeVar("T")
_NUMBER = re.compile(r"-?[0-9]{1,18}")


class Call:
    """`path`: the decoded names of the route's template. `request_id`: of this answer."""

    def __init__(
        self, state: FunctionGraphState, request: Request, path: dict[str, str], request_id: str
    ) -> None:
        self.state = state
        self.context = state.context
        self.engine = state.engine
        self.request = request
        self.path = path
        self.request_id = request_id
        self.claim: Claim | None = None
        self.query = _query(request.scope["query_string"])
        self._body: bytes | None = None

    @property
    def urn(self) -> Urn:
        """The function of the path."""
        return read(self.path["function_urn"], self.state.region, self.state.project)

    def header(self, name: str) -> str | None:
        """One that came more than once is refused: nobody could tell which was meant."""
        found = self.request.headers.getlist(name)
        if len(found) > 1:
            raise invalid(f"{name}: it came more than once; send it once")
        return found[0] if found else None

    def number(self, name: str, lowest: int, highest: int, default: int) -> int:
        """A whole number of the query."""
        text = self.query.get(name)
        if text is None or text == "":
            return default
        if _NUMBER.fullmatch(text) is None or not lowest <= int(text) <= highest:
            raise invalid(
                f"{name}: {text[:40]!r} is not a whole number from {lowest} to {highest}",
                "FSS.1001",
            )
        return int(text)

    def instant(self, name: str) -> int | None:
        """A time of the query, in ms: `YYYY-MM-DDTHH:MM:SS` in UTC; also with a fraction, an offset or
        a space, as the client writes times that it is given as such (reference 6.1); or ms."""
        text = self.query.get(name, "").strip()
        if not text:
            return None
        # (`1970-01-01T00:00:00` is how clients ask for all there is; bare digits may be seconds, a slip.)
        read_one = read_time if text.isdecimal() else any_time
        try:
            return max(0, read_one(name, text))
        except InvalidInput as error:
            raise invalid(error.detail, "FSS.1001") from None

    async def body(self, limit: int) -> bytes:
        """The body, never more than `limit` bytes of it in memory, and the one that was signed:
        this scheme can be judged only with it, so every handler reads it before it does anything."""
        if self._body is not None:
            return self._body
        vouched = self.claim is None and not self.state.authenticator.open
        self._body = await read_body(
            self.request,
            limit,
            lambda _size: too_large(limit),
            unproven=None if vouched else self.context.unproven,
            prove=lambda body: prove(self.claim, body),
        )
        self.claim = None
        return self._body

    async def object(self, limit: int = JSON_BYTES_MAX) -> dict[str, Any]:
        """The body as a JSON object, without the fields that are null; no body is an empty one."""
        data = await self.body(limit) or b"{}"
        decode = msgspec.json.decode
        try:
            large = len(data) > JSON_BYTES_MAX  # that would hold up all others
            found = await asyncio.to_thread(decode, data) if large else decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise invalid(f"the request body is not valid JSON: {error}") from None
        if not isinstance(found, dict):
            raise invalid("the request body must be a JSON object")
        return {key: value for key, value in found.items() if value is not None}

    async def json(self, kind: type[T], limit: int = JSON_BYTES_MAX) -> T:
        """The body as that type, a Struct of the vendor's field names."""
        return convert(await self.object(limit), kind)


def convert(data: dict[str, Any], kind: type[T], code: str = "FSS.0400") -> T:
    """A decoded object as that type; 400 naming field, value and limit."""
    try:
        return msgspec.convert(data, type=kind)
    except msgspec.ValidationError as error:
        found: InvalidInput = refusal(error, kind, data)
        raise invalid(found.detail, code) from None


def _query(raw: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise FssError(400, "FSS.1001", f"the query cannot be read: {error}") from None
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            # The values of one name are signed in no order, so either could be put first on the way.
            raise FssError(400, "FSS.1001", f"{name[:80]}: it is in the query more than once")
    return found
