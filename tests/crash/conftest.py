"""A program in a fresh directory, ended whatever happens; a seed that is printed."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .program import Program


@pytest.fixture
def make_program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Programs on the test's data directory."""
    made: list[Program] = []

    def make(**settings: Any) -> Program:
        program = Program(tmp_path, **settings)
        made.append(program)
        return program

    yield make
    for program in made:
        try:
            program.kill()
        finally:
            # Where a test failed because processes stayed, they must not stay for ever.
            for pid in program.family():
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def seed() -> int:
    """Of the run's random choices: THENCE_CRASH_SEED repeats a run (as far as the machine does)."""
    seed = int(os.environ.get("THENCE_CRASH_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: repeat with THENCE_CRASH_SEED={seed}")
    return seed
