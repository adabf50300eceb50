"""run: hand one claimed attempt to the runtime, and its ending to settle.

Only committed claims come here. Whatever happens, exactly one ending follows.
"""

from __future__ import annotations

import logging

import msgspec

from ..clock import Clock
from ..errors import ThenceError
from ..lifecycle.outcome import Outcome
from ..notices import AttemptStarted, Notices
from ..runtimes.interface import Ended, Run, Runtime
from ..store.blobs import BlobStore
from ..store.records import Claimed, Meta
from .dispatch import Dispatch
from .lanes import Lane
from .lease import Lease
from .running import Running
from .settle import SettleAttempts
from .tasks import Tasks

log = logging.getLogger("thence.run")

_decode_meta = msgspec.json.Decoder(Meta).decode
_NO_META = Meta()


class RunAttempts:
    def __init__(
        self,
        runtime: Runtime,
        settle: SettleAttempts,
        dispatch: Dispatch,
        running: Running,
        lease: Lease,
        blobs: BlobStore,
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._runtime = runtime
        self._settle = settle
        self._blobs = blobs
        self._clock = clock
        self._notices = notices
        self._dispatch = dispatch
        self._running = running
        self._lease = lease
        self._tasks = Tasks()

    def begin(self, lane: Lane, claimed: Claimed) -> None:
        meta = _NO_META if claimed.meta is None else _decode_meta(claimed.meta)
        spent = claimed.spent
        run = Run(
            claimed.id,
            lane.function,
            claimed.attempt,
            b"",
            claimed.accepted_at,
            claimed.expires_at,
            spent.retries_used,
            spent.may_have_run,
            spent.losses_used > 0,
            self._settle.settle,
            meta.content_type,
            meta.traceparent,
            self._lease.number,
            spent,
            qualifier=meta.qualifier,
            due_at=claimed.due_at,
            meta=meta,
        )
        self._running.add(run)
        body = claimed.payload
        if body.data is None and body.ref is not None:
            lane.slots.take(lane)  # the slot it was claimed for, until it is handed over
            self._tasks.spawn(self._fetch(lane, run, body.ref, body.digest, claimed.due_at))
            return
        lane.slots.begin(lane)  # until settle gets its ending
        run.payload = body.data or b""
        self._submit(lane, run, claimed.due_at)

    async def settled(self) -> None:
        """Return when no payload is on its way from the blob store."""
        await self._tasks.settled()

    def _submit(self, lane: Lane, run: Run, due_at: int) -> None:
        if lane.deleted or run.stops or lane.family.disabled is not None:
            outcome = Outcome.STOPPED if run.stops else Outcome.NOT_STARTED
            self._settle.settle(run, Ended(outcome))
            self._dispatch.freed(lane)
            return
        if self._notices.wanted(AttemptStarted):
            wait = max(0, self._clock.now() - due_at)
            self._notices.publish(AttemptStarted(run.id, lane.function.name, run.attempt, wait))
        self._runtime.submit(run)

    async def _fetch(self, lane: Lane, run: Run, ref: str, digest: str, due_at: int) -> None:
        try:
            run.payload = await self._blobs.get(ref, digest)
        except ThenceError as error:
            self._unreadable(lane, run, error.detail)
            return
        except Exception as error:
            # A mistake in a blob store, or no memory: this attempt must end all the same.
            log.exception("the payload %s could not be read", ref)
            self._unreadable(lane, run, f"The payload could not be read ({type(error).__name__}).")
            return
        finally:
            lane.slots.release(lane)
            lane.slots.begin(lane)
        self._submit(lane, run, due_at)

    def _unreadable(self, lane: Lane, run: Run, why: str) -> None:
        ended = Ended(Outcome.PLATFORM_ERROR, error_type="PayloadUnreadable", error_message=why)
        self._settle.settle(run, ended)
        self._dispatch.freed(lane)
