"""Whatever may run begins within a bound, without the help of a timer: walks by seed.

More walks: THENCE_WALKS=1000 pytest tests/engine/test_starting.py. One again: THENCE_SEED=17.
"""

from __future__ import annotations

import os

import pytest

from thence.engine import large_results

from .starting import Starting
from .starting_large import LARGE, StartingLarge

WALKS = int(os.environ.get("THENCE_WALKS", "12"))
ONE = os.environ.get("THENCE_SEED")
SEEDS = [int(ONE)] if ONE else list(range(WALKS))


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_may_run_begins_within_a_bound_and_nothing_is_left(seed: int) -> None:
    print(f"THENCE_SEED={seed}")  # shown when it fails
    await Starting(seed).walk(40)


@pytest.mark.parametrize("seed", SEEDS)
async def test_large_results_keep_nobody_from_beginning_but_their_own_function(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"THENCE_SEED={seed}")  # shown when it fails
    few = seed % 3 == 0
    if few:
        monkeypatch.setattr(large_results, "KEPT_BYTES_MAX", 5 * len(LARGE))
    await StartingLarge(seed, few).walk(40)
