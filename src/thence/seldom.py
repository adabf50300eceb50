"""One line of the log in so many seconds: for what fails again with every call."""

from __future__ import annotations

import time

SECONDS = 60.0
KEYS_MAX = 1000


class Seldom:
    """Of each key (a function, a kind of file) one in SECONDS."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def may_say(self, key: str = "") -> bool:
        """Whether it is time for a line; then it counts as said."""
        now = time.monotonic()
        said = self._said.get(key)
        if said is not None and now < said + SECONDS:
            return False
        if len(self._said) >= KEYS_MAX:
            self._said.clear()
        self._said[key] = now
        return True
