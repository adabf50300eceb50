"""Prometheus' text of what grows with the functions, written a few functions at a time.

The text of ten thousand functions is 50 MB. It is written in a thread, which would keep the interpreter to
itself for as long as it may; so it takes a few functions, writes all their lines, and rests for a moment,
in which the event loop has its turn. Nothing but the text itself is kept of what was written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

FUNCTIONS_A_PIECE = 10  # some milliseconds
PAUSE_SECONDS = 0.0001


def rest() -> None:
    time.sleep(PAUSE_SECONDS)


class _One(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterator[Metric]:
        yield self._family


def write(pieces: Iterable[Iterable[Metric]], pause: Callable[[], None] = rest) -> bytes:
    """The text. pieces: each has families, the same ones again with other samples; `pause` is called
    behind each. The lines of a family come together, in the order of its first."""
    text: dict[str, list[bytes]] = {}
    for piece in pieces:
        for family in piece:
            lines = generate_latest(_One(family))
            known = text.get(family.name)
            if known is None:
                text[family.name] = [lines]
            elif family.samples:
                known.append(lines.split(b"\n", 2)[2])  # without HELP and TYPE
        pause()
    return b"".join(lines for known in text.values() for lines in known)
