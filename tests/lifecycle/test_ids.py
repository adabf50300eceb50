"""Ids are UUIDv7, grow strictly, and can be read back."""

from __future__ import annotations

import itertools
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.lifecycle.ids import IdSource, format_id, id_floor, id_millis, parse_id

millis = st.integers(0, (1 << 47) - 1)


@given(st.lists(millis, min_size=1, max_size=50), st.integers(0, 2**32))
def test_ids_grow_whatever_the_clock_does(clock: list[int], seed: int) -> None:
    source = IdSource(random.Random(seed))
    made = [source.next(now) for now in clock]
    tops = [value >> 64 for value in made]
    assert all(a < b for a, b in itertools.pairwise(tops))
    for value in made:
        text = format_id(value)
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
        assert parsed.int == value == parse_id(text)


@given(millis)
def test_an_id_holds_its_millisecond_and_comes_after_the_floor_of_it(now: int) -> None:
    value = IdSource(random.Random(1)).next(now)
    if now:  # at the very first millisecond of all the counter starts at 1
        assert id_millis(value) == now
    assert id_floor(now) <= value < id_floor(now + 1)


def test_more_than_4096_ids_in_a_millisecond_run_over_into_the_next() -> None:
    source = IdSource(random.Random(1))
    made = [source.next(1000) for _ in range(10_000)]
    assert made == sorted(set(made))
    assert id_millis(made[-1]) == 1002


@given(millis, st.integers(0, 10**6))
def test_a_clock_set_back_repeats_no_id_of_the_store(now: int, back: int) -> None:
    highest = IdSource(random.Random(1)).next(now)
    again = IdSource(random.Random(2), floor=highest)
    assert again.next(max(0, now - back)) >> 64 > highest >> 64


@given(st.text(max_size=40))
def test_any_text_is_an_id_or_none(text: str) -> None:
    value = parse_id(text)
    assert value is None or format_id(value) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "018f0000-0000-4000-8000-000000000001",  # version 4
        "018f0000-0000-7000-c000-000000000001",  # another variant
        "018F0000-0000-7000-8000-000000000001",  # capitals
        "018f0000-0000-7000-8000-000000000001\n",
        "018f0000000070008000000000000001",
    ],
)
def test_texts_that_are_nearly_ids_are_none(text: str) -> None:
    assert parse_id(text) is None


def test_an_id_of_a_time_that_no_store_can_keep_is_none_of_ours() -> None:
    assert parse_id("7fffffff-ffff-7fff-bfff-ffffffffffff") is not None
    assert parse_id("80000000-0000-7000-8000-000000000000") is None
    assert parse_id("ffffffff-ffff-7fff-bfff-ffffffffffff") is None
