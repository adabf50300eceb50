"""`thence restore`: a backup becomes a data directory."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .backup import data_dir_option, folder_of, print_manifest, progress
from .options import as_json_option
from .output import say


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@data_dir_option
@click.option("--damaged", is_flag=True, help="Restore a damaged backup too, all that can be read.")
@as_json_option
def restore(directory: Path, data_dir: Path | None, damaged: bool, as_json: bool) -> int:
    """Make an empty folder a data directory as the backup DIR has it.

    The folder of the settings (or --data-dir) must be empty or not exist: nothing is ever replaced.
    Stop the service first, and move its folder away. Everything is checked before the folder can be
    used; a backup that was cut off is refused.

    What waited or ran at the time of the backup runs after the next start, also what has run since:
    a restored store knows nothing of what came after it.

    \b
    Example:
      systemctl stop thence
      mv /var/lib/thence /var/lib/thence.old
      thence restore /backups/now --data-dir /var/lib/thence
      systemctl start thence
    """
    from ..store.sqlite.restore import restore as make

    folder, began = folder_of(data_dir), time.monotonic()
    with progress() as phase:
        manifest = make(directory, folder, phase, damaged=damaged)
    print_manifest(manifest, {"data directory": str(folder)}, began, as_json)
    live = manifest.waiting + manifest.running
    if live and not as_json:
        say(
            f"Waiting or running at that moment: {live}. They run after the next start, also those "
            "that have run since."
        )
    return 0
