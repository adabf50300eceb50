"""What verbs tell verbs that are built after them: the few arrows that point back.

accept and dispatch begin runs, whose ends give dispatch its next slot. A function that is deleted leaves
a lane, and the catalogue is told when that may be forgotten; what was given more room begins. A delivery may be a call of a function.
Such circles are closed here, once, by wiring.py; everything else is handed to constructors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..store.records import Accepted, Claimed
from .family import Family
from .lanes import Lane


class Flow:
    """Built first and completed once. Before that nothing may be told (AttributeError)."""

    __slots__ = ("accept", "begin", "controlled", "deleted", "grown")

    begin: Callable[[Lane, Claimed], None]
    """Hands a committed claim to the runtime."""
    deleted: Callable[[Lane], None]
    """A function or a version was deleted: what waits for it ends."""
    grown: Callable[[Lane], None]
    """More of it may run at once than before: what waits of it may begin."""
    controlled: Callable[[Family[Lane]], None]
    """Another limit or switch counts for that function."""
    accept: Callable[..., Awaitable[Accepted]]
    """Sources.accept."""

    def complete(
        self,
        *,
        begin: Callable[[Lane, Claimed], None],
        deleted: Callable[[Lane], None],
        grown: Callable[[Lane], None],
        controlled: Callable[[Family[Lane]], None],
        accept: Callable[..., Awaitable[Accepted]],
    ) -> None:
        assert not hasattr(self, "begin"), "it is complete already"
        self.begin, self.deleted, self.accept = begin, deleted, accept
        self.grown, self.controlled = grown, controlled
