"""What one commit changed: its transitions for the journal and its deltas for the counters."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .codes import DELIVERED, FAILED, INVALID, PENDING, STOPPED, SUCCEEDED
from .records import JournalEntry, Transition

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes, int, str, int, str, bytes | None]]).decode

# The counters in the order of what `Changes.counted` gives.
COUNTERS = (
    "accepted",
    "succeeded",
    "failed",
    "stopped",
    "expired",
    "invalid",
    "deliveries_pending",
    "deliveries_delivered",
    "deliveries_dead",
    "deliveries_stopped",
)
_ENDED = 1 - SUCCEEDED  # position of a final state's counter = its code + this
_DELIVERIES = 6 - PENDING
assert COUNTERS[_ENDED + FAILED] == "failed" and COUNTERS[_ENDED + INVALID] == "invalid"
assert COUNTERS[_ENDED + STOPPED] == "stopped"
assert COUNTERS[_DELIVERIES + DELIVERED] == "deliveries_delivered"


class Changes:
    """Gathers while a batch is applied; written once at its end."""

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self._deltas: dict[int, list[int]] = {}

    def accepted(self, function_id: int, number: int) -> None:
        self._row(function_id)[0] += number

    def ended(self, function_id: int, state: int, number: int = 1) -> None:
        """`state`: the code of a final state."""
        self._row(function_id)[_ENDED + state] += number

    def delivery(self, function_id: int, before: int | None, after: int) -> None:
        """A delivery came to be (`before` None) or changed its state (codes)."""
        row = self._row(function_id)
        row[_DELIVERIES + after] += 1
        if before is not None:
            row[_DELIVERIES + before] -= 1

    def _row(self, function_id: int) -> list[int]:
        row = self._deltas.get(function_id)
        if row is None:
            row = self._deltas[function_id] = [0] * len(COUNTERS)
        return row

    def counted(self) -> Iterator[tuple[int, list[int]]]:
        """Each function with what is to be added to its counters, in the order of COUNTERS."""
        yield from self._deltas.items()


def encode_transitions(transitions: list[Transition]) -> bytes:
    """msgpack has no integers over 64 bits: ids are 16 bytes."""
    return _encode(
        [
            (
                t.at,
                t.id.to_bytes(16, "big"),
                t.function_id,
                t.state,
                t.attempt,
                t.reason,
                t.delivery.to_bytes(16, "big") if t.delivery else None,
            )
            for t in transitions
        ]
    )


def decode_entry(seq: int, data: bytes) -> JournalEntry:
    """One row of the journal."""
    whole = int.from_bytes
    return JournalEntry(
        seq,
        [
            Transition(
                at, whole(id, "big"), function, state, attempt, reason,
                whole(delivery, "big") if delivery else 0,
            )
            for at, id, function, state, attempt, reason, delivery in _decode(data)
        ],
    )  # fmt: skip
