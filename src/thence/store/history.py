"""What `verify` looks for in the journal: an invocation that went a way which is not in the table of
transitions (lifecycle/states.py)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from ..lifecycle.ids import format_id
from ..lifecycle.states import TRANSITIONS
from .records import JournalEntry

FOLLOWED_MAX = 200_000  # invocations whose last state is remembered; some 100 bytes each
_ALLOWED = {
    (before.value, after.value) for before, afters in TRANSITIONS.items() for after in afters
}


class History:
    """Follows the journal, entry by entry, from its beginning or from any place in it."""

    def __init__(self) -> None:
        # By invocation; the one that changed last is at the end. (A dict that loses its first again and
        # again takes longer each time to find the next.)
        self._last: OrderedDict[int, str] = OrderedDict()

    def forbidden(self, entry: JournalEntry) -> Iterator[str]:
        """A sentence about each transition of the entry that the table does not have. What an
        invocation was before the first that was followed is not known, and nothing is said of it."""
        last = self._last
        for transition in entry.transitions:
            if transition.delivery:
                continue
            before, after = last.pop(transition.id, None), transition.state
            if before is not None and (before, after) not in _ALLOWED:
                yield (
                    f"Invocation {format_id(transition.id)} went from {before} to {after} (journal "
                    f"entry {entry.seq}), which no invocation may."
                )
            last[transition.id] = after
            if len(last) > FOLLOWED_MAX:
                last.popitem(last=False)
