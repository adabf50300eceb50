"""A group of changes: one commit in the making, with what is called when it is made."""

from __future__ import annotations

import logging
from typing import Any

from ..errors import StoreUnavailable, ThenceError
from ..store.records import Batch
from .answer import Done

log = logging.getLogger("thence.writer")

FIELDS = (
    "accepts",
    "settles",
    "ends",
    "stops",
    "claims",
    "delivery_results",
    "delivery_claims",
    "mailbox",
)
KEPT = ("settles", "delivery_results")
"""What must not be lost: it is written when the store is back. All else is refused meanwhile."""


class Group:
    __slots__ = ("batch", "changes", "done", "size")

    def __init__(self) -> None:
        self.batch = Batch()
        self.changes: dict[str, list[Any]] = {field: getattr(self.batch, field) for field in FIELDS}
        self.done: dict[str, list[Done]] = {field: [] for field in FIELDS}
        self.size = 0

    def add(self, field: str, change: Any, done: Done) -> None:
        self.changes[field].append(change)
        self.done[field].append(done)
        self.size += 1

    def refuse(self, error: StoreUnavailable) -> Group:
        """Tell the askers of what may be refused; the rest."""
        kept = Group()
        for field in FIELDS:
            for change, done in zip(self.changes[field], self.done[field], strict=True):
                if field in KEPT:
                    kept.add(field, change, done)
                else:
                    tell(done, None, error.again())
        return kept

    def take(self, other: Group) -> None:
        """What is kept of another, behind its own."""
        for field in KEPT:
            for change, done in zip(other.changes[field], other.done[field], strict=True):
                self.add(field, change, done)

    def pieces(self, size_max: int) -> list[Group]:
        """What is kept, in groups of at most so many changes."""
        pieces = [Group()]
        for field in KEPT:
            for change, done in zip(self.changes[field], self.done[field], strict=True):
                if pieces[-1].size >= size_max:
                    pieces.append(Group())
                pieces[-1].add(field, change, done)
        return pieces

    def singles(self) -> list[Group]:
        """Each change in a group of its own."""
        singles = []
        for field in FIELDS:
            for change, done in zip(self.changes[field], self.done[field], strict=True):
                singles.append(Group())
                singles[-1].add(field, change, done)
        return singles


def tell(done: Done, answer: Any, error: ThenceError | None) -> None:
    try:
        done(answer, error)
    except Exception:
        # One asker's mistake must not keep the others from their answers.
        log.exception("a writer's callback failed")
