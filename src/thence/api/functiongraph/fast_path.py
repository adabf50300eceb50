"""The fast path of async_invoke_function (reference 4.2).

It takes paths without a query that name a function of this service's region and project, in any form
of a URN; who asks must be readable in the headers. All else is left to the slow path. Whether the
signature is right is known only when the body is there, so that is said here.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from ...catalog.function import LATEST
from ...engine.answer import Done
from ...errors import FunctionNotFound, ThenceError
from ...lifecycle.ids import format_id
from ...signing.sdk_hmac import Claim
from ...store.records import Accepted
from ..shared import problems
from ..shared.answer import COMMON, JSON
from ..shared.every_answer import as_written
from ..shared.fast_path import Headers, RememberedTargets, raw_with_id
from ..shared.request_options import RequestOptions
from .answer import refusal
from .app import REQUEST_ID
from .authenticator import prove
from .errors import FssError, too_large, translated
from .found import no_function, row_of
from .invoke import MEMORY, check_memory, read_beside
from .state import FunctionGraphState
from .sync import REQUEST_ID as CFF_REQUEST_ID
from .urn import Urn, read

_MEMORY = MEMORY.encode()
_HEAD = "HTTP/1.1 202 Accepted\r\ndate: %s\r\n" + "".join(
    f"{as_written(name.encode()).decode()}: {value}\r\n"
    for name, value in {**COMMON, "content-type": JSON}.items()
)
_REQUEST_ID = as_written(REQUEST_ID.encode())
_CFF_REQUEST_ID = as_written(CFF_REQUEST_ID.encode())
_BODY = b'{"request_id":"%s"}'
_BODY_BYTES = len(_BODY) - len(b"%s") + 36  # an id has 36 characters


class Target(Struct, frozen=True, gc=False):
    """What a URL names. path: as on the wire, it is what was signed. `plain`: no version or alias
    is asked for, so there is nothing to look up but the function."""

    urn: Urn
    ours: str
    plain: bool
    path: bytes


class Asked(Struct, gc=False):
    """claim: what the body must prove; None: nothing."""

    target: Target
    beside: RequestOptions
    claim: Claim | None


class FunctionGraphFastPath(RememberedTargets[Target]):
    prefixes: tuple[bytes, ...] = (b"/v2/",)

    def __init__(self, state: FunctionGraphState) -> None:
        super().__init__()
        self._clock = state.context.clock
        self._engine = state.engine
        self._authenticator = state.authenticator
        self._region, self._project = state.region, state.project
        self.bytes_max = state.settings.async_payload_bytes_max
        self._pattern = re.compile(
            rb"/v2/%s/fgs/functions/([A-Za-z0-9_.:!%%~-]{1,807})/invocations-async"
            % re.escape(self._project).encode()
        )
        self._date = b""
        self._head = b""

    def read_target(self, url: bytes) -> Target | None:
        match = self._pattern.fullmatch(url)
        if match is None:
            return None
        try:
            urn = read(unquote_to_bytes(match[1]).decode(), self._region, self._project)
        except (ThenceError, UnicodeDecodeError):
            return None  # the slow path finds the same and says it
        return Target(urn, urn.ours, urn.qualifier == LATEST and not urn.alias, url)

    def admit(self, target: Target, headers: Headers) -> Asked | None:
        try:
            claim = self._authenticator.check("POST", target.path, b"", headers)
            sizes = [value for name, value in headers if name == _MEMORY]
            if len(sizes) > 1:
                return None
            for size in sizes:
                check_memory(size.decode("latin-1"))
            return Asked(target, read_beside(headers), claim)
        except ThenceError:
            return None  # the slow path finds the same and says it

    def vouched(self, asked: Asked) -> bool:
        return asked.claim is None and not self._authenticator.open

    def accept(self, asked: Asked, headers: Headers, payload: bytes, done: Done) -> None:
        prove(asked.claim, payload)
        target = asked.target
        if not target.plain:
            row_of(self._engine, target.urn)
        self._engine.accept(
            target.ours,
            payload,
            done,
            meta=asked.beside.meta(),
            qualifier=target.urn.qualifier,
            listed=True,
            payload_bytes_max=self.bytes_max,
        )

    def accepted(self, asked: Asked, accepted: Accepted, date: bytes) -> bytes:
        if date is not self._date:
            self._date = date
            self._head = (_HEAD % date.decode()).encode()
        id = format_id(accepted.id).encode()
        return b"%s%s: %s\r\ncontent-length: %d\r\n%s: %s\r\n\r\n%s" % (
            self._head,
            *(_CFF_REQUEST_ID, id, _BODY_BYTES, _REQUEST_ID),
            *(self._request_id().encode(), _BODY % id),
        )

    def refused(self, asked: Asked, error: ThenceError, date: bytes, *, close: bool) -> bytes:
        if isinstance(error, FunctionNotFound):
            error = no_function(asked.target.urn)
        return self._refusal(translated(error), date, close=close)

    def broken(self, error: ThenceError, date: bytes) -> bytes:
        """The status that HTTP has for it, in a body that the vendor's clients can read."""
        status = problems.status_of(error)
        code = "FSS.0503" if status == 503 else "FSS.0400"
        return self._refusal(FssError(status, code, error.detail), date, close=True)

    def too_large(self, size: int) -> FssError:
        return too_large(self.bytes_max)

    def _refusal(self, error: FssError, date: bytes, *, close: bool) -> bytes:
        return raw_with_id(refusal(error), REQUEST_ID, self._request_id(), date, close=close)

    def _request_id(self) -> str:
        """Of this answer; the slow path, too, gives it another one than the invocation has."""
        return format_id(self._engine.new_id())
