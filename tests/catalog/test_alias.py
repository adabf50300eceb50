"""Aliases: moved, shared, restricted to the versions that a function has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.catalog.alias import Alias, WrongShare, check_alias, moved, shares, within
from thence.errors import InvalidInput

LIVE = Alias("live", "1", {"2": 0.25}, "text", created_at=7)


def test_what_is_not_said_stays() -> None:
    assert moved(LIVE) == LIVE
    assert moved(LIVE, description="") == Alias("live", "1", {"2": 0.25}, "", created_at=7)
    assert moved(LIVE, weights={}).weights == {}


def test_a_share_ends_where_the_alias_moves_to_its_version() -> None:
    assert moved(LIVE, version="2") == Alias("live", "2", {}, "text", created_at=7)
    assert moved(LIVE, version="3").weights == {"2": 0.25}


def test_shares_that_are_said_are_taken_as_they_are() -> None:
    """Also where they are wrong: checks come after."""
    assert moved(LIVE, version="2", weights={"2": 1}).weights == {"2": 1}


def test_what_other_versions_got_goes_to_its_own_where_they_are_not_there() -> None:
    assert within(LIVE, {"1"}).weights == {}
    assert within(LIVE, {"1", "2"}) == LIVE


@pytest.mark.parametrize(
    ("asked", "more", "why", "version"),
    [
        ({"2": 0.1, "3": 0.1}, {}, "too_many", ""),
        ({"1": 0.1}, {}, "own", "1"),
        ({"latest": 0.1}, {"latest": False}, "latest", "latest"),
        ({"2": 1.1}, {}, "share", "2"),
        ({"2": -0.1}, {}, "share", "2"),
        ({"2": True}, {}, "share", "2"),
        ({"2": "1"}, {}, "share", "2"),
        ({"2": None}, {}, "share", "2"),
        ({"2": 0.5}, {"whole": 100}, "share", "2"),
        ({"2": 101}, {"whole": 100}, "share", "2"),
        ({"2": float("nan")}, {}, "share", "2"),
    ],
)
def test_what_is_no_share_is_told_apart(
    asked: dict[str, Any], more: dict[str, Any], why: str, version: str
) -> None:
    with pytest.raises(WrongShare) as refused:
        shares(asked, "1", others_max=1, **more)
    assert (refused.value.why, refused.value.version) == (why, version)


@given(st.integers(0, 100))
def test_percentages_and_shares_mean_the_same(percent: int) -> None:
    found = shares({"2": percent}, "1", others_max=1, whole=100)
    assert found == shares({"2": percent / 100}, "1", others_max=1)
    assert round(found["2"] * 100) == percent


@pytest.mark.parametrize(
    "alias",
    [
        Alias("a", "1", {"1": 0.5}),
        Alias("a", "1", {"2": 1.5}),
        Alias("a", "1", {"2": 0.6, "3": 0.6}),
        Alias("a", "1", {str(n): 0.01 for n in range(2, 23)}),
        Alias("a", "1", description="x" * 1025),
    ],
)
def test_an_alias_that_cannot_be_is_refused(alias: Alias) -> None:
    with pytest.raises(InvalidInput):
        check_alias(alias)


def test_tenths_that_add_up_to_one_are_not_too_much() -> None:
    check_alias(Alias("a", "1", {str(n): 0.1 for n in range(2, 12)}))
