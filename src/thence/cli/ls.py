"""`thence ls`: invocations, or functions."""

from __future__ import annotations

from typing import Any

import click

from ..lifecycle.states import State
from .client import Client
from .filters import filter_options, filter_query
from .function import list_functions
from .invocation_text import print_invocations
from .options import as_json_option, connected, limit_option
from .output import print_json, say_where_it_ends

STATES = [str(state) for state in State]


@click.command()
@click.argument("what", type=click.Choice(["invocations", "functions"]), default="invocations")
@filter_options
@click.option("--state", type=click.Choice(STATES), multiple=True, help="May be repeated.")
@limit_option
@as_json_option
@connected
def ls(
    client: Client, what: str, state: tuple[str, ...], limit: int, as_json: bool, **given: Any
) -> None:
    """List invocations or functions.

    \b
    Example:
      thence ls --function unzip --state failed --since 2h
      thence ls --json | jq -r '.items[].id'
      thence ls functions
    """
    if what == "functions":
        if state or any(value is not None for value in given.values()):
            raise click.UsageError(
                "--function, --state, --reason, --since and --until choose "
                "invocations; functions are listed all."
            )
        list_functions(client, limit, as_json)
        return
    query = {**filter_query(given), "state": ",".join(state)}
    invocations = list(client.pages("/v1/invocations", query, limit))
    if as_json:
        print_json({"items": invocations})
    else:
        print_invocations(invocations, "There are no such invocations.")
    say_where_it_ends(invocations, limit)
