"""`thence bench`: handed to the measuring program, which reads its own arguments."""

from __future__ import annotations

import click


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(arguments: tuple[str, ...]) -> int:
    """Measure speed as ratios within one run.

    \b
    Example:
      thence bench --quick
      thence bench --help
    """
    from ..bench.main import main

    return main(list(arguments))
