"""`thence demo`: a service is started, used, killed, started again, and its promises are checked.

scenario.py  what is deployed and sent      archives.py, functions/  the real input
service.py   the process                    receiver.py              a webhook receiver
screen.py    the live picture               promises.py              the checks
report.py    what happened, in tables       play.py                  the course of it all
"""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option("--keep", is_flag=True, help="Keep the data directory, to look at it afterwards.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Work in this new folder instead of a temporary one; implies --keep.",
)
def demo(keep: bool, data_dir: Path | None) -> int:
    """Start a service and watch it keep its promises.

    It starts 'thence serve' on a free port with a folder of its own, deploys four functions, sends
    real ZIP archives (one of them corrupt), a function that fails twice and one that never
    succeeds, kills the service with -9 in the middle and starts it again. Status 0 only if every
    promise held. Nothing stays behind.

    \b
    Example:
      thence demo
      thence demo --data-dir /tmp/thence-demo
    """
    from .play import play

    return play(keep or data_dir is not None, data_dir)
