"""making: a checked invocation of what a call asks for; not stored yet.

Everything is checked before anything is stored. Pure but for the clock and the ids.
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec.structs import replace

from ..catalog.function import LATEST
from ..clock import Clock
from ..errors import InvalidInput, Throttled
from ..lifecycle.ids import IdSource
from ..lifecycle.policy import DELAY_SECONDS_MAX
from ..store.records import Body, Meta, NewInvocation
from .checks import check_payload
from .lanes import Callee, Lane
from .options import Options

IDEMPOTENCY_KEY_MAX = 255
CALLER_ID_MAX = 255
_encode = msgspec.json.Encoder().encode


class Making:
    def __init__(self, clock: Clock, ids: IdSource, options: Options) -> None:
        self._clock = clock
        self._ids = ids
        self._options = options

    def made(
        self,
        callee: Callee,
        payload: bytes,
        meta: Meta | None,
        *,
        idempotency_key: str | None = None,
        payload_bytes_max: int | None = None,
        delay_seconds: float = 0.0,
        idempotency_seconds: float | None = None,
        fingerprint: bytes | None = None,
        caller_id: str | None = None,
        listed: bool | None = None,
    ) -> tuple[NewInvocation, Meta | None]:
        """The invocation, with its meta as it was encoded. Raises InvalidInput, PayloadTooLarge, Throttled,
        FunctionDisabled. What the settings mean: Accept.accept."""
        lane, alias = callee.lane, callee.alias
        family = lane.family
        if family.disabled is not None:
            family.check_enabled()
        self._check(lane, payload, delay_seconds, idempotency_key, payload_bytes_max)
        config = lane.config(alias)
        if alias or caller_id:
            meta = _named(meta, alias, caller_id)
        now = self._clock.now()
        due_at = now + round(delay_seconds * 1000) if delay_seconds else now
        new = NewInvocation(
            self._ids.next(now),
            lane.function.id,
            now,
            due_at,
            due_at + config.age_ms,
            Body(payload, len(payload)),
            0,
            _encode(meta) if meta is not None else None,
        )
        if config.followed:
            new.meta = _encode(replace(meta or Meta(), followed=True))
        if idempotency_key:
            called = alias or lane.function.version
            self._with_key(
                new,
                idempotency_key,
                family.id,  # the alias may choose another version the next time
                _fingerprint(payload, meta, delay_seconds, called)
                if fingerprint is None
                else fingerprint,
                idempotency_seconds or self._options.idempotency_seconds,
            )
        if config.listed if listed is None else listed:
            new.listed_in = family.id
            new.caller_id = caller_id
            new.qualifier = alias or lane.function.version
        return new, meta

    @staticmethod
    def _with_key(
        new: NewInvocation, key: str, scope: int, fingerprint: bytes, seconds: float
    ) -> None:
        """The same key again is answered with this invocation, for so long."""
        new.idempotency_key = key
        new.key_scope = scope
        new.fingerprint = fingerprint
        new.idempotency_expires_at = new.accepted_at + round(seconds * 1000)

    def _check(
        self,
        lane: Lane,
        payload: bytes,
        delay_seconds: float,
        key: str | None,
        bytes_max: int | None,
    ) -> None:
        check_payload(payload, bytes_max or self._options.payload_bytes_max)
        if delay_seconds and not 0 <= delay_seconds <= DELAY_SECONDS_MAX:
            raise InvalidInput(
                f"delay_seconds: {delay_seconds:g} is out of range; 0 to {DELAY_SECONDS_MAX} "
                "(30 days).",
                field="delay_seconds",
                value=delay_seconds,
                limit=DELAY_SECONDS_MAX,
            )
        if key is not None and (not 0 < len(key) <= IDEMPOTENCY_KEY_MAX or not key.isprintable()):
            raise InvalidInput(
                f"Idempotency-Key: 1 to {IDEMPOTENCY_KEY_MAX} printable characters are taken.",
                field="Idempotency-Key",
                limit=IDEMPOTENCY_KEY_MAX,
            )
        cap = self._options.waiting_max
        if cap and lane.family.waiting >= cap:
            raise Throttled(
                f"Function {lane.function.name!r} has {lane.family.waiting} invocations waiting; "
                f"the setting limits.waiting_max allows {cap}. Try again later.",
                retry_after_seconds=5,
                limit=cap,
            )


def _named(meta: Meta | None, alias: str, caller_id: str | None) -> Meta:
    """`meta` with what the call was named by. Raises InvalidInput."""
    if caller_id and (len(caller_id) > CALLER_ID_MAX or not caller_id.isprintable()):
        raise InvalidInput(
            f"caller_id: 1 to {CALLER_ID_MAX} printable characters are taken.",
            field="caller_id",
            limit=CALLER_ID_MAX,
        )
    return replace(meta or Meta(), qualifier=alias, caller_id=caller_id or "")


def _fingerprint(payload: bytes, meta: Meta | None, delay_seconds: float, qualifier: str) -> bytes:
    digest = hashlib.blake2b(payload, digest_size=16)
    digest.update(b"\x00%d\x00" % round(delay_seconds * 1000))
    digest.update((meta.content_type if meta else "").encode())
    if qualifier != LATEST:
        digest.update(b"\x00" + qualifier.encode())
    return digest.digest()
