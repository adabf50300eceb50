"""Which measures run, how often, and in which order: rounds interleaved, medians reported.

Interleaved, because a machine changes while it is measured: what slows one measure of a round
slows its neighbours, and their ratio stays.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from .. import __version__
from . import NAMES
from .backlog import backlog
from .functions import functions
from .latency import latency
from .peer import missing, peer
from .service import ServerFailed
from .settled import bare, delivered, settled
from .table import judged, tables

ROUNDS = 3
ONCE = ("functions", "backlog")  # minutes each, and a ratio within themselves
Measures = dict[str, dict[str, float]]


class Sizes(msgspec.Struct, frozen=True):
    """How much each measure does."""

    bare: int = 40_000
    settled: int = 20_000
    latency_seconds: float = 10.0
    peer: int = 10_000
    waiting: int = 1_000_000
    functions: int = 10_000


QUICK = Sizes(
    bare=20_000, settled=10_000, latency_seconds=5.0, peer=3_000, waiting=100_000, functions=2_000
)


def run(
    *,
    quick: bool = False,
    only: tuple[str, ...] = (),
    json_path: Path | None = None,
    profile: bool = False,
    rounds: int = ROUNDS,
    console: Console | None = None,
) -> int:
    """Measure and print; 0 unless a measure failed or a number that must hold does not.

    quick: less work and a tenth of the backlog. only: names of measures (NAMES); empty is all.
    json_path: every round and the medians are written there. profile: where the CPU went.
    """
    console = console or Console(emoji=False)
    unknown = [name for name in only if name not in NAMES]
    if unknown:
        console.print(f"There is no measure {unknown[0]!r}; choose from {', '.join(NAMES)}.")
        return 2
    if not sys.platform.startswith("linux"):
        console.print("The benchmark reads CPU and memory from /proc: it runs on Linux only.")
        return 2
    wanted = only or NAMES
    why = missing()
    if "peer" in wanted and why is not None:
        console.print(f"peer skipped: {why}")
        wanted = tuple(name for name in wanted if name != "peer")
    sizes = QUICK if quick else Sizes()
    try:
        taken = _measure(wanted, sizes, 1 if quick else rounds, console)
    except (ServerFailed, OSError) as error:
        console.print(f"[red]The benchmark failed:[/red] {error}", soft_wrap=True)
        return 1
    medians = {name: _median(each) for name, each in taken.items()}
    medians["ratios"] = ratios(taken)
    rows = judged(medians)
    for table in tables(medians, rows, profile=profile):
        console.print(table)
    if json_path is not None:
        _write(json_path, medians, taken, rows, sizes)
    return 0 if all(row.held is not False for row in rows) else 1


def _measure(
    wanted: tuple[str, ...], sizes: Sizes, rounds: int, console: Console
) -> dict[str, list[dict[str, float]]]:
    taken: dict[str, list[dict[str, float]]] = {}
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("")

        def say(text: str) -> None:
            progress.update(bar, description=text)

        repeated = [name for name in NAMES if name in wanted and name not in ONCE]
        for number in range(rounds):
            # There and back: no measure always follows the same one.
            for name in repeated if number % 2 == 0 else reversed(repeated):
                say(f"round {number + 1} of {rounds}: {name}")
                result = _one(name, sizes, say)
                taken.setdefault(name, []).append(result)
                console.print(
                    f"round {number + 1} of {rounds}: {name}: {_short(result)}", soft_wrap=True
                )
        for name in ONCE:
            if name in wanted:
                taken[name] = [_one(name, sizes, say)]
                console.print(f"{name}: {_short(taken[name][0])}", soft_wrap=True)
    return taken


def _one(name: str, sizes: Sizes, say: Callable[[str], None]) -> dict[str, float]:
    if name in ("bare", "raw"):
        return bare("asgi" if name == "bare" else "raw", sizes.bare)
    if name == "settled":
        return settled(sizes.settled)
    if name == "delivered":
        return delivered(sizes.settled)
    if name == "latency":
        return latency(sizes.latency_seconds)
    if name == "functions":
        return functions(sizes.functions)
    if name == "peer":
        return peer(sizes.peer)
    return backlog(
        sizes.waiting, lambda done, of: say(f"backlog: {done:,} of {of:,} waiting invocations")
    )


def _short(result: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:,.4g}" for name, value in result.items())


def _median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def ratios(taken: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    """Run and settled per second over each other rate, and delivered over run and settled: the
    median of the rounds' own ratios. What
    stands in one round was measured within a minute, so a machine whose speed drifts between the
    rounds (shared ones do, by half) does not change them as it changes a ratio of two medians."""
    pairs = {
        "bare": ("settled", "bare"),
        "peer": ("settled", "peer"),
        "delivered": ("delivered", "settled"),
    }
    return {
        name: statistics.median(
            ours["per_second"] / theirs["per_second"]
            for ours, theirs in zip(taken[item], taken[other], strict=True)
        )
        for name, (item, other) in pairs.items()
        if item in taken and other in taken
    }


def _write(
    path: Path,
    medians: Measures,
    taken: dict[str, list[dict[str, float]]],
    rows: list[Any],
    sizes: Sizes,
) -> None:
    machine = {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "thence": __version__,
    }
    report = {
        "machine": machine,
        "sizes": sizes,
        "rows": rows,
        "medians": medians,
        "rounds": taken,
    }
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
