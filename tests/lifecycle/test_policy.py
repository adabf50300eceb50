"""The arithmetic of waiting."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.lifecycle.policy import RetryWait

waits = st.builds(
    RetryWait,
    first_seconds=st.floats(0, 86_400),
    factor=st.floats(1, 10),
    cap_seconds=st.floats(0, 86_400),
    jitter=st.sampled_from(["none", "equal", "full"]),
)
retries = st.integers(1, 10**6)
randoms = st.floats(0, 1, exclude_max=True)


@given(waits, retries, randoms)
def test_a_wait_is_never_negative_nor_over_its_cap(
    wait: RetryWait, retry: int, random: float
) -> None:
    assert 0 <= wait.seconds(retry, random) <= wait.cap_seconds


@given(waits, retries, randoms)
def test_without_jitter_waits_never_shrink_and_chance_has_no_say(
    wait: RetryWait, retry: int, random: float
) -> None:
    plain = msgspec.structs.replace(wait, jitter="none")
    assert plain.seconds(retry, random) == plain.seconds(retry, 0)
    assert plain.seconds(retry + 1, 0) >= plain.seconds(retry, 0)


@given(waits, retries, randoms)
def test_equal_jitter_keeps_at_least_half_and_full_any_part(
    wait: RetryWait, retry: int, random: float
) -> None:
    whole = msgspec.structs.replace(wait, jitter="none").seconds(retry, 0)
    equal = msgspec.structs.replace(wait, jitter="equal").seconds(retry, random)
    full = msgspec.structs.replace(wait, jitter="full").seconds(retry, random)
    assert whole / 2 <= equal <= whole
    assert 0 <= full <= whole


def test_the_default_is_one_second_doubling_to_a_minute() -> None:
    plain = RetryWait(jitter="none")
    assert [plain.seconds(n, 0) for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(
    ("name", "value"),
    [("factor", 0.5), ("factor", 11), ("first_seconds", -1), ("cap_seconds", 86_401), ("jitter", "some"), ("caps", 1)],
)  # fmt: skip
def test_numbers_outside_their_limits_are_refused(name: str, value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({name: value}, type=RetryWait)
