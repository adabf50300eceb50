"""What was read of texts that come again and again, kept; and nothing else of what strangers send.

These texts are read before a signature is proven, and what is kept of them is in no count of bytes. So few
are kept, and none that is longer than those that clients send: a long one is read anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

T = TypeVar("T")

KEPT_MAX = 256


def kept(bytes_max: int) -> Callable[[Callable[[bytes], T]], Callable[[bytes], T]]:
    """The last KEPT_MAX answers are remembered, of texts of at most `bytes_max` bytes."""

    def keeping(read: Callable[[bytes], T]) -> Callable[[bytes], T]:
        known = lru_cache(KEPT_MAX)(read)

        @wraps(read)
        def answer(text: bytes) -> T:
            return known(text) if len(text) <= bytes_max else read(text)

        return answer

    return keeping
