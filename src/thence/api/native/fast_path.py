"""The hot way of `POST /v1/functions/{name}/invocations`."""

from __future__ import annotations

from ...engine.answer import Done
from ...errors import PayloadTooLarge, ThenceError, Unauthorized
from ...lifecycle.ids import format_id
from ...store.records import Accepted
from ..shared import problems
from ..shared.context import Door
from ..shared.fast_path import Headers, with_header
from ..shared.request_options import read_wishes
from .accepting import NAME_BYTES, accepted_parts

TEMPLATES_MAX = 1000


class NativeWay:
    """Targets and wishes are names of functions."""

    prefixes = (b"/v1/functions/",)

    def __init__(self, door: Door) -> None:
        self._door = door
        self._engine = door.engine
        self.bytes_max = door.limits.payload_bytes_max
        self._date = b""
        self._templates: dict[str, list[bytes]] = {}  # the 202 answers of that date, by name

    def target(self, url: bytes) -> str | None:
        match = NAME_BYTES.fullmatch(url)
        return None if match is None else match[1].decode()

    def admit(self, target: str, headers: Headers) -> str | None:
        if not self._door.credentials.required:
            return target
        authorization: bytes | None = None
        for name, value in headers:
            if name == b"authorization":
                authorization = value
        try:
            # Before any of the body is kept.
            self._door.credentials.check(authorization)
        except Unauthorized:
            return None
        return target

    def vouched(self, wish: str) -> bool:
        return self._door.credentials.required

    def accept(self, wish: str, headers: Headers, payload: bytes, done: Done) -> None:
        wishes = read_wishes(headers)
        self._engine.accept(
            wish,
            payload,
            done,
            meta=wishes.meta(),
            delay_seconds=wishes.delay_seconds,
            idempotency_key=wishes.idempotency_key,
        )

    def accepted(self, wish: str, accepted: Accepted, date: bytes) -> bytes:
        if date is not self._date or wish not in self._templates:
            self._prepare(wish, date)
        answer = format_id(accepted.id).encode().join(self._templates[wish])
        if accepted.duplicate:
            return with_header(answer, b"idempotency-replayed: true")
        return answer

    def _prepare(self, wish: str, date: bytes) -> None:
        if date is not self._date or len(self._templates) >= TEMPLATES_MAX:
            self._date = date
            self._templates.clear()
        self._templates[wish] = accepted_parts(wish, date)

    def refused(self, wish: str, error: ThenceError, date: bytes, *, close: bool) -> bytes:
        return problems.raw(error, date=date, close=close)

    def broken(self, error: ThenceError, date: bytes) -> bytes:
        return problems.raw(error, date=date, close=True)

    def too_large(self, size: int) -> PayloadTooLarge:
        return PayloadTooLarge(
            f"The payload is {size} bytes or more; at most {self.bytes_max} bytes are taken "
            "(limits.payload_bytes_max).",
            limit_bytes=self.bytes_max,
        )
