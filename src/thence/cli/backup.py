"""`thence backup`: a data directory copied as it is at one moment. restore.py brings it back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from ..settings import load
from .figures import ms_utc, size, span
from .options import as_json_option
from .output import print_facts, print_json, print_problems, say
from .progress import bar

PROBLEMS_SHOWN = 20

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="The data directory; otherwise as 'thence config --local' says.",
)


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@data_dir_option
@click.option(
    "--damaged",
    is_flag=True,
    help="Make a backup of a damaged data directory too, of all that can be read; the problems are "
    "noted in it.",
)
@as_json_option
def backup(directory: Path, data_dir: Path | None, damaged: bool, as_json: bool) -> int:
    """Back up a data directory as DIR, while a service uses it or not.

    The backup is of one moment: everything that was accepted before is in it, with functions' code,
    large bodies and mailboxes. It takes as long as copying the files does, however much is written
    meanwhile. It is checked, and readable by its owner only: it holds payloads and secrets.

    DIR must not exist. It is made under another name and renamed when it is whole, so that a backup
    that was cut off never looks like one. Run this as the service's user, on its machine.

    Settings and credentials (thence.toml, environment) are not in the data directory: keep them
    elsewhere.

    \b
    Example:
      thence backup /backups/thence-$(date +%F)
      thence backup /backups/now --data-dir /var/lib/thence --json
      thence verify --data-dir /backups/now       check it again, any time
      thence restore /backups/now --data-dir /var/lib/thence
    """
    from ..store.sqlite.backup import backup as make

    folder, began = folder_of(data_dir), time.monotonic()
    with progress() as phase:
        manifest = make(folder, directory, phase, damaged=damaged)
    print_manifest(manifest, {"backup": str(directory)}, began, as_json)
    if manifest.problems:
        say("It has problems: see 'problems' in its backup.json. Restore it with --damaged.")
    return 1 if manifest.problems else 0


def folder_of(data_dir: Path | None) -> Path:
    flags = {"data_dir": str(data_dir)} if data_dir is not None else {}
    return Path(load(flags=flags).data_dir)


def print_manifest(manifest: Any, where: dict[str, str], began: float, as_json: bool) -> None:
    facts: dict[str, Any] = msgspec.to_builtins(manifest)
    seconds = time.monotonic() - began
    if as_json:
        print_json(
            {name.replace(" ", "_"): path for name, path in where.items()}
            | {"seconds": round(seconds, 3)}
            | facts
        )
        return
    moment = ms_utc(facts["made_at"])
    print_facts(
        where
        | {
            "as of": moment,
            "store": size(facts["store_bytes"]),
            "bodies": f"{facts['blobs']} ({size(facts['blob_bytes'])})",
            "code archives": f"{facts['archives']} ({size(facts['archive_bytes'])})",
            "invocations": facts["invocations"],
            "waiting": facts["waiting"],
            "running": facts["running"],
            "problems": len(facts["problems"]) or None,
            "took": span(seconds),
        }
    )
    print_problems(facts["problems"], PROBLEMS_SHOWN)


@contextmanager
def progress() -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    """One bar after the other; each ends when the next begins."""
    with ExitStack() as stack:
        shown = stack.enter_context(ExitStack())

        def phase(what: str, total: int) -> Callable[[int], None]:
            shown.close()
            return shown.enter_context(bar(what, total or None, of_bytes=True))

        yield phase
