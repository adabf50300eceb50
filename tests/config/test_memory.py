"""After a rush the memory is given back; and nothing is done where there was none."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from thence.memory import GROWN_BYTES, LOOK_SECONDS, GiveBack

MIB = 1024 * 1024


async def test_memory_is_given_back_once_after_it_has_grown_by_much() -> None:
    now, given = 100 * MIB, 0

    def give() -> None:
        nonlocal now, given
        given += 1
        now -= 50 * MIB

    looked = GiveBack(lambda: now, give)
    for grown, expected in ((0, 0), (GROWN_BYTES, 0), (1, 1), (0, 1), (60 * MIB, 2), (1, 2)):
        now += grown
        assert await looked.once() == LOOK_SECONDS
        assert given == expected, grown


async def test_growth_that_is_in_use_is_looked_for_at_growing_distances() -> None:
    now, given = 100 * MIB, 0

    def give() -> None:
        nonlocal given
        given += 1

    looked = GiveBack(lambda: now, give)
    now += 500 * MIB
    times = []
    for look in range(1, 200):
        before = given
        await looked.once()
        if given > before:
            times.append(look)
    assert times == [1, 2, 4, 8, 16, 32, 64, 128, 192]  # never further apart than PAUSE_LOOKS_MAX
    now += GROWN_BYTES + 1  # more than that is no part of it
    await looked.once()
    assert given == len(times) + 1


async def test_a_rush_that_was_looked_at_while_it_lasted_is_given_back_when_it_is_over() -> None:
    base, rush, freed = 100 * MIB, 500 * MIB, False
    now = base

    def give() -> None:
        nonlocal now
        if freed:
            now = base

    looked = GiveBack(lambda: now, give)
    now += rush
    await looked.once()
    freed = True  # the C library keeps it: what is resident stays as it is
    await looked.once()
    assert now == base


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what was freed")
def test_what_was_freed_in_the_middle_goes_back_to_the_system() -> None:
    program = (
        "from thence.memory import resident_bytes, trim\n"
        "kept, freed = [], []\n"
        "for _ in range(2000):\n"
        "    freed.append(bytearray(60_000)); kept.append(bytearray(600))\n"
        "freed.clear(); before = resident_bytes(); trim()\n"
        "print(before - resident_bytes())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert int(told.stdout) > 50 * MIB, told.stderr
