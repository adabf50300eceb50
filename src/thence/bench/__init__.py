"""`thence bench`: how fast this is on your machine, as ratios within one run.

    service.py  servers in fresh directories        load.py     the load generator
    settled.py  bare 202s; run, settled, delivered  latency.py  submit to start at a fixed rate
    backlog.py  a million waiting, and a restart    peer.py     the same work on Huey with SQLite
    functions.py  one call each of many functions
    usage.py    CPU and memory from /proc           table.py    the numbers to hold
    rounds.py   interleaved rounds, medians, JSON    main.py     the command's arguments

Each measure starts its server in a fresh directory and ends it. Method: docs/performance.md.
"""

from __future__ import annotations

from pathlib import Path

NAMES = ("bare", "raw", "settled", "delivered", "latency", "functions", "peer", "backlog")


def run(
    *,
    quick: bool = False,
    only: tuple[str, ...] = (),
    json_path: Path | None = None,
    profile: bool = False,
) -> int:
    """See rounds.run; the exit status."""
    from . import rounds  # not before it is wanted: it loads the event loop and the tables

    return rounds.run(quick=quick, only=only, json_path=json_path, profile=profile)
