"""Retention, files and checks."""

from __future__ import annotations

from typing import Any, Protocol

from ..records import Tended


class House(Protocol):
    async def prune(
        self,
        *,
        history_before: int,
        payload_before: int,
        result_before: int,
        journal_before: int,
        minutes_before: int = 0,
        now: int,
        limit: int,
    ) -> tuple[int, list[str]]:
        """Delete what has outlived its retention, at most about `limit` rows: final invocations that
        ended before `history_before` and owe no delivery, bodies (only of final invocations that owe
        no delivery; captured output goes with the result), journal entries but the newest, counts
        of minutes that began before `minutes_before`, expired idempotency keys and mailbox messages,
        nodes that hold nothing. With its history an invocation leaves its function's list, and its
        caller id is free again.
        Returns (rows changed, refs of blobs now unused). 0: nothing was left to do."""
        ...

    async def tidy(self) -> int:
        """Give back to the disk what can be given without writing anything new. Returns how many
        bytes are free in the store itself, from deletions."""
        ...

    async def tend(self) -> Tended:
        """Look after the files; called every second. Where commits would not last any more because a
        file is gone, that is damage."""
        ...

    async def verify(self) -> dict[str, Any]:
        """Check the invariants of design §2 over the whole store; `{"problems": [sentences], …counts}`."""
        ...
