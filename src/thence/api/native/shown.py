"""How invocations, attempts and deliveries are shown: ids as text, instants in ISO 8601 (UTC, ms)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ...catalog.destination import described
from ...catalog.kinds import decode_destination
from ...clock import iso
from ...engine.engine import Engine
from ...lifecycle.ids import format_id
from ...lifecycle.outcome import billed
from ...lifecycle.states import FINAL, WAITING
from ...store.records import (
    AttemptView,
    DeliveryView,
    InvocationRow,
    InvocationView,
)
from .accepting import AcceptedLinks


class ErrorShown(Struct):
    type: str
    message: str
    stack: str


class AttemptShown(Struct):
    """One attempt, counted from 1. `budget`: which of the three it was counted in (function_errors,
    platform_errors, losses). `billed`: it ran the function's code. `outcome` null: it is running.
    `started_at`: of one that runs, when it was taken; null where its code never began, and where that
    is not known (`outcome` lost). `duration_ms` is 0 then."""

    attempt: int
    outcome: str | None
    budget: str | None
    started_at: str | None
    ended_at: str | None
    duration_ms: float
    billed: bool
    error: ErrorShown | None
    retry_at: str | None
    log_bytes: int


class WhyShown(Struct):
    """Why it waits. `code`: delayed, backing_off, function_limit, node_limit, node_share,
    suspect, held_back, paused, disabled, draining, store, next."""

    code: str
    text: str
    until: str | None


class DeliveryAttemptShown(Struct):
    attempt: int
    started_at: str | None
    duration_ms: float
    status: int
    error: str


class DeliveryShown(Struct):
    """One record owed to a destination. `state`: pending, delivered, dead or stopped."""

    id: str
    invocation: str
    function: str
    destination: str
    condition: str
    state: str
    reason: str
    created_at: str | None
    next_attempt_at: str | None
    ended_at: str | None
    attempts_made: int
    attempts: list[DeliveryAttemptShown]


class SpentShown(Struct):
    """What is used of each budget: retries after function errors, platform errors in the present
    row, lost attempts."""

    retries: int
    platform_errors: int
    losses: int


class LineageShown(Struct):
    root: str
    hops: int
    path: list[str]


class InvocationShown(Struct, kw_only=True):
    """Everything about one invocation but its bodies. `qualifier`: what the call named. `version`:
    what runs it, in all its attempts."""

    id: str
    function: str
    qualifier: str
    version: str
    state: str
    reason: str | None
    accepted_at: str | None
    due_at: str | None
    expires_at: str | None
    ended_at: str | None
    attempts_made: int
    attempts: list[AttemptShown]
    next_attempt_at: str | None
    why: WhyShown | None
    deliveries: list[DeliveryShown]
    spent: SpentShown
    payload_bytes: int
    result_bytes: int | None
    content_type: str
    idempotency_key: str | None
    traceparent: str | None
    source: str | None
    redrive_of: str | None
    redriven_as: str | None
    lineage: LineageShown | None
    links: AcceptedLinks


class InvocationRowShown(Struct):
    id: str
    function: str
    state: str
    reason: str | None
    accepted_at: str | None
    due_at: str | None
    ended_at: str | None
    attempts_made: int
    redriven_as: str | None
    version: str


class InvocationPage(Struct):
    """`cursor` is null on the last page. A page may be short, even empty, and still have one."""

    items: list[InvocationRowShown]
    cursor: str | None


class DeliveryPage(Struct):
    items: list[DeliveryShown]
    cursor: str | None


def show_invocation(engine: Engine, view: InvocationView) -> InvocationShown:
    meta = view.meta
    id = format_id(view.id)
    why = engine.invocations.why(view)
    waiting = view.state in WAITING
    return InvocationShown(
        id=id,
        function=view.function,
        qualifier=view.qualifier,
        version=view.version,
        state=str(view.state),
        reason=_text(view.reason),
        accepted_at=iso(view.accepted_at),
        due_at=iso(view.due_at) if view.state not in FINAL else None,
        expires_at=iso(view.expires_at),
        ended_at=iso(view.ended_at),
        attempts_made=view.attempt,
        attempts=[show_attempt(attempt) for attempt in view.attempts],
        next_attempt_at=iso(view.due_at) if waiting and view.due_at < view.expires_at else None,
        why=None if why is None else WhyShown(why.code, why.text, iso(why.until)),
        deliveries=[show_delivery(engine, delivery) for delivery in view.deliveries],
        spent=SpentShown(
            view.spent.retries_used, view.spent.platform_tries, view.spent.losses_used
        ),
        payload_bytes=view.payload_bytes,
        result_bytes=view.result_bytes,
        content_type=meta.content_type,
        idempotency_key=meta.idempotency_key or None,
        traceparent=meta.traceparent or None,
        source=meta.source or None,
        redrive_of=meta.redrive_of or None,
        redriven_as=None if view.redriven_as is None else format_id(view.redriven_as),
        lineage=None
        if meta.lineage is None
        else LineageShown(meta.lineage.root, meta.lineage.hops, list(meta.lineage.path)),
        links=links(id),
    )


def links(id: str) -> AcceptedLinks:
    path = f"/v1/invocations/{id}"
    return AcceptedLinks(
        path,
        f"{path}?wait=30",
        f"{path}/payload",
        f"{path}/result",
        f"{path}/log",
        f"{path}/stop",
        f"/v1/events?invocation={id}",
    )


def show_attempt(view: AttemptView) -> AttemptShown:
    failed = bool(view.error_type or view.error_message or view.error_stack)
    return AttemptShown(
        view.attempt,
        _text(view.outcome),
        _text(view.budget),
        iso(view.started_at),
        iso(view.ended_at),
        view.duration_us / 1000,
        view.outcome is not None and billed(view.outcome),
        ErrorShown(view.error_type, view.error_message, view.error_stack) if failed else None,
        iso(view.retry_at),
        view.log_bytes,
    )


def show_delivery(engine: Engine, view: DeliveryView) -> DeliveryShown:
    found = engine.functions.named(view.function_id)
    return DeliveryShown(
        format_id(view.id),
        format_id(view.invocation_id),
        "" if found is None else found[0],
        described(decode_destination(view.destination)),
        view.condition,
        view.state,
        view.reason,
        iso(view.created_at),
        iso(view.due_at) if view.state == "pending" else None,
        iso(view.ended_at),
        view.attempts_made,
        [
            DeliveryAttemptShown(
                attempt.attempt,
                iso(attempt.started_at),
                attempt.duration_us / 1000,
                attempt.status,
                attempt.error,
            )
            for attempt in view.attempts
        ],
    )


def show_row(row: InvocationRow) -> InvocationRowShown:
    return InvocationRowShown(
        format_id(row.id),
        row.function,
        str(row.state),
        _text(row.reason),
        iso(row.accepted_at),
        iso(row.due_at) if row.state not in FINAL else None,
        iso(row.ended_at),
        row.attempt,
        None if row.redriven_as is None else format_id(row.redriven_as),
        row.version,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
