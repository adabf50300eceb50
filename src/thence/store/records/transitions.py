"""Committed changes, as the journal keeps them."""

from __future__ import annotations

from msgspec import Struct


class Transition(Struct, gc=False, array_like=True):
    """One committed change, as the journal keeps it."""

    at: int
    id: int
    function_id: int
    state: str  # a State, or "delivery:<state>"
    attempt: int
    reason: str = ""
    delivery: int = 0


class JournalEntry(Struct, gc=False):
    seq: int
    transitions: list[Transition]
