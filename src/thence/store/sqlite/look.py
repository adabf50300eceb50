"""`thence verify` of a data directory that no service uses: the store, and the bodies and code that it
names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import StartupError, StoreMissing, StoreUnavailable
from ..driver import Phase, Wanted
from ..folder import STORE, DataFolder, check_restored
from . import files
from .alone import opened
from .store import SqliteStore
from .verify import verify


async def look(wanted: Wanted, phase: Phase) -> dict[str, Any]:
    """`{"problems": [sentences], …counts}`. Raises StartupError."""
    folder = wanted.folder
    path = folder / STORE
    check_restored(folder)
    if not path.exists():
        DataFolder(path).new("is missing")  # raises where a store was lost
        raise StoreMissing(
            f"{folder} is not a data directory: it has no {STORE}. Name one with --data-dir or "
            "THENCE_DATA_DIR.",
            path=str(path),
            setting="data_dir",
        )
    phase(f"Checking {folder}", 0)
    report = await _store(path)
    if not report["problems"]:
        report["problems"] = _files(folder, phase)
    return report


async def _store(path: Path) -> dict[str, Any]:
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


def _files(folder: Path, phase: Phase) -> list[str]:
    """What is wrong with bodies and code that the store names."""
    with opened(folder / STORE) as db:
        there = list(files.named(db))
    advance = phase("Checking bodies and code", sum(file.bytes for file in there))
    problems = []
    for file in there:
        problems.append(files.check(folder, file))
        advance(file.bytes)
    return [problem for problem in problems if problem]
