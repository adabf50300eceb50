"""`thence delivery`: records owed to destinations."""

from __future__ import annotations

from typing import Any

import click

from .client import Client, part
from .figures import instant, instant_utc, span
from .noun import Noun
from .options import (
    as_json_option,
    connected,
    function_names,
    limit_option,
    not_empty,
    whole_function,
)
from .output import clean, heading, print_facts, print_json, print_table, say, say_where_it_ends
from .redrive import each

STATES = ("pending", "delivered", "dead", "stopped")
AGAIN = "Send one again, without running its function:  thence delivery redrive ID"


@click.group(cls=Noun)
def delivery() -> None:
    """List, show or redrive deliveries of records.

    A delivery is one record owed to one destination, with attempts of its own. One that was given
    up is dead, and can be sent again without running the function.

    \b
    Example:
      thence delivery ls --state dead
      thence delivery redrive 0197b2c4-7f00-7000-9c22-1b2d3e4f5a60
    """


@delivery.command("ls")
@click.option("--state", type=click.Choice(STATES), help="In this state.")
@click.option(
    "--function",
    metavar="NAME",
    shell_complete=function_names,
    callback=whole_function,
    help="Of this function.",
)
@limit_option
@as_json_option
@connected
def ls(client: Client, state: str | None, function: str | None, limit: int, as_json: bool) -> None:
    """List deliveries, newest first.

    \b
    Example:
      thence delivery ls --state dead
      thence delivery ls --function unzip --json | jq -r '.items[].id'
    """
    query = {"state": state, "function": function}
    deliveries = list(client.pages("/v1/deliveries", query, limit))
    if as_json:
        print_json({"items": deliveries})
    else:
        _print_list(deliveries, state)
    say_where_it_ends(deliveries, limit)
    if not as_json and any(found["state"] == "dead" for found in deliveries):
        say(AGAIN)


def _print_list(deliveries: list[dict[str, Any]], state: str | None) -> None:
    print_table(
        (
            *("delivery", "function", "to", "for", "state", "reason", "attempts"),
            *("ended (UTC)", "invocation"),
        ),
        [
            (
                found["id"],
                found["function"],
                found["destination"],
                found["condition"],
                found["state"],
                found["reason"],
                found["attempts_made"],
                instant(found["ended_at"]),
                found["invocation"],
            )
            for found in deliveries
        ],
        f"There are no {state} deliveries." if state else "There are no deliveries.",
        optional=("attempts", "for", "ended (UTC)", "invocation", "reason"),
    )


@delivery.command("show")
@click.argument("id", callback=not_empty)
@as_json_option
@connected
def show(client: Client, id: str, as_json: bool) -> None:
    """Show one delivery with its attempts.

    \b
    Example:
      thence delivery show 0197b2c4-7f00-7000-9c22-1b2d3e4f5a60
    """
    found = client.get(f"/v1/deliveries/{part(id)}")
    if as_json:
        print_json(found)
        return
    print_facts(
        {
            "delivery": found["id"],
            "invocation": found["invocation"],
            "function": found["function"],
            "to": found["destination"],
            "for": found["condition"],
            "state": found["state"],
            "reason": found["reason"],
            "owed since": instant_utc(found["created_at"]),
            "next attempt": instant_utc(found["next_attempt_at"]),
            "ended": instant_utc(found["ended_at"]),
        }
    )
    if found["attempts"]:
        heading("Attempts")
        print_table(
            ("attempt", "started (UTC)", "took", "status", "error"),
            [
                (
                    attempt["attempt"],
                    instant(attempt["started_at"]),
                    span(attempt["duration_ms"] / 1000),
                    attempt["status"] or None,
                    " ".join(attempt["error"].split()),
                )
                for attempt in found["attempts"]
            ],
            "",
            optional=("started (UTC)", "took"),
            prose="error",
        )


@delivery.command("redrive")
@click.argument("ids", nargs=-1, required=True, metavar="ID...", callback=not_empty)
@as_json_option
@connected
def redrive(client: Client, ids: tuple[str, ...], as_json: bool) -> int:
    """Send dead deliveries again, without running their functions.

    \b
    Example:
      thence delivery redrive 0197b2c4-7f00-7000-9c22-1b2d3e4f5a60
    """

    def tell(id: str, answer: dict[str, Any]) -> None:
        say(f"Delivery {clean(id)} is sent again.")

    return each(client, "deliveries", ids, {}, None if as_json else tell)
