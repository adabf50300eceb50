"""The fast path of InvokeFunction with `x-fc-invocation-type: Async`, in all three generations.

It takes plain URLs whose headers can be read and whose signature is right; all else is left to the
slow path. Who asks is looked at last, because that takes a nonce only once.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ...catalog.function import LATEST
from ...engine.answer import Done
from ...errors import ThenceError
from ...lifecycle.ids import format_id
from ...signing.interface import Verified
from ...store.records import Accepted
from ..shared import problems
from ..shared.answer import COMMON
from ..shared.every_answer import as_written
from ..shared.fast_path import Headers, RememberedTargets, raw_with_id
from .answer import refusal
from .app import REQUEST_ID
from .authenticator import check_body, vouched
from .errors import FcError, too_large
from .names import Name, qualifier_of
from .refused import refused
from .request_options import RequestOptions, read_options
from .state import FcState

_FUNCTION = rb"/functions/([A-Za-z_][A-Za-z0-9_-]{0,63})/invocations"
_SERVICE = rb"/services/([A-Za-z_][A-Za-z0-9_-]{0,127})"
_WORD = rb"([A-Za-z0-9_][A-Za-z0-9_-]{0,127})"
_PATTERNS = (  # groups: service, qualifier of the path, function, qualifier of the query
    re.compile(rb"/2023-03-30()()" + _FUNCTION + rb"(?:\?qualifier=" + _WORD + rb")?"),
    re.compile(
        rb"/2021-04-06" + _SERVICE + rb"()" + _FUNCTION + rb"(?:\?qualifier=" + _WORD + rb")?"
    ),
    re.compile(rb"/2016-08-15" + _SERVICE + rb"(?:[.$]" + _WORD + rb")?" + _FUNCTION + rb"()"),
)
_HEAD = b"HTTP/1.1 202 Accepted\r\n" + b"".join(
    b"%s: %s\r\n" % (as_written(name.encode()), value.encode()) for name, value in COMMON.items()
)
_TASK_ID = b"\r\nX-Fc-Async-Task-Id: "


class Target(Struct, frozen=True, gc=False):
    """What a URL names. `qualifier`: ours. path, query: as on the wire."""

    name: Name
    ours: str
    qualifier: str
    v3: bool
    path: bytes
    query: bytes


class Asked(Struct, gc=False):
    target: Target
    options: RequestOptions
    caller: Verified | None


class FcFastPath(RememberedTargets[Target]):
    prefixes: tuple[bytes, ...] = (b"/2023-03-30/", b"/2021-04-06/", b"/2016-08-15/")

    def __init__(self, state: FcState) -> None:
        super().__init__()
        self._state = state
        self._engine = state.engine
        self._authenticator = state.authenticator
        self.bytes_max = state.limits.async_payload_bytes_max
        self._date = b""
        self._head = b""

    def read_target(self, url: bytes) -> Target | None:
        return _target(url)

    def admit(self, target: Target, headers: Headers) -> Asked | None:
        try:
            options = read_options(headers)
            if not options.asynchronous:
                return None
            caller = self._authenticator.check("POST", target.path, target.query, headers)
        except ThenceError:
            return None  # the slow path finds the same and says it
        return Asked(target, options, caller)

    def vouched(self, asked: Asked) -> bool:
        return vouched(asked.caller)

    def accept(self, asked: Asked, headers: Headers, payload: bytes, done: Done) -> None:
        target, options = asked.target, asked.options
        check_body(asked.caller, payload)
        self._engine.accept(
            target.ours,
            payload,
            done,
            meta=options.meta(),
            qualifier=target.qualifier,
            delay_seconds=options.delay_seconds,
            caller_id=options.task_id or None,
            listed=options.listed or None,
            payload_bytes_max=self.bytes_max,
        )

    def accepted(self, asked: Asked, accepted: Accepted, date: bytes) -> bytes:
        if date is not self._date:
            self._date = date
            self._head = b"%sdate: %s\r\ncontent-length: 0\r\nX-Fc-Request-Id: " % (_HEAD, date)
        id = format_id(accepted.id).encode()
        task_id = asked.options.task_id
        if task_id:
            return b"%s%s%s%s\r\n\r\n" % (self._head, id, _TASK_ID, task_id.encode())
        if asked.target.v3:
            return b"%s%s%s%s\r\n\r\n" % (self._head, id, _TASK_ID, id)
        return b"%s%s\r\n\r\n" % (self._head, id)

    def refused(self, asked: Asked, error: ThenceError, date: bytes, *, close: bool) -> bytes:
        target = asked.target
        found = refused(
            error,
            self._engine,
            target.name,
            target.qualifier,
            asked.options.task_id,
            v3=target.v3,
        )
        request_id = format_id(self._engine.new_id())
        response = refusal(found, request_id)
        return raw_with_id(response, REQUEST_ID, request_id, date, close=close)

    def broken(self, error: ThenceError, date: bytes) -> bytes:
        """The status that HTTP has for it, in a body that the vendor's clients can read."""
        request_id = format_id(self._engine.new_id())
        status = problems.status_of(error)
        code = "ResourceThrottled" if status == 503 else "InvalidArgument"
        found = FcError(status, code, error.detail)
        response = refusal(found, request_id)
        return raw_with_id(response, REQUEST_ID, request_id, date, close=True)

    def too_large(self, size: int) -> FcError:
        return too_large(self.bytes_max)


def _target(url: bytes) -> Target | None:
    for pattern in _PATTERNS:
        match = pattern.fullmatch(url)
        if match is None:
            continue
        service, inside, function, asked = (
            group.decode() if group else "" for group in match.groups()
        )
        if LATEST in (inside, asked):
            return None  # refused: it is not how the vendor writes it
        name = Name(function, service)
        path, _, query = url.partition(b"?")
        v3 = not service
        return Target(name, name.ours, qualifier_of(inside or asked), v3, path, query)
    return None
