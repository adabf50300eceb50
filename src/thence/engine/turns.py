"""turns: which receiver may be tried next, and how often at once. Pure: no I/O, no clock.

A receiver that has something due takes its turn in a queue; each turn gives it a few attempts, then it
stands at the end again. Nothing here looks at all receivers: every step costs the same with ten of them and with ten thousand.

All attempts together have a bound, since each may hold a connection for its whole time limit. So that
those who do not answer never hold what the others need, the bound is shared by trust: what the
silent may hold together is a quarter, silent and unknown ones half, those and the slow ones three
quarters. Whoever answers promptly always finds a quarter free of all others. A receiver that does
not answer gets half as many attempts at once each time, down to one; an answer doubles them again.
"""

from __future__ import annotations

import heapq
from collections import deque
from enum import IntEnum

PROMPT_MS = 2000  # an answer within this keeps nobody waiting
SHARES = (1.0, 0.75, 0.5, 0.25)  # of all attempts: what those of this trust and of less may hold
CLAIM_MAX = 64  # deliveries of one turn: their records are read together


class Trust(IntEnum):
    """By its last attempt."""

    PROMPT = 0
    LATE = 1  # it answered, but slowly
    NEW = 2  # not tried yet, since it is in memory
    SILENT = 3  # no answer


class Receiver:
    """What is kept of one receiver while anything is owed to it."""

    __slots__ = ("claiming", "concurrency", "name", "next_due", "queued", "ready", "trust",
                 "under_way", "window")  # fmt: skip

    def __init__(self, name: str, concurrency: int, trust: Trust = Trust.NEW) -> None:
        self.name = name
        self.concurrency = concurrency
        self.window = concurrency  # attempts that it may have under way now
        self.trust = trust
        self.ready = False  # there may be deliveries that are due
        self.queued = False
        self.claiming = False
        self.under_way = 0
        self.next_due: int | None = None  # when it is looked at again

    def learn(self, answered: bool, took_ms: int) -> None:
        """Learn from an attempt."""
        if answered:
            self.trust = Trust.PROMPT if took_ms <= PROMPT_MS else Trust.LATE
            self.window = min(self.window * 2, self.concurrency)
        else:
            self.trust = Trust.SILENT
            self.window = max(1, self.window // 2)


class Turns:
    """attempts_max: under way at once, at all receivers together."""

    def __init__(self, attempts_max: int) -> None:
        self._caps = [max(1, int(attempts_max * share)) for share in SHARES]
        self._held = [0] * len(SHARES)
        self._queues: list[deque[Receiver]] = [deque() for _ in SHARES]
        self._turn = 0

    @property
    def held(self) -> int:
        """Attempts under way or being claimed."""
        return sum(self._held)

    def add(self, receiver: Receiver) -> None:
        """It takes its turn, if it has something to do and may do it."""
        if (
            receiver.ready
            and not receiver.queued
            and not receiver.claiming
            and receiver.under_way < receiver.window
        ):
            receiver.queued = True
            self._queues[receiver.trust].append(receiver)

    def next(self) -> tuple[Receiver, Trust, int] | None:
        """Whose turn it is, and for how many attempts, which are held from now on. None: nobody's."""
        for step in range(len(SHARES)):
            trust = Trust((self._turn + step) % len(SHARES))
            queue, room = self._queues[trust], self._room(trust)
            while queue and room > 0:
                receiver = queue.popleft()
                receiver.queued = False
                if receiver.trust is not trust:  # it was tried meanwhile: its turn is elsewhere
                    self.add(receiver)
                    continue
                # Whoever waits behind it gets something too.
                fair = max(1, room // (len(queue) + 1))
                number = min(receiver.window - receiver.under_way, fair, CLAIM_MAX)
                if number <= 0:
                    continue
                self._turn = trust + 1
                self._held[trust] += number
                return receiver, trust, number
        return None

    def release(self, trust: Trust, number: int) -> None:
        """So many attempts, held under that trust, are over or were not needed."""
        self._held[trust] -= number

    def _room(self, trust: Trust) -> int:
        return min(
            self._caps[better] - sum(self._held[better:]) for better in range(int(trust) + 1)
        )


class Waits:
    """When receivers are to be looked at again, the earliest first. A newer instant of a
    receiver makes its older one void; void ones are cleared away when they are most of what is kept."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Receiver]] = []
        self._number = 0
        self._live = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, receiver: Receiver, due_at: int) -> None:
        """Instead of any instant that it had."""
        if receiver.next_due is None:
            self._live += 1
        receiver.next_due = due_at
        self._number += 1
        heapq.heappush(self._heap, (due_at, self._number, receiver))
        if len(self._heap) > 4 * self._live + 64:
            # Every fourth put at most pays for one of these: constant for each.
            self._heap = [entry for entry in self._heap if entry[2].next_due == entry[0]]
            heapq.heapify(self._heap)

    def due(self, now: int) -> list[Receiver]:
        """Those whose instant has come; they have none any more."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            due_at, _, receiver = heapq.heappop(self._heap)
            if receiver.next_due == due_at:
                self.drop(receiver)
                found.append(receiver)
        return found

    def drop(self, receiver: Receiver) -> None:
        """It need not be looked at."""
        if receiver.next_due is not None:
            receiver.next_due = None
            self._live -= 1

    def earliest(self) -> int | None:
        """At or before the next instant that counts."""
        return self._heap[0][0] if self._heap else None
