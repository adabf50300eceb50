"""sources: how anything inside this process has a function called: a function destination, a redrive,
a trigger.

A source has no caller who waits for 202. It gives a firing: a payload and what the invocation shall
know of where it came from. The answer comes after the commit, as with every accept.

A firing may come twice, after a crash between its commit and the moment when the source knows of it.
So a source gives each firing an `idempotency_key` that is the same when it fires again; then the second
is answered with the first one's id (`Accepted.duplicate`) and nothing runs twice.
"""

from __future__ import annotations

from msgspec import Struct

from ..catalog.function import LATEST
from ..lifecycle.lineage import Lineage
from ..store.records import Accepted, MailboxPut, Meta
from .accept import Accept
from .answer import answered
from .catalogue import Catalogue
from .flow import Flow
from .lanes import Callee
from .options import Options
from .writer import Writer

_NO_META = Meta()


class Firing(Struct, frozen=True, kw_only=True):
    """One call that a source makes."""

    payload: bytes
    content_type: str = ""
    source: str = ""
    """What made it, as `thence show` tells: "destination", "redrive", a trigger's kind and name."""
    traceparent: str = ""
    lineage: Lineage | None = None
    """The chain of functions that led to it; a chain ends after `HOPS_MAX` hops."""
    redrive_of: str = ""
    """The invocation that it repeats, as text."""
    idempotency_key: str | None = None
    """The same for the same firing; one key in the function, whatever the qualifier."""
    idempotency_seconds: float | None = None
    """For how long the key is known; None: as configured (`retention.idempotency_hours`)."""
    fingerprint: bytes | None = None
    """What must be the same where the key is; None: payload, content type, delay and qualifier."""
    delay_seconds: float = 0.0
    caller_id: str | None = None
    """An id of the source's own, taken once in the function's list."""
    listed: bool | None = None
    """Whether it is kept in the function's list; None: as configured."""
    payload_bytes_max: int | None = None
    """How large a payload is taken; None: as from callers (`limits.payload_bytes_max`)."""


class Sources:
    """The accepting port for what is inside this process."""

    def __init__(self, accepting: Accept, catalogue: Catalogue) -> None:
        self._accepting = accepting
        self._catalogue = catalogue

    async def accept(self, name: str, firing: Firing, *, qualifier: str = LATEST) -> Accepted:
        """Have the function called; returns after the commit. `qualifier`: `latest`, a version, or an
        alias, which chooses a version now for all attempts.

        Raises FunctionNotFound, QualifierNotFound, InvalidInput, PayloadTooLarge, FunctionDisabled,
        IdempotencyMismatch, CallerIdTaken: firing again changes nothing. Raises Throttled, Draining,
        StoreUnavailable: nothing is stored, and the same firing may be taken later (in
        `retry_after_seconds`)."""
        return await self.accept_on(self._catalogue.resolve(name, qualifier), firing)

    async def accept_on(self, callee: Callee, firing: Firing) -> Accepted:
        """The same for a function that is resolved already."""
        meta = Meta(
            content_type=firing.content_type,
            traceparent=firing.traceparent,
            # (A redrive's key is the engine's own, and nobody gave it.)
            idempotency_key="" if firing.redrive_of else firing.idempotency_key or "",
            source=firing.source,
            redrive_of=firing.redrive_of,
            lineage=firing.lineage,
        )
        accepted: Accepted = await answered(
            lambda done: self._accepting.accept(
                callee,
                firing.payload,
                done,
                meta=None if meta == _NO_META else meta,
                delay_seconds=firing.delay_seconds,
                idempotency_key=firing.idempotency_key,
                idempotency_seconds=firing.idempotency_seconds,
                fingerprint=firing.fingerprint,
                caller_id=firing.caller_id,
                listed=firing.listed,
                payload_bytes_max=firing.payload_bytes_max,
            )
        )
        return accepted


class Inside:
    """What destinations within this process use of the engine: the mailbox, and other functions."""

    def __init__(self, flow: Flow, writer: Writer, options: Options) -> None:
        self._flow = flow
        self._writer = writer
        self._record_bytes_max = options.record_bytes_max

    async def put(self, message: MailboxPut) -> None:
        """Commit one message to the built-in mailbox. Raises StoreUnavailable, Draining."""
        await answered(lambda done: self._writer.put_mail(message, done))

    async def accept(
        self,
        name: str,
        payload: bytes,
        *,
        content_type: str,
        idempotency_key: str,
        lineage: Lineage | None,
        traceparent: str,
        source: str,
    ) -> int:
        """Have NAME or NAME@QUALIFIER called with a record, which may be larger than what callers may
        send; the invocation's id, or that of the earlier one with the same key. Raises what
        `Sources.accept` does."""
        function, _, qualifier = name.partition("@")
        firing = Firing(
            payload=payload,
            content_type=content_type,
            source=source,
            traceparent=traceparent,
            lineage=lineage,
            idempotency_key=idempotency_key,
            payload_bytes_max=self._record_bytes_max,
        )
        accepted = await self._flow.accept(function, firing, qualifier=qualifier or LATEST)
        return accepted.id
