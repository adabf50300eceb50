"""What the limit of open files is enough for, and that it is raised as far as it goes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence import descriptors
from thence.descriptors import (
    ATTEMPT_DESCRIPTORS,
    INSTANCE_DESCRIPTORS,
    OWN_DESCRIPTORS,
    OWN_DESCRIPTORS_MIN,
    RESERVED_CONNECTIONS,
    shares,
)

COUNTS = st.integers(1, 100_000)


@given(st.integers(64, 1 << 20), COUNTS, COUNTS, COUNTS)
def test_all_shares_together_are_never_more_than_there_is(
    limit: int, connections: int, instances: int, tries: int
) -> None:
    found = shares(limit, connections=connections, instances=instances, attempts=tries)
    taken = (
        found.connections
        + found.instances * INSTANCE_DESCRIPTORS
        + found.attempts * ATTEMPT_DESCRIPTORS
    )
    own = max(OWN_DESCRIPTORS_MIN, min(OWN_DESCRIPTORS, limit // 4))
    assert taken + RESERVED_CONNECTIONS + own <= limit
    assert 1 <= found.connections <= connections and 1 <= found.instances <= instances
    assert 1 <= found.attempts <= tries
    assert bool(found.lowered) == (found.connections < connections or found.instances < instances)


def test_a_setting_that_cannot_be_met_is_said_with_what_to_do() -> None:
    found = shares(1024, connections=10_000, instances=1000)
    assert len(found.lowered) == 2
    assert found.lowered[0].startswith("runtime.instances_max = 1000 cannot be met: 1024 files")
    assert "limits.connections_max = 10000" in found.lowered[1]
    assert all("LimitNOFILE" in item for item in found.lowered)
    assert shares(20_000, connections=10_000, instances=16).lowered == ()


@pytest.mark.parametrize(("soft", "hard"), [(64, 128), (128, 128)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int, hard: int) -> None:
    program = (
        "import resource; from thence import descriptors;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
        "print(descriptors.raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == [str(hard)] * 3


def test_what_there_is_now_is_told() -> None:
    assert descriptors.limit() > 0
