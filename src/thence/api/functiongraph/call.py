"""One request at the door: its path, query, headers and body, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from ...catalog.refusal import refusal
from ...errors import InvalidInput, ThenceError
from ...signing.sdk_hmac import Claim
from ..shared.body import read_body
from ..shared.times import any_time, read_time
from ..shared.vendor_call import JSON_BYTES_MAX, VendorCall
from .authenticator import prove
from .errors import FssError, invalid, too_large
from .urn import Urn, read

if TYPE_CHECKING:
    from .state import FunctionGraphState

T = TypeVar("T")


class Call(VendorCall):
    def __init__(
        self, state: FunctionGraphState, request: Request, path: dict[str, str], request_id: str
    ) -> None:
        super().__init__(state.context, request, path, request_id)
        self.state = state
        self.claim: Claim | None = None
        self.query = _query(request.scope["query_string"])
        self._body: bytes | None = None

    @property
    def urn(self) -> Urn:
        """The function of the path."""
        return read(self.path["function_urn"], self.state.region, self.state.project)

    def invalid(self, message: str, *, of_query: bool = False) -> ThenceError:
        return invalid(message, "FSS.1001") if of_query else invalid(message)

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
