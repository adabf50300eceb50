"""Which invocations a list means."""

from __future__ import annotations

from msgspec import Struct

from ...lifecycle.states import State


class Filter(Struct, frozen=True):
    """Which invocations a list or a redrive means. Times are of accept, ms; None = any."""

    function_id: int | None = None
    states: frozenset[State] | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None
    dead: bool = False  # failed, expired, invalid, or stopped because its function was disabled
    redriven: bool | None = None  # dead letters: already redriven, or not yet
    family: int | None = None  # of any version of that function


class ListFilter(Struct, frozen=True):
    """Which invocations of a function's list (Batch.accepts with `listed_in`) are meant. Times are
    of accept, ms, both ends included; None or empty = any."""

    states: frozenset[State] | None = None
    qualifier: str | None = None
    caller_id_prefix: str = ""
    since: int | None = None
    until: int | None = None
