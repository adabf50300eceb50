"""`thence serve`: run the service. Every setting is a flag."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..config import Setting
from ..settings import known_settings, load

F = TypeVar("F", bound=Callable[..., Any])


def _parameter(setting: Setting) -> str:
    return "setting_" + setting.name.replace(".", "__")


def setting_flags(command: F) -> F:
    """Adds a flag for each setting but secrets, which would show in process lists."""
    for setting in reversed(known_settings()):
        if setting.secret:
            continue
        flag = "--" + setting.name.replace(".", "-").replace("_", "-")
        command = click.option(
            flag,
            _parameter(setting),
            metavar=(setting.unit or "VALUE").upper(),
            help=f"{setting.description} [{setting.variable}; default: {setting.default_text}]",
        )(command)
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Settings file [THENCE_CONFIG; default: ./thence.toml where it exists].",
    )(command)


def settings_of(config: Path | None, given: dict[str, Any]) -> Any:
    """The settings in force: file < environment < the flags given here."""
    flags = {
        setting.name: given[_parameter(setting)]
        for setting in known_settings()
        if not setting.secret
    }
    return load(config=config, flags=flags)


@click.command()
@setting_flags
@click.option(
    "--fresh",
    is_flag=True,
    help="The store was lost: begin with an empty one in its place, once. Otherwise a data directory "
    "whose store is missing or empty is refused.",
)
def serve(config: Path | None, fresh: bool, **given: Any) -> int:
    """Run the service.

    It says 'listening on http://...' when it takes requests and runs until SIGTERM, SIGHUP or Ctrl-C,
    which drain it: nothing more is accepted, what runs may end within grace_seconds, all else waits on
    disk for the next start. Settings come from a file, the environment and flags; the later wins.

    \b
    Example:
      thence serve
      thence serve --data-dir /var/lib/thence --listen 127.0.0.1:8000 --log-level debug
    """
    settings = settings_of(config, given)
    from ..serve import run

    return run(settings, fresh=fresh)
