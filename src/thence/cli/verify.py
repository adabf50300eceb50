"""`thence verify`: the promises checked over a data directory that no service uses."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec

from ..errors import StartupError, StoreMissing, StoreUnavailable
from ..settings import load
from ..store.folder import MANIFEST, STORE, DataFolder, check_restored
from .figures import ms_utc
from .options import as_json_option
from .output import console, print_facts, print_json, print_problems
from .progress import bar


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
    folder = Path(load(flags=flags).data_dir)
    report = asyncio.run(check(folder))
    if as_json:
        print_json(report)
    else:
        _show(folder, report)
    return 1 if report["problems"] else 0


async def check(folder: Path) -> dict[str, Any]:
    """`{"problems": [sentences], …counts}` of a data directory or a backup. Raises StartupError."""
    path = folder / STORE
    if (folder / MANIFEST).exists():
        return _check_backup(folder)
    check_restored(folder)
    if not path.exists():
        DataFolder(path).new("is missing")  # raises where a store was lost
        raise StoreMissing(
            f"{folder} is not a data directory: it has no {STORE}. Name one with --data-dir or "
            "THENCE_DATA_DIR.",
            path=str(path),
            setting="data_dir",
        )
    with bar(f"Checking {folder}", None):
        report = await _check_store(path)
    if not report["problems"]:
        report["problems"] = _check_files(folder)
    return report


async def _check_store(path: Path) -> dict[str, Any]:
    from ..store.sqlite import SqliteStore
    from ..store.sqlite.alone import opened
    from ..store.sqlite.verify import verify

    store = SqliteStore(path, create=False)
    try:
        await store.open_to_look()
    except StoreUnavailable:
        with opened(path) as db:  # there may be no room to open it
            return verify(db)
    try:
        return await store.verify()
    except StoreUnavailable as error:
        raise StartupError(f"{path} cannot be read through now: {error.detail}") from error
    finally:
        await store.close()


def _check_files(folder: Path) -> list[str]:
    """What is wrong with bodies and code that the store names; nobody uses it."""
    from ..store.sqlite import files
    from ..store.sqlite.alone import opened

    with opened(folder / STORE) as db:
        there = list(files.named(db))
    total = sum(file.bytes for file in there)
    with bar("Checking bodies and code", total, of_bytes=True) as advance:
        problems = []
        for file in there:
            problems.append(files.check(folder, file))
            advance(file.bytes)
    return [problem for problem in problems if problem]


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
