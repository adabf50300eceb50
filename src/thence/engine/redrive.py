"""redrive: a dead letter is run again as a new invocation, or a dead delivery is sent again.

A redriven invocation keeps its payload and knows what it came from (`redrive_of`). The key
`redrive:<id>` makes a repeated redrive answer with the first one's id. A rate is kept by due
times that are apart, so that it holds over a restart.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field
from msgspec.structs import replace

from ..catalog.function import LATEST
from ..clock import Clock
from ..errors import Conflict, DeliveryNotFound, InvalidInput, InvocationNotFound, ThenceError
from ..lifecycle.ids import format_id
from ..lifecycle.states import FINAL, State
from ..store.blobs import BlobStore
from ..store.interface import Store
from ..store.records import Filter, InvocationRow, InvocationView
from .deliver import Deliver
from .events import Events
from .lanes import Callee
from .sources import Firing, Sources

STEP = 100
RATE_MAX = 10_000.0
LIMIT_MAX = 10_000


class RedriveReport(Struct):
    """What a redrive by filter did, or would do (`dry_run`)."""

    dry_run: bool
    matched: int = 0
    redriven: int = 0
    skipped: int = 0  # redriven before
    errors: list[dict[str, str]] = field(default_factory=list)
    invocations: list[dict[str, str]] = field(
        default_factory=list
    )  # the first 100: id, redriven_as
    cursor: str | None = None  # there may be more: call again with it
    seconds: float = 0.0  # over which the redriven ones start, by the rate


class Redrive:
    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        clock: Clock,
        resolve: Callable[[str, str], Callee],
        sources: Sources,
        deliver: Deliver,
        events: Events,
        history_seconds: float,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._resolve = resolve
        self._sources = sources
        self._deliver = deliver
        self._events = events
        self._history_seconds = history_seconds

    async def invocation(
        self,
        id: int,
        delay_seconds: float = 0.0,
        *,
        again: bool = False,
        qualifier: str | None = None,
    ) -> tuple[int, bool]:
        """(new id, whether it was redriven before). Any final invocation may be redriven; one that
        succeeded only with `again`, for that repeats what it did. `qualifier`: which version or alias
        runs it, instead of what its call named.

        Raises InvocationNotFound, Conflict (it is not over, it succeeded, it was redriven before by
        another version or alias than `qualifier`, or its payload's retention has ended),
        FunctionNotFound, QualifierNotFound (there is no such version or alias any more),
        FunctionDisabled.
        """
        view = await self._store.invocation(id)
        if view is None:
            raise InvocationNotFound(
                f"There is no invocation {format_id(id)}.", kind="invocation", name=format_id(id)
            )
        if view.state not in FINAL:
            raise Conflict(
                f"Invocation {format_id(id)} is {view.state}; only a final one can be redriven.",
                state=str(view.state),
            )
        if view.redriven_as is not None:
            await self._check_same(view, view.redriven_as, qualifier)
            return view.redriven_as, True
        if view.state is State.SUCCEEDED and not again:
            raise Conflict(
                f"Invocation {format_id(id)} has succeeded: run again, it does the same once more. If "
                "that is meant, say so with again=true (--again).",
                field="again",
                state=str(view.state),
            )
        new, before = await self._again(view, delay_seconds, qualifier or view.qualifier)
        if before:  # by somebody at the same time
            await self._check_same(view, new, qualifier)
        return new, before

    async def _check_same(self, view: InvocationView, new: int, qualifier: str | None) -> None:
        """Raises Conflict where `view` was redriven as `new`, and not by `qualifier`."""
        redriven = await self._store.invocation(new)
        by = None if redriven is None else redriven.qualifier
        if qualifier is None or qualifier == by:
            return
        shown = format_id(new)
        how = "" if by is None else f" by {by!r}"
        raise Conflict(
            f"qualifier: invocation {format_id(view.id)} was redriven before{how}, as {shown}, and a "
            f"redrive is not repeated: {qualifier[:80]!r} does not run it. Redrive {shown} with "
            f"{qualifier[:80]!r} (again=true, --again, where it has succeeded).",
            field="qualifier",
            value=qualifier[:80],
            redriven_as=shown,
        )

    async def _again(
        self, view: InvocationView, delay_seconds: float, qualifier: str
    ) -> tuple[int, bool]:
        callee = self._resolve(view.function, qualifier)  # an alias chooses again
        payload, content_type = await self._payload(view.id)
        firing = Firing(
            payload=payload,
            content_type=content_type,
            traceparent=view.meta.traceparent,
            source="redrive",
            redrive_of=format_id(view.id),
            lineage=view.meta.lineage,
            delay_seconds=delay_seconds,
            idempotency_key=f"redrive:{format_id(view.id)}",
            idempotency_seconds=self._history_seconds,
            fingerprint=b"redrive",
            payload_bytes_max=max(1, len(payload)),
        )
        accepted = await self._sources.accept_on(callee, firing)
        await self._store.mark_redriven([(view.id, accepted.id)])
        return accepted.id, accepted.duplicate

    async def _payload(self, id: int) -> tuple[bytes, str]:
        found = await self._store.payload(id)
        if found is None or (found[0].data is None and found[0].ref is None):
            raise Conflict(
                f"The payload of invocation {format_id(id)} is gone: its retention has ended.",
                field="retention.payload_days",
            )
        body, content_type = found
        if body.data is not None:
            return body.data, content_type
        assert body.ref is not None
        return await self._blobs.get(body.ref, body.digest), content_type

    async def dead_letters(
        self,
        filter: Filter,
        *,
        dry_run: bool = False,
        rate_per_second: float | None = None,
        limit: int = 1000,
        cursor: str | None = None,
        qualifier: str | None = None,
    ) -> RedriveReport:
        """Redrive the dead letters that `filter` means, at most `limit` of them. `qualifier`: as in
        `invocation`."""
        if rate_per_second is not None and not 0 < rate_per_second <= RATE_MAX:
            raise InvalidInput(
                f"rate_per_second: {rate_per_second:g} is out of range; above 0 to {RATE_MAX:g}.",
                field="rate_per_second",
                value=rate_per_second,
                limit=RATE_MAX,
            )
        if not 1 <= limit <= LIMIT_MAX:
            raise InvalidInput(
                f"limit: {limit} is out of range; 1 to {LIMIT_MAX}.", field="limit", value=limit
            )
        filter = replace(filter, dead=True)  # whatever the caller asked for: never a success
        report = RedriveReport(dry_run, cursor=cursor)
        while report.matched < limit:
            page = await self._store.invocations(
                filter, min(STEP, limit - report.matched), report.cursor
            )
            for row in page.items:
                delay = report.redriven / rate_per_second if rate_per_second else 0.0
                await self._one(row, report, delay, qualifier)
                report.matched += 1
            report.cursor = page.cursor
            if page.cursor is None:
                break
        if rate_per_second and report.redriven:
            report.seconds = (report.redriven - 1) / rate_per_second
        return report

    async def _one(
        self, row: InvocationRow, report: RedriveReport, delay: float, qualifier: str | None
    ) -> None:
        if row.redriven_as is not None:
            report.skipped += 1
            return
        shown = {"id": format_id(row.id), "function": row.function}
        try:
            if report.dry_run:
                self._foresee(row, qualifier)
            else:
                new_id, duplicate = await self.invocation(row.id, delay, qualifier=qualifier)
                if duplicate:
                    report.skipped += 1
                    return
                shown["redriven_as"] = format_id(new_id)
        except ThenceError as error:
            report.errors.append({**shown, "code": error.code, "detail": error.detail})
            return
        report.redriven += 1
        if len(report.invocations) < 100:
            report.invocations.append(shown)

    def _foresee(self, row: InvocationRow, qualifier: str | None) -> None:
        """Raises what running it again would meet at once: no function, a disabled one, no such
        version or alias. Whether its payload is still there only reading it can tell."""
        callee = self._resolve(row.function, qualifier or LATEST)
        callee.lane.family.check_enabled()

    async def delivery(self, id: int) -> bool:
        """Send a dead or stopped delivery again, without running the function again.

        Raises DeliveryNotFound, Conflict (it is pending or delivered)."""
        delivery = await self._store.delivery(id)
        if delivery is None:
            raise DeliveryNotFound(
                f"There is no delivery {format_id(id)}.", kind="delivery", name=format_id(id)
            )
        now = self._clock.now()
        if not await self._store.redrive_delivery(id, now):
            raise Conflict(
                f"Delivery {format_id(id)} is {delivery.state}; only a dead or stopped one can be "
                "sent again.",
                state=delivery.state,
            )
        self._deliver.note(delivery.receiver, now)
        self._events.changed()
        return True


__all__ = ["LIMIT_MAX", "Redrive", "RedriveReport"]
