"""How deliveries ended, by function and minute: the last 24 hours, in memory."""

from __future__ import annotations

MINUTE_MS = 60_000
KEPT_MINUTES = 24 * 60
ENTRIES_MAX = 200_000  # of functions and minutes together; the oldest minutes go first


class Minutes:
    def __init__(self) -> None:
        self._minutes: dict[int, dict[str, list[int]]] = {}  # in the order of time
        self._entries = 0

    def count(self, now: int, function: str, *, delivered: bool) -> None:
        """One delivery of that function has ended."""
        minute = now // MINUTE_MS
        functions = self._minutes.get(minute)
        if functions is None:
            functions = self._minutes[minute] = {}
            self._trim(minute)
        counts = functions.get(function)
        if counts is None:
            counts = functions[function] = [0, 0]
            self._entries += 1
        counts[0 if delivered else 1] += 1

    def _trim(self, minute: int) -> None:
        for old in list(self._minutes):
            if old > minute - KEPT_MINUTES and self._entries <= ENTRIES_MAX:
                return
            if old != minute:
                self._entries -= len(self._minutes.pop(old))

    def read(
        self, function: str | None = None, since: int | None = None
    ) -> list[tuple[int, str, int, int]]:
        """(start of the minute in ms, function, delivered, dead), oldest minute first."""
        first = 0 if since is None else since // MINUTE_MS
        return [
            (minute * MINUTE_MS, name, good, bad)
            for minute, functions in self._minutes.items()
            if minute >= first
            for name, (good, bad) in sorted(functions.items())
            if function is None or name == function
        ]
