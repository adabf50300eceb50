"""The arguments of `thence bench`."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import NAMES, run


def main(argv: list[str] | None = None) -> int:
    """`thence bench [--quick] [--profile] [--json FILE] [--only NAME …]`; the exit status."""
    parser = argparse.ArgumentParser(
        prog="thence bench",
        description="Measure speed as ratios within one run (docs/performance.md).",
        epilog="Example:\n  thence bench --quick\n  thence bench --only settled --only latency",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="less work, one round, 100,000 waiting"
    )
    parser.add_argument("--profile", action="store_true", help="also where the CPU went")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number there")
    parser.add_argument("--only", action="append", default=[], choices=NAMES, help="this measure")
    given = parser.parse_args(argv)
    return run(
        quick=given.quick, only=tuple(given.only), json_path=given.json, profile=given.profile
    )
