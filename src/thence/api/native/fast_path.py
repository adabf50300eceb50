"""The fast path of `POST /v1/functions/{name}/invocations`."""

from __future__ import annotations

from ...engine.answer import Done
from ...errors import PayloadTooLarge, ThenceError, Unauthorized
from ...lifecycle.ids import format_id
from ...store.records import Accepted
from ..shared import problems
from ..shared.context import Context
from ..shared.fast_path import Headers, with_header
from ..shared.request_options import read_options
from .accepting import NAME_BYTES, accepted_parts

TEMPLATES_MAX = 1000


class NativeFastPath:
    """What a URL names and what is asked for are both the name of a function."""

    prefixes: tuple[bytes, ...] = (b"/v1/functions/",)

    def __init__(self, context: Context) -> None:
        self._context = context
        self._engine = context.engine
        self.bytes_max = context.limits.payload_bytes_max
        self._date = b""
        self._templates: dict[str, list[bytes]] = {}  # the 202 answers of that date, by name

    def target(self, url: bytes) -> str | None:
        match = NAME_BYTES.fullmatch(url)
        return None if match is None else match[1].decode()

    def admit(self, target: str, headers: Headers) -> str | None:
        if not self._context.credentials.required:
            return target
        authorization: bytes | None = None
        for name, value in headers:
            if name == b"authorization":
                authorization = value
        try:
            # Before any of the body is kept.
            self._context.credentials.check(authorization)
        except Unauthorized:
            return None
        return target

    def vouched(self, asked: str) -> bool:
        return self._context.credentials.required

    def accept(self, asked: str, headers: Headers, payload: bytes, done: Done) -> None:
        options = read_options(headers)
        self._engine.accept(
            asked,
            payload,
            done,
            meta=options.meta(),
            delay_seconds=options.delay_seconds,
            idempotency_key=options.idempotency_key,
        )

    def accepted(self, asked: str, accepted: Accepted, date: bytes) -> bytes:
        if date is not self._date or asked not in self._templates:
            self._prepare(asked, date)
        answer = format_id(accepted.id).encode().join(self._templates[asked])
        if accepted.duplicate:
            return with_header(answer, b"idempotency-replayed: true")
        return answer

    def _prepare(self, asked: str, date: bytes) -> None:
        if date is not self._date or len(self._templates) >= TEMPLATES_MAX:
            self._date = date
            self._templates.clear()
        self._templates[asked] = accepted_parts(asked, date)

    def refused(self, asked: str, error: ThenceError, date: bytes, *, close: bool) -> bytes:
        return problems.raw(error, date=date, close=close)

    def broken(self, error: ThenceError, date: bytes) -> bytes:
        return problems.raw(error, date=date, close=True)

    def too_large(self, size: int) -> PayloadTooLarge:
        return PayloadTooLarge(
            f"The payload is {size} bytes or more; at most {self.bytes_max} bytes are taken "
            "(limits.payload_bytes_max).",
            limit_bytes=self.bytes_max,
        )
