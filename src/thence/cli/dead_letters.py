"""`thence dead-letters`: what ended without success."""

from __future__ import annotations

from typing import Any

import click

from .client import Client
from .filters import filter_options, filter_query
from .invocation_text import print_invocations
from .options import as_json_option, connected, limit_option
from .output import print_json, say, say_where_it_ends

AGAIN = "Run one again:  thence redrive ID   all of a function:  thence redrive --function NAME"


@click.command("dead-letters")
@filter_options
@limit_option
@as_json_option
@connected
def dead_letters(client: Client, limit: int, as_json: bool, **given: Any) -> None:
    """List invocations that ended without success.

    Those are: failed, expired, invalid, and what 'function disable --abort' stopped. Their payloads
    are kept until the retention ends; 'thence redrive' runs them again. Records that could not be
    delivered are listed by 'thence delivery ls --state dead'.

    \b
    Example:
      thence dead-letters --function unzip --since 1d
      thence redrive --function unzip --since 1d --dry-run
    """
    invocations = list(client.pages("/v1/dead-letters", filter_query(given), limit))
    if as_json:
        print_json({"items": invocations})
    else:
        print_invocations(invocations, "There are no dead letters.")
    say_where_it_ends(invocations, limit)
    if invocations and not as_json:
        say(AGAIN)
