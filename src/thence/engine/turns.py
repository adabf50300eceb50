"""turns: which receiver may be tried next, and how often at once. Pure: no I/O, no clock.

A receiver (one key of deliveries) that has something due takes its turn in a queue; each turn gives
it a few tries, then it stands at the end again. Nothing here looks at all receivers: every step costs
the same with ten of them and with ten thousand.

All tries together have a bound, since each may hold a connection for its whole time limit. So that
those who do not answer never hold what the others need, the bound is shared by trust: what the
silent may hold together is a quarter, silent and unknown ones half, those and the slow ones three
quarters. Whoever answers promptly always finds a quarter free of all others. A receiver that does
not answer gets half as many tries at once each time, down to one; an answer doubles them again.
"""

from __future__ import annotations

import heapq
from collections import deque
from enum import IntEnum

PROMPT_MS = 2000  # an answer within this keeps nobody waiting
SHARES = (1.0, 0.75, 0.5, 0.25)  # of all tries: what those of this trust and of less may hold
CLAIM_MAX = 64  # deliveries of one turn: their records are read together


class Trust(IntEnum):
    """By its last try."""

    PROMPT = 0
    LATE = 1  # it answered, but slowly
    NEW = 2  # not tried yet, since it is in memory
    SILENT = 3  # no answer


class Key:
    """What is kept of one receiver while anything is owed to it."""

    __slots__ = ("claiming", "concurrency", "name", "next_due", "queued", "ready", "trust",
                 "under_way", "window")  # fmt: skip

    def __init__(self, name: str, concurrency: int, trust: Trust = Trust.NEW) -> None:
        self.name = name
        self.concurrency = concurrency
        self.window = concurrency  # tries that it may have under way now
        self.trust = trust
        self.ready = False  # there may be deliveries that are due
        self.queued = False
        self.claiming = False
        self.under_way = 0
        self.next_due: int | None = None  # when it is looked at again

    def tried(self, answered: bool, took_ms: int) -> None:
        """Learn from a try."""
        if answered:
            self.trust = Trust.PROMPT if took_ms <= PROMPT_MS else Trust.LATE
            self.window = min(self.window * 2, self.concurrency)
        else:
            self.trust = Trust.SILENT
            self.window = max(1, self.window // 2)


class Turns:
    """tries_max: under way at once, of all keys together."""

    def __init__(self, tries_max: int) -> None:
        self._caps = [max(1, int(tries_max * share)) for share in SHARES]
        self._held = [0] * len(SHARES)
        self._queues: list[deque[Key]] = [deque() for _ in SHARES]
        self._turn = 0

    @property
    def held(self) -> int:
        """Tries under way or being claimed."""
        return sum(self._held)

    def add(self, key: Key) -> None:
        """It takes its turn, if it has something to do and may do it."""
        if key.ready and not key.queued and not key.claiming and key.under_way < key.window:
            key.queued = True
            self._queues[key.trust].append(key)

    def next(self) -> tuple[Key, Trust, int] | None:
        """Whose turn it is, and for how many tries, which are held from now on. None: nobody's."""
        for step in range(len(SHARES)):
            trust = Trust((self._turn + step) % len(SHARES))
            queue, room = self._queues[trust], self._room(trust)
            while queue and room > 0:
                key = queue.popleft()
                key.queued = False
                if key.trust is not trust:  # it was tried meanwhile: its turn is elsewhere
                    self.add(key)
                    continue
                # Whoever waits behind it gets something too.
                fair = max(1, room // (len(queue) + 1))
                number = min(key.window - key.under_way, fair, CLAIM_MAX)
                if number <= 0:
                    continue
                self._turn = trust + 1
                self._held[trust] += number
                return key, trust, number
        return None

    def release(self, trust: Trust, number: int) -> None:
        """So many tries, held under that trust, are over or were not needed."""
        self._held[trust] -= number

    def _room(self, trust: Trust) -> int:
        return min(
            self._caps[better] - sum(self._held[better:]) for better in range(int(trust) + 1)
        )


class Waits:
    """When keys are to be looked at again, the earliest first. A key's newer instant makes the older
    one void; void ones are cleared away when they are most of what is kept."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Key]] = []
        self._number = 0
        self._live = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, key: Key, due_at: int) -> None:
        """Instead of any instant that it had."""
        if key.next_due is None:
            self._live += 1
        key.next_due = due_at
        self._number += 1
        heapq.heappush(self._heap, (due_at, self._number, key))
        if len(self._heap) > 4 * self._live + 64:
            # Every fourth put at most pays for one of these: constant for each.
            self._heap = [one for one in self._heap if one[2].next_due == one[0]]
            heapq.heapify(self._heap)

    def due(self, now: int) -> list[Key]:
        """Those whose instant has come; they have none any more."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            due_at, _, key = heapq.heappop(self._heap)
            if key.next_due == due_at:
                self.drop(key)
                found.append(key)
        return found

    def drop(self, key: Key) -> None:
        """It need not be looked at."""
        if key.next_due is not None:
            key.next_due = None
            self._live -= 1

    def earliest(self) -> int | None:
        """At or before the next instant that counts."""
        return self._heap[0][0] if self._heap else None
