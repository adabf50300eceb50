"""Which invocations a list or a redrive means, in the words of the door."""

from __future__ import annotations

from ...engine.engine import Engine
from ...errors import FunctionNotFound, InvalidInput
from ...lifecycle.states import Reason, State
from ...store.records import Filter

STATES = tuple(str(state) for state in State)
REASONS = tuple(str(reason) for reason in Reason)


def family_id(engine: Engine, name: str | None) -> int | None:
    """The family of the function of that name, also of a deleted one whose invocations remain.
    Raises FunctionNotFound."""
    if name is None:
        return None
    try:
        return engine.functions.get(name).family
    except FunctionNotFound:
        # All are walked only here, where somebody asks for what is deployed no more.
        found = engine.functions.past(name)
        if not found:
            raise
        return max(found)


def make_filter(
    engine: Engine,
    *,
    function: str | None = None,
    states: frozenset[str] | None = None,
    reason: str | None = None,
    since: int | None = None,
    until: int | None = None,
    dead: bool = False,
    redriven: bool | None = None,
) -> Filter:
    """Raises FunctionNotFound, InvalidInput."""
    if since is not None and until is not None and since >= until:
        raise InvalidInput("since: it must be before `until`.", field="since")
    return Filter(
        family=family_id(engine, function),
        states=None if states is None else frozenset(State(state) for state in states),
        reason=reason,
        since=since,
        until=until,
        dead=dead,
        redriven=redriven,
    )
