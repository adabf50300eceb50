"""The benchmark's arithmetic and its load generator; no speed is tested."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from thence.bench import NAMES, peer, rounds
from thence.bench.load import Load, Refused, payload, percentile, request, run_loop
from thence.bench.rounds import ratios
from thence.bench.service import bare_server, running
from thence.bench.table import Row, judged
from thence.bench.usage import tree, usage

PERFORMANCE = Path(__file__).parents[2] / "docs" / "performance.md"


def test_payloads_are_json_of_the_size_asked_for_and_all_differ() -> None:
    made = [payload(seq) for seq in range(-300, 300)]
    assert {len(item) for item in made} == {1024}
    assert len({json.loads(item)["pad"] for item in made}) == len(made)


def test_a_percentile_is_a_value_of_the_sample() -> None:
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile([1, 2], 1.0) == 2


@pytest.mark.parametrize(
    ("value", "at_least", "held", "aimed"),
    [
        (0.2, True, False, False),
        (0.4, True, True, False),
        (0.7, True, True, True),
        (7.0, False, False, False),
        (0.5, False, True, True),
    ],
)
def test_a_row_holds_and_reaches_its_aim(
    value: float, at_least: bool, held: bool, aimed: bool
) -> None:
    hold, aim = (0.3, 0.6) if at_least else (6.0, 2.5)
    row = Row("row", value, "", hold, aim, at_least)
    assert (row.held, row.aimed) == (held, aimed)


def test_only_rows_whose_measures_were_taken_are_judged() -> None:
    bare = {"per_second": 20_000.0}
    rows = judged(
        {"settled": SETTLED, "bare": bare, "ratios": ratios({"settled": [SETTLED], "bare": [bare]})}
    )
    ratio = next(row for row in rows if row.hold == 0.35)
    assert ratio.value == 0.5
    assert not any("Huey" in row.name or "waiting" in row.name for row in rows)


SETTLED = {
    "per_second": 10_000.0,
    "accepted_per_second": 11_000.0,
    "cpu_us": 100.0,
    "generator_cpu_us": 30.0,
}


def test_the_load_generator_sends_every_request_once_and_counts_every_answer(
    tmp_path: Path,
) -> None:
    requests = [request("/v1/functions/f/invocations", payload(seq)) for seq in range(200)]
    with running(bare_server("asgi", tmp_path)) as server:

        async def closed_and_open() -> tuple[int, int, int]:
            async with Load(server.host, server.port, 8) as load:
                closed = await load.closed(requests, keep=True)
                opened = await load.open(requests[:20], 2000.0)
                return len(closed.bodies), len(opened.latencies), len(opened.sent)

        assert run_loop(closed_and_open()) == (200, 20, 20)
        assert usage(server.pid).node > 0
        assert tree(server.pid)[0] == server.pid


def test_an_answer_that_was_not_wanted_ends_the_load(tmp_path: Path) -> None:
    with running(bare_server("raw", tmp_path)) as server:

        async def wants_200() -> None:
            async with Load(server.host, server.port, 2) as load:
                await load.closed([request("/", b"{}")], ok=200)

        with pytest.raises(Refused, match="wanted 200, got 202"):
            run_loop(wants_200())


def test_an_unknown_measure_is_named_and_the_known_ones_listed() -> None:
    said = io.StringIO()
    assert rounds.run(only=("speed",), console=Console(file=said)) == 2
    assert "'speed'" in said.getvalue() and "backlog" in said.getvalue()


def test_a_peer_that_is_not_installed_is_skipped_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "huey", None)
    monkeypatch.setattr(peer.importlib.util, "find_spec", lambda _: None)
    said = io.StringIO()
    assert rounds.run(only=("peer",), console=Console(file=said, width=200)) == 0
    assert "make bench" in said.getvalue()


def test_the_document_names_every_measure_option_and_number_to_hold() -> None:
    text = PERFORMANCE.read_text("utf-8")
    for name in NAMES:
        assert f"`{name}`" in text
    for option in ("--quick", "--only", "--profile", "--json"):
        assert option in text
    for number in (
        "≥ 0.35",
        "≥ 0.5 |",
        "≥ 5.4",
        "≤ 2 ms",
        "≤ 6 ms",
        "≤ 200 µs",
        "≤ 1.5 ×",
        "≥ 0.9",
        "≤ 50 MiB",
        "≤ 2 s",
    ):
        assert number in text


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    ours = [{"per_second": rate} for rate in (3000.0, 6000.0, 9000.0)]
    theirs = [{"per_second": rate} for rate in (10_000.0, 24_000.0, 20_000.0)]
    assert ratios({"settled": ours, "bare": theirs}) == {"bare": 0.3}


def test_the_ratio_with_a_destination_is_delivered_over_settled() -> None:
    without = [{"per_second": 8000.0}, {"per_second": 5000.0}, {"per_second": 4000.0}]
    with_one = [{"per_second": 4000.0}, {"per_second": 2000.0}, {"per_second": 3000.0}]
    taken = {"settled": without, "delivered": with_one}
    assert ratios(taken) == {"delivered": 0.5}
    medians = {"settled": SETTLED, "delivered": with_one[0], "ratios": ratios(taken)}
    (row,) = [row for row in judged(medians) if "destination" in row.name]
    assert (row.value, row.hold, row.held) == (0.5, 0.5, True)


def test_the_ratio_of_many_functions_must_stay_below_one_and_a_half() -> None:
    for ratio, held in ((1.4, True), (1.6, False)):
        (row,) = judged({"functions": {"functions": 10_000.0, "cpu_ratio": ratio}})
        assert (row.value, row.held) == (ratio, held) and "10,000 functions" in row.name
