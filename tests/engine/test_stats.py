"""Numbers by name: the rows of one name are one line."""

from __future__ import annotations

from msgspec.structs import fields

from thence.engine.stats import sum_up
from thence.store.records import FunctionCounts


def test_the_rows_of_a_name_are_one_line_with_every_number_summed() -> None:
    numbers = [f.name for f in fields(FunctionCounts) if f.type is int and f.name != "function_id"]
    assert len(numbers) >= 12
    rows = [
        FunctionCounts(7, "f", oldest_due_at=90, **dict.fromkeys(numbers, 1)),
        FunctionCounts(3, "g", **dict.fromkeys(numbers, 10)),
        FunctionCounts(9, "f", oldest_due_at=50, **dict.fromkeys(numbers, 100)),
        FunctionCounts(11, "f", **dict.fromkeys(numbers, 1000)),
    ]
    stats = sum_up(rows)
    assert stats.functions == [
        FunctionCounts(7, "f", oldest_due_at=50, **dict.fromkeys(numbers, 1101)),
        FunctionCounts(3, "g", **dict.fromkeys(numbers, 10)),
    ]
    assert (stats.accepted, stats.waiting, stats.oldest_due_at) == (1111, 1111, 50)


def test_nothing_missing_is_a_difference_of_0() -> None:
    rows = [
        FunctionCounts(1, "f", waiting=1, running=2, accepted=9, succeeded=3, expired=3),
        FunctionCounts(2, "f", accepted=4, failed=1, stopped=1, invalid=2),
    ]
    assert sum_up(rows).conservation_difference == 0
    rows[0].accepted += 1
    assert sum_up(rows).conservation_difference == 1
    assert sum_up([]).functions == []
