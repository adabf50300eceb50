"""Work on files that must not hold the event loop, done by threads beside it: each archive once, in the
order in which they were asked for. Who asks gets no answer now and comes again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

AT_ONCE_MAX = 2
THREAD = "unpack"  # the name of the threads


class Aside:
    """`work(digest)` may raise anything. What waits is bounded by the number of archives."""

    def __init__(self, work: Callable[[str], None]) -> None:
        self._work = work
        self._lock = threading.Lock()  # held for moments only
        self._waiting: deque[str] = deque()
        self._asked: set[str] = set()  # wait or are under way
        self._failed: dict[str, str] = {}  # told to who asks next
        self._threads = 0

    def ask(self, digest: str) -> str:
        """It is under way or waits for its turn, if need be from now on: who was told of a failure may
        come again late. What went wrong since it was asked for, told once; empty: nothing."""
        with self._lock:
            why = self._failed.pop(digest, "")
            if digest not in self._asked:
                self._asked.add(digest)
                self._waiting.append(digest)
            if self._threads == AT_ONCE_MAX or not self._waiting:
                return why
            self._threads += 1
        try:
            # As a daemon: a shutdown does not wait for it, and a sweep removes what it leaves.
            threading.Thread(target=self._until_done, name=THREAD, daemon=True).start()
        except RuntimeError as error:  # no thread is to be had
            with self._lock:  # it waits: who asks next tries again
                self._threads -= 1
            return why or str(error)
        return why

    def _until_done(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                digest = self._waiting.popleft()
            why = ""
            try:
                self._work(digest)
            except Exception as error:  # whatever it was, the next archive has its turn
                why = str(error) or type(error).__name__
            with self._lock:
                self._asked.discard(digest)
                if why:
                    self._failed[digest] = why
