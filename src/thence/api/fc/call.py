"""One request at the door: its path, query, headers and body, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request

from ...catalog.refusal import refusal
from ...errors import InvalidInput, ThenceError
from ...signing.interface import Verified
from ..shared.body import read_body
from ..shared.vendor_call import JSON_BYTES_MAX, VendorCall
from .answer import etag
from .authenticator import check_body, vouched
from .errors import changed, invalid, too_large
from .names import Name, check_function, check_service, qualifier_of

if TYPE_CHECKING:
    from .state import FcState

PARAMETERS_MAX = 100
PAGE_DEFAULT, PAGE_MAX = 20, 100  # reference 2.4
Generation = Literal["2023-03-30", "2021-04-06", "2016-08-15"]
T = TypeVar("T")


class Call(VendorCall):
    def __init__(
        self,
        state: FcState,
        request: Request,
        generation: Generation,
        path: dict[str, str],
        request_id: str,
    ) -> None:
        super().__init__(state.context, request, path, request_id)
        self.state = state
        self.generation = generation
        self.caller: Verified | None = None
        self.query = _query(request.scope["query_string"])
        self._body: bytes | None = None

    # ------------------------------------------------------------ names

    @property
    def v3(self) -> bool:
        return self.generation == "2023-03-30"

    @property
    def old(self) -> bool:
        """2016-08-15: the qualifier is in the path, keys of bodies in any case."""
        return self.generation == "2016-08-15"

    @property
    def service(self) -> str:
        """The service of the path, without the qualifier that older paths hold."""
        text = self.path["service"]
        return check_service(_inside(text)[0] if self.old else text)

    @property
    def name(self) -> Name:
        """The function of the path."""
        text = self.path["function"]
        if not self.v3:
            return Name(check_function(text), self.service)
        service, inside, function = text.partition("$")  # how FC 3.0 names those of services
        if inside:
            return Name(check_function(function), check_service(service))
        return Name(check_function(text))

    @property
    def qualifier(self) -> str:
        """Ours: of the query, or in the oldest paths of `SERVICE.QUALIFIER` or `SERVICE$QUALIFIER`. There
        the query is not looked at but to refuse it: their scheme does not sign it."""
        asked = self.query.get("qualifier")
        if not self.old:
            return qualifier_of(asked)
        if asked:
            raise invalid(
                "qualifier: in /2016-08-15 it stands in the path, as /services/SERVICE.QUALIFIER; the "
                "query is not signed there"
            )
        return qualifier_of(_inside(self.path.get("service", ""))[1])

    # ------------------------------------------------------------ reading

    def invalid(self, message: str, *, of_query: bool = False) -> ThenceError:
        return invalid(message)

    def limit(self) -> int:
        return self.number("limit", 1, PAGE_MAX, PAGE_DEFAULT)

    def flag(self, name: str) -> bool:
        """A truth value of the query; clients of Python write `True`."""
        text = self.query.get(name, "").lower()
        if text not in ("", "true", "false"):
            raise invalid(f"{name}: {text[:40]!r} is not true or false")
        return text == "true"

    async def body(self, limit: int) -> bytes:
        """The body, never more than `limit` bytes of it in memory, and the one that was signed."""
        if self._body is not None:
            return self._body
        self._body = await read_body(
            self.request,
            limit,
            lambda _size: too_large(limit),
            unproven=None if vouched(self.caller) else self.context.unproven,
            signed=self.caller is not None,
            prove=lambda body: check_body(self.caller, body, of_java=self._may_be_of_java()),
        )
        return self._body

    def _may_be_of_java(self) -> bool:
        """Whether it is an operation that the client for Java has; payloads go to functions as they are."""
        return self.old and not self.request.scope["path"].endswith("/invocations")

    async def object(self, limit: int = JSON_BYTES_MAX) -> dict[str, Any]:
        """See VendorCall; without what the client for Java writes into bodies beside."""
        found = await super().object(limit)
        if isinstance(found.get("headers"), dict) and self.old:
            del found["headers"]  # the client for Java sends its headers here as well
        for field, name in (("serviceName", "service"), ("functionName", "function")):
            if field in found and found[field] == self.path.get(name):
                del found[field]  # the client for Java says in the body what the path says
        return found

    async def json(self, kind: type[T], limit: int = JSON_BYTES_MAX) -> T:
        """The body as that type, a Struct of the vendor's field names. A field that the type does
        not know is refused where the type forbids unknown fields."""
        return convert(await self.object(limit), kind)

    def check_match(self, shown: Any) -> None:
        """`If-Match`, where it is given, must name the resource as it is shown now."""
        asked = self.header("if-match")
        if asked is None or asked.strip() in ("", "*"):
            return
        if etag(shown) not in [
            tag.strip().removeprefix("W/").strip('"') for tag in asked.split(",")
        ]:
            raise changed()


def _inside(text: str) -> tuple[str, str]:
    """Service and qualifier of an older path. Neither may hold one of the marks: `.`, or `$` as
    aliyun-fc2 before 2.1 writes it."""
    service, _, qualifier = text.replace("$", ".", 1).partition(".")
    return service, qualifier


def convert(data: dict[str, Any], kind: type[T]) -> T:
    """A decoded object as that type; InvalidArgument naming field, value and limit."""
    try:
        return msgspec.convert(data, type=kind)
    except msgspec.ValidationError as error:
        found: InvalidInput = refusal(error, kind, data)
        raise invalid(found.detail) from None


def _query(raw: bytes) -> dict[str, str]:
    """A form, as the clients write it: a space is `+`. A name that came twice with different values is
    refused: some schemes sign these in no order, so that either could be put first."""
    text = raw.decode("latin-1")
    if text.count("&") >= PARAMETERS_MAX:
        raise invalid(f"the query: at most {PARAMETERS_MAX} parameters are taken")
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if found.setdefault(name, value) != value:
            raise invalid(f"{name[:80]}: it is in the query more than once; send it once")
    return found
