"""Why an invocation waits: always answered, in one sentence (design §2, promise 6). Pure."""

from __future__ import annotations

from msgspec import Struct

from ..catalog.function import LATEST
from ..clock import iso
from ..lifecycle.outcome import Budget
from ..lifecycle.states import State
from ..runtimes.interface import Occupancy
from ..store.records import InvocationView
from .family import Family
from .lanes import Lane


class Why(Struct, frozen=True):
    code: str  # delayed, backing_off, disabled, function_limit, node_limit, node_share, suspect, held_back,
    # paused, draining, store, next
    text: str
    until: int | None = None


def why(
    view: InvocationView,
    *,
    now: int,
    slots_used: int,
    slots_allowed: int,
    room: int,
    held: int,
    held_back: bool,
    node: Occupancy,
    draining: bool,
    store_down: bool,
    family: Family[Lane],
    kept: bool = False,
    unwritten: int = 0,
) -> Why | None:
    """None unless it waits. `slots_*` (in use, its concurrency) and `room` are of its function on
    this node, now; `held` is what all versions of it hold of the `node`; `held_back`: a suspect has the node; `family` has the limit of all versions and the switch; `kept`: the next slot is for a suspect of it; `unwritten`: so many that have ended have its last slots."""
    if view.state is State.QUEUED and view.due_at > now:
        return Why("delayed", f"delayed until {iso(view.due_at)}", view.due_at)
    if view.state is State.RETRYING and view.due_at >= view.expires_at:
        return Why("backing_off", _no_more(view), view.expires_at)
    if view.state is State.RETRYING and view.due_at > now:
        return Why("backing_off", _backing_off(view), view.due_at)
    if view.state not in (State.QUEUED, State.RETRYING):
        return None
    if store_down:
        return Why("store", "the store cannot write now; it runs when the store is back")
    if draining:
        return Why("draining", "the node is shutting down; it runs after the restart")
    if family.disabled is not None:
        because = f": {family.disabled}" if family.disabled else ""
        return Why("disabled", f"function disabled{because}")
    if family.limit == 0:
        return Why("paused", "paused: the limit of all versions is 0")
    if slots_allowed == 0:
        return Why("paused", f"paused: {no_slots(view.version)}")
    if slots_used >= slots_allowed:
        return Why("function_limit", f"function limit {slots_used}/{slots_allowed}")
    if family.limit is not None and family.used >= family.limit:
        return Why("function_limit", f"limit of all versions {family.used}/{family.limit}")
    if view.spent.losses_used:
        return Why(
            "suspect",
            "its node was lost while it ran: it runs alone, when the turn of such is its own",
        )
    if held_back:
        return Why("held_back", "one that may have ended its node runs alone for a moment")
    if room <= 0 and unwritten:
        return Why(
            "function_limit",
            f"function limit: {unwritten} that have ended keep their slots until their large results are "
            "on disk",
        )
    if room <= 0 and kept:
        return Why(
            "function_limit", "the next slot of its function is kept for one whose node was lost"
        )
    if room <= 0 and held and node.in_use < node.instances_max:
        return Why(
            "node_share",
            f"the node keeps {node.kept_free} of its {node.instances_max} instances free for functions "
            f"that run nothing (runtime.kept_free_percent); this one holds {held}",
        )
    if room <= 0 and 0 < node.instances_max - node.in_use <= node.kept_short:
        return Why(
            "node_share",
            f"the node keeps {node.kept_short} of its {node.instances_max} instances free for functions "
            "that run nothing and whose runs take less than a second; those of this one are not known to",
        )
    if room <= 0:
        return Why("node_limit", "every instance of the node is taken (runtime.instances_max)")
    return Why("next", "about to be dispatched")


def no_slots(version: str) -> str:
    """Why nothing of that version runs, and what to do; a published one stays as it is."""
    if version != LATEST:
        return (
            f"the concurrency of version {version} is 0 and stays so: what waits of it never runs; publish "
            "another one and call that"
        )
    return "the function's concurrency is 0; deploy it with another (thence deploy --concurrency)"


def _no_more(view: InvocationView) -> str:
    until = iso(view.expires_at)
    return f"until its event age ends at {until}: no further attempt fits in{_after(view)}"


def _after(view: InvocationView) -> str:
    last = view.attempts[-1] if view.attempts else None
    return f" after {last.outcome}" if last is not None and last.outcome is not None else ""


def _backing_off(view: InvocationView) -> str:
    last = view.attempts[-1] if view.attempts else None
    after = _after(view)
    budget = last.budget if last is not None else None
    if budget is Budget.FUNCTION_ERRORS:
        after += f" (retry {view.spent.retries_used})"
    elif budget is Budget.PLATFORM_ERRORS:
        after += f" (platform error {view.spent.platform_tries}, not counted as a retry)"
    elif budget is Budget.LOSSES:
        after += f" (loss {view.spent.losses_used})"
    return f"backing off until {iso(view.due_at)}{after}"
