"""`thence bench`: how fast this is on your machine, as ratios within one run.

    service.py  servers in fresh directories        load.py     the load generator
    settled.py  bare 202s; accepted, run, settled   latency.py  submit to start at a fixed rate
    backlog.py  a million waiting, and a restart    peer.py     the same work on Huey with SQLite
    usage.py    CPU and memory from /proc           table.py    the numbers to hold
    rounds.py   interleaved rounds, medians, JSON

Each measure starts its server in a fresh directory and ends it. Method: docs/performance.md.
"""

from __future__ import annotations

from pathlib import Path

NAMES = ("bare", "raw", "settled", "latency", "peer", "backlog")


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


def main(argv: list[str] | None = None) -> int:
    """`python -m thence.bench [--quick] [--profile] [--json FILE] [--only NAME …]`."""
    import argparse

    parser = argparse.ArgumentParser(prog="thence bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="less work, one round")
    parser.add_argument("--profile", action="store_true", help="also where the CPU went")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    parser.add_argument("--only", action="append", default=[], choices=NAMES, help="this measure")
    given = parser.parse_args(argv)
    return run(
        quick=given.quick, only=tuple(given.only), json_path=given.json, profile=given.profile
    )
