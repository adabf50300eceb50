"""`thence config`: the settings of the service, or those that it would have here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from ..config import shown
from .client import Client
from .options import as_json_option, connected
from .output import print_json, print_table, say
from .serve import setting_flags, settings_of


@click.command()
@click.option("--local", is_flag=True, help="Those that 'thence serve' would have here and now.")
@as_json_option
@setting_flags
@connected
def config(client: Client, local: bool, as_json: bool, config: Path | None, **given: Any) -> None:
    """Show the settings of the service, without secrets.

    They are asked of the service that runs. With --local they are read as 'thence serve' would read
    them here and now: the file, the environment, the flags given to this command (which need
    --local). Those that are not as by default are marked with *.

    \b
    Example:
      thence config
      thence config --local --log-level debug
      THENCE_LOG_LEVEL=debug thence config --local --json
    """
    if not local and (config is not None or any(value is not None for value in given.values())):
        raise click.UsageError(
            "settings are given to 'thence serve'; with --local this shows what they would come to."
        )
    if local:
        from ..store.drivers import driver_of

        found = settings_of(config, given)
        driver_of(found.store)  # one that no driver takes is refused here as 'thence serve' does
        settings = msgspec.to_builtins(shown(found))
    else:
        settings = client.items("/v1/settings")
    if as_json:
        print_json({"items": settings})
        return
    print_table(
        ("", "setting", "value", "variable"),
        [
            (
                "" if setting["default"] else "*",
                setting["name"],
                _text(setting["value"]),
                setting["variable"],
            )
            for setting in settings
        ],
        "There are no settings.",
        optional=("variable",),
    )
    say("As they would be here." if local else f"Of the service at {client.url}.")


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, (list, tuple)) else str(value)
