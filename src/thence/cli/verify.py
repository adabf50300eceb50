"""`thence verify`: the promises checked over a data directory that no service uses."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec

from ..settings import Settings, load
from ..store.folder import MANIFEST
from .figures import ms_utc
from .options import as_json_option
from .output import console, print_facts, print_json, print_problems

DEFAULT = Settings().store


@click.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Otherwise as 'thence config --local'."
)
@as_json_option
def verify(data_dir: Path | None, as_json: bool) -> int:
    """Check a data directory while no service uses it, or a backup.

    Every accepted invocation has exactly one state, nothing is missing from the counters, what is
    owed at the end was written with the end, and bodies and code are there as they were written.
    A backup is only read. Status 0: clean; 1: problems, each in a sentence; 2: it cannot be opened
    (in use, damaged, of a newer version, no store).

    \b
    Example:
      thence verify
      thence verify --data-dir /var/lib/thence --json
    """
    flags = {"data_dir": str(data_dir)} if data_dir is not None else {}
    settings = load(flags=flags)
    folder = Path(settings.data_dir)
    report = asyncio.run(check(folder, settings.store))
    if as_json:
        print_json(report)
    else:
        _show(folder, report)
    return 1 if report["problems"] else 0


async def check(folder: Path, setting: str = DEFAULT) -> dict[str, Any]:
    """`{"problems": [sentences], …counts}` of a data directory or a backup. `setting`: which store it is.
    Raises StartupError."""
    from ..store.driver import Wanted
    from ..store.drivers import driver_of
    from .backup import progress

    if (folder / MANIFEST).exists():
        return _check_backup(folder)
    with progress() as phase:
        return await driver_of(setting).verify(Wanted(setting, folder), phase)


def _check_backup(folder: Path) -> dict[str, Any]:
    from ..store.sqlite.restore import check as check_backup
    from .backup import progress

    with progress() as phase:
        manifest, problems = check_backup(folder, phase)
    known = set(manifest.problems)
    found = manifest.problems + [problem for problem in problems if problem not in known]
    return {"problems": found} | {
        name: value for name, value in msgspec.to_builtins(manifest).items() if name != "problems"
    }


def _show(folder: Path, report: dict[str, Any]) -> None:
    problems = report["problems"]
    facts = {
        name.replace("_", " "): value
        for name, value in report.items()
        if isinstance(value, (int, str)) and not isinstance(value, bool)
    }
    if "made at" in facts:
        facts["made at"] = ms_utc(report["made_at"])
    print_facts({"data directory": str(folder), **facts})
    if not problems:
        console().print("Clean: every promise holds.", style="green")
    print_problems(problems)
