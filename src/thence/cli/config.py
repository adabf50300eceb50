"""`thence config`: the settings in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..config import known_settings
from .options import as_json_option
from .output import print_json, print_table
from .serve import setting_flags, settings_of


@click.command()
@as_json_option
@setting_flags
def config(as_json: bool, config: Path | None, **given: Any) -> None:
    """Show the settings in force, without secrets.

    They are read as 'thence serve' would read them here and now: the file, the environment, the
    flags given to this command. Those that are not as by default are marked with *.

    \b
    Example:
      thence config
      THENCE_LOG_LEVEL=debug thence config --json
    """
    shown = settings_of(config, given).redacted()
    if as_json:
        print_json(shown)
        return
    rows = []
    for setting in known_settings():
        section, _, name = setting.name.rpartition(".")
        value = (shown[section] if section else shown)[name]
        default = "" if setting.secret else setting.default
        text = ",".join(value) if isinstance(value, (list, tuple)) else value
        rows.append(("" if value == default else "*", setting.name, str(text), setting.variable))
    print_table(
        ("", "setting", "value", "variable"), rows, "There are no settings.", optional=("variable",)
    )
