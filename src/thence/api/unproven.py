"""The bytes of all connections together that nobody vouches for yet, and their one bound.

What a stranger sends must not fill the memory: headers that have not ended, requests that wait behind
another of their connection, bodies whose signature can be judged only at their end. Each of them is
bounded alone; all together are by this. A request that is too much is answered 503, the others are
not touched.

Where no credentials are asked for (loopback only), nobody vouches for anything, and all bodies count.
"""

from __future__ import annotations

from ..errors import Overloaded, PayloadTooLarge


class Unproven:
    """Counts them. bytes_max: the bound. Whoever takes gives back."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes = 0
        self.refused = 0
        """How often the bound was met."""

    def take(self, count: int) -> None:
        """Raises Overloaded, and then nothing was taken."""
        if self.bytes + count <= self.bytes_max:
            self.bytes += count
            return
        self.refused += 1
        raise Overloaded(
            "More is being sent to this service than it keeps before it knows who asks "
            f"({self.bytes_max} bytes, limits.unproven_bytes_max). Try again later.",
            limit_bytes=self.bytes_max,
        )

    def give(self, count: int) -> None:
        self.bytes -= count

    def check(self, size: int) -> None:
        """Whether a body of that size may ever be kept. Raises PayloadTooLarge."""
        if size > self.bytes_max:
            raise PayloadTooLarge(
                f"The body is {size} bytes; at most {self.bytes_max} are kept before its signature "
                "is proven (limits.unproven_bytes_max).",
                limit_bytes=self.bytes_max,
            )
