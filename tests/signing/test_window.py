"""Dates in their three forms, the window around the clock, and each nonce once in bounded memory."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.signing import window as w
from thence.signing.window import Nonces, Window
from thence.testing.clock import VirtualClock

from .conftest import NOW, at, refusal

SECONDS = st.integers(0, 253_402_300_799)  # to the year 9999
FORMS = [
    (w.read_iso, w.write_iso, b"2026-11-22T14:54:13Z"),
    (w.read_basic, w.write_basic, b"20261122T145413Z"),
    (w.read_http, w.write_http, b"Sun, 22 Nov 2026 14:54:13 GMT"),
]


@pytest.mark.parametrize(("read", "write", "text"), FORMS)
def test_a_date_is_read_and_written_in_each_form(read, write, text):
    assert read(text) == NOW and write(NOW) == write(NOW + 999) == text


@pytest.mark.parametrize(("read", "write", "text"), FORMS)
@given(second=SECONDS)
def test_every_second_comes_back(read, write, text, second):
    assert read(write(second * 1000)) == second * 1000


@pytest.mark.parametrize(("read", "write", "text"), FORMS)
@pytest.mark.parametrize("change", [b" %s", b"%s ", b"%s\n", b"", b"0%s"])
def test_nothing_but_the_form_is_a_date(read, write, text, change):
    assert read(change % text if change else b"") is None
    assert all(other == read or other(text) is None for other, _, _ in FORMS)


@pytest.mark.parametrize(
    "text", [b"2026-02-29T00:00:00Z", b"0000-01-01T00:00:00Z", b"2026-01-01T24:00:00Z"]
)
def test_a_date_that_the_calendar_does_not_have_is_none(text):
    assert w.read_iso(text) is None


def test_digits_of_other_scripts_are_none():
    assert w.read_iso("２０２６-11-22T14:54:13Z".encode()) is None


@given(st.integers(-2_000_000, 2_000_000), st.integers(1, 1800))
def test_a_date_counts_while_it_is_within_the_window(skew_ms, seconds):
    window = at(NOW, seconds=seconds)
    if abs(skew_ms) <= seconds * 1000:
        window.check(NOW + skew_ms)
    else:
        assert refusal(window.check, NOW + skew_ms) == "date"


def test_a_refused_date_says_both_clocks_and_the_limit():
    with pytest.raises(Exception, match=r"14:54:13Z.*15:54:13Z.*900 seconds"):
        at(NOW + 3_600_000).check(NOW)


def test_an_expiry_beyond_all_calendars_is_an_expiry():
    at(NOW).check_expiry(10**15 * 1000)
    assert refusal(at(NOW).check_expiry, -(10**18)) == "date"


def test_a_nonce_is_refused_for_as_long_as_its_date_counts():
    nonces = Nonces(900, 100)
    signed_at = NOW + 900_000  # by a clock that is ahead as far as it may be
    expires_at = signed_at + 900_000
    assert nonces.take(b"a", expires_at, NOW)
    for now in (NOW, NOW + 900_000, expires_at - 1, expires_at):
        assert not nonces.take(b"a", expires_at, now)
        assert not nonces.take(b"a", expires_at + 5_000_000, now)


def test_nonces_are_forgotten_when_their_dates_do_not_count_any_more():
    nonces = Nonces(900, 100)
    for number in range(50):
        assert nonces.take(b"%d" % number, NOW + 900_000, NOW)
    assert len(nonces) == 50
    assert nonces.take(b"new", NOW + 1_900_000, NOW + 900_000 + 112_500)
    assert len(nonces) == 1


def test_a_nonce_is_one_of_its_access_key():
    window = at(NOW)
    window.take(b"a", b"n", NOW)
    window.take(b"b", b"n", NOW)
    assert refusal(window.take, b"a", b"n", NOW) == "replay"


async def test_a_nonce_is_refused_up_to_the_end_of_its_window():
    clock = VirtualClock(NOW)
    window = Window(clock)
    signed_at = NOW + 900_000
    window.take(b"a", b"n", signed_at)
    await clock.advance(1800)
    window.check(signed_at)
    assert refusal(window.take, b"a", b"n", signed_at) == "replay"


def test_above_the_limit_the_bucket_that_expires_first_is_forgotten_and_that_is_said(caplog):
    nonces = Nonces(800, 6)  # buckets of 100 s
    for number in range(3):
        nonces.take(b"early %d" % number, NOW + 500_000, NOW)
        nonces.take(b"late %d" % number, NOW + 800_000, NOW)
    with caplog.at_level(logging.WARNING, "thence.signing"):
        assert nonces.take(b"one more", NOW + 800_000, NOW)
    assert "3 nonces" in caplog.text and "6 are kept" in caplog.text
    assert len(nonces) == 4
    assert not nonces.take(b"late 0", NOW + 800_000, NOW)
    assert nonces.take(b"early 0", NOW + 500_000, NOW)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(-60, 60), st.integers(0, 5))))
def test_a_replay_in_the_window_is_never_taken_and_the_memory_is_bounded(steps):
    """Against a plain list of all that was ever taken."""
    window_ms, now = 60_000, NOW
    nonces = Nonces(60, 1000)
    taken: list[tuple[int, int]] = []
    for wait, skew, nonce in steps:
        now += wait * 100
        signed_at = now + skew * 1000
        counts = [at for item, at in taken if item == nonce and now <= at + window_ms]
        fresh = nonces.take(b"%d" % nonce, signed_at + window_ms, now)
        assert not (fresh and counts)
        if fresh:
            taken.append((nonce, signed_at))
        else:
            # Kept for at most one bucket longer than needed.
            assert any(item == nonce and now < at + window_ms + 7500 for item, at in taken)
    assert len(nonces) <= len(taken)


async def test_a_wall_clock_that_is_wrong_for_a_moment_makes_no_used_nonce_new():
    clock = VirtualClock(NOW)
    window = Window(clock)
    window.take(b"a", b"n", NOW)
    for wrong in (86_400.0, -7200.0, 0.0):
        clock.wall_ahead = wrong
        await clock.advance(30)
        window.take(b"a", b"meanwhile%d" % wrong, clock.wall())
    clock.wall_ahead = 0.0
    window.check(NOW)  # its date counts still
    assert refusal(window.take, b"a", b"n", NOW) == "replay"


async def test_nonces_are_forgotten_in_time_also_where_the_clock_is_corrected_often():
    clock = VirtualClock(NOW)
    window = Window(clock)
    for number in range(400):
        clock.wall_ahead = number * 0.5  # it gains
        await clock.advance(20)
        window.take(b"a", b"%d" % number, clock.wall())
    assert len(window.nonces) <= 2 * 900 // 20


async def test_a_clock_that_was_set_forward_and_stays_so_lets_nonces_be_forgotten():
    clock = VirtualClock(NOW)
    window = Window(clock)
    window.take(b"a", b"before", NOW)
    clock.wall_ahead = 86_400.0
    for number in range(200):
        await clock.advance(20)
        window.take(b"a", b"%d" % number, clock.wall())
    assert len(window.nonces) <= 2 * 900 // 20
