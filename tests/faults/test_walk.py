"""The engine against a small model: random walks by seed, in virtual time.

More walks: THENCE_WALKS=1000 pytest tests/faults. One again: THENCE_SEED=17 pytest tests/faults.
"""

from __future__ import annotations

import os

import pytest

from thence.store.sqlite import connection
from thence.testing import Service

from .changing import Changing
from .sqlite import Faults, FaultySqlite
from .walk import take

WALKS = int(os.environ.get("THENCE_WALKS", "40"))
ONE = os.environ.get("THENCE_SEED")
SEEDS = [int(ONE)] if ONE else list(range(WALKS))


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_walk_keeps_every_promise(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"THENCE_SEED={seed}")  # shown when it fails
    monkeypatch.setattr(connection, "sqlite3", FaultySqlite(Faults()))
    service = Service(
        seed=seed,
        ahead=seed % 3,
        instances_max=4 if seed % 2 else 1000,
        waiting_max=10_000,  # never reached; with it, what waits is counted from the start on
    )
    await take(service, seed, steps=40)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_walk_among_changes_keeps_every_promise_and_nothing_else(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"THENCE_SEED={seed}")
    monkeypatch.setattr(connection, "sqlite3", FaultySqlite(Faults()))
    service = Service(
        seed=seed,
        ahead=seed % 3,
        instances_max=(4, 1000, 2)[seed % 3],
        waiting_max=10_000,
    )
    await take(service, seed, 60, Changing)
