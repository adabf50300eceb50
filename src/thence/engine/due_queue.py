"""What is due when: the earliest instant of each key, and the keys whose instant has come.

A change costs the logarithm of the number of keys. A key's earlier entries are left where they are
and skipped when they come up; when they are the most, the heap is made anew, so that memory stays
that of the keys however often they change.
"""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

K = TypeVar("K")

_SMALL = 64


class DueQueue(Generic[K]):
    def __init__(self) -> None:
        self._at: dict[K, tuple[int, int]] = {}  # (when, number of its entry)
        self._heap: list[tuple[int, int, K]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, key: K) -> bool:
        return key in self._at

    def get(self, key: K) -> int | None:
        """When it is due (ms), if it is."""
        found = self._at.get(key)
        return None if found is None else found[0]

    def put(self, key: K, when: int) -> None:
        """It is due then, whatever was said before."""
        self._number += 1
        self._at[key] = (when, self._number)
        if len(self._heap) > 2 * len(self._at) + _SMALL:
            self._heap = [(at, number, key) for key, (at, number) in self._at.items()]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (when, self._number, key))

    def earlier(self, key: K, when: int) -> bool:
        """It is due then at the latest; whether that is news."""
        found = self._at.get(key)
        if found is not None and found[0] <= when:
            return False
        self.put(key, when)
        return True

    def drop(self, key: K) -> None:
        self._at.pop(key, None)

    def first(self) -> tuple[K, int] | None:
        """The key that is due first, and when."""
        while self._heap:
            when, number, key = self._heap[0]
            if self._at.get(key) == (when, number):
                return key, when
            heapq.heappop(self._heap)
        return None

    def pop_due(self, now: int) -> K | None:
        """The first key if its instant has come; it leaves. None: nothing is due."""
        found = self.first()
        if found is None or found[1] > now:
            return None
        heapq.heappop(self._heap)
        del self._at[found[0]]
        return found[0]

    def next(self) -> int | None:
        """The earliest instant."""
        found = self.first()
        return None if found is None else found[1]
