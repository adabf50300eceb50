"""The options that choose invocations in lists and redrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .options import function_names, not_empty, parse_instant, whole_function

F = TypeVar("F", bound=Callable[..., Any])


def filter_options(command: F) -> F:
    """Adds them; `filter_query` reads them."""
    for option in (
        click.option("--until", metavar="WHEN", help="Accepted before; as --since."),
        click.option(
            "--since", metavar="WHEN", help="Accepted after: 2h (ago), or an instant (UTC)."
        ),
        click.option(
            "--reason",
            metavar="REASON",
            callback=not_empty,
            help="Why it ended, such as retries_exhausted.",
        ),
        click.option(
            "--function",
            metavar="NAME",
            shell_complete=function_names,
            callback=whole_function,
            help="Of this function.",
        ),
    ):
        command = option(command)
    return command


def filter_query(given: dict[str, Any]) -> dict[str, Any]:
    """The options as the service takes them."""
    return {
        "function": given["function"],
        "reason": given["reason"],
        "since": parse_instant(given["since"], "--since"),
        "until": parse_instant(given["until"], "--until"),
    }
