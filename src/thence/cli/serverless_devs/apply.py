"""Making the changes of plans: first what others may point at, then what points at it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

from msgspec import Struct

from .fc_client import FcClient, Refused
from .plan import Change, Plan

ORDER = ("service", "function", "tags", "concurrency", "async config", "trigger")


class Done(Struct):
    """What became of one change. `refusal`: the service's sentence; empty: it is made."""

    change: Change
    refusal: str = ""


def apply(
    plans: Sequence[Plan],
    client_of: Callable[[Plan], FcClient],
    tell: Callable[[Done], None],
) -> list[Done]:
    """Make all changes; those that depend on a refused one are not tried. A destination may be a
    function of the same file, so all functions come before the first configuration."""
    done: list[Done] = []
    broken = {number for number, plan in enumerate(plans) if plan.resource.problems}
    for what in ORDER:
        for number, plan in enumerate(plans):
            for change in plan.changes:
                if change.what != what or change.kind == "same":
                    continue
                outcome = _outcome(change, plan, client_of(plan), number in broken)
                if outcome.refusal and what in ("service", "function"):
                    broken.add(number)
                done.append(outcome)
                tell(outcome)
    return done


def _outcome(change: Change, plan: Plan, client: FcClient, broken: bool) -> Done:
    if plan.resource.problems:
        return Done(change, "not deployed: the file has mistakes in this resource")
    if broken:
        return Done(change, "left out: what it belongs to was refused")
    return _make(change, client)


def _make(change: Change, client: FcClient) -> Done:
    body = change.body
    if change.archive is not None:
        body = {**body, "code": {"zipFile": base64.b64encode(change.archive.data).decode()}}
    try:
        client.ask(change.method, change.path, body, **change.query)
    except Refused as refused:
        return Done(change, str(refused))
    return Done(change)
