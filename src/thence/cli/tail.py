"""`thence tail`: every transition as it is committed; goes on where it was after a lost connection."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import click

from .answers import Problem, Unreachable
from .client import Client
from .options import as_json_option, connected, function_names, not_empty, whole_function
from .output import clean, console, print_line, say, styled

SILENCE_SECONDS = 60.0
AGAIN_SECONDS_MAX = 10.0


@click.command()
@click.option(
    "--function",
    metavar="NAME",
    shell_complete=function_names,
    callback=whole_function,
    help="Only of this function.",
)
@click.option("--invocation", metavar="ID", callback=not_empty, help="Only of this invocation.")
@click.option(
    "--after",
    metavar="EVENT",
    default="",
    help="Begin behind this event's id, such as 12.3; 0.0: with the oldest.",
)
@as_json_option
@connected
def tail(
    client: Client, function: str | None, invocation: str | None, after: str, as_json: bool
) -> None:
    """Follow what happens, as it happens.

    Every transition of every invocation and delivery, in the order of the commits, until Ctrl-C.
    A lost connection is made again and goes on behind the last event that was seen, also over a
    restart of the service. With --json: one JSON object a line.

    \b
    Example:
      thence tail --function unzip
      thence tail --json | jq -c 'select(.state == "failed")'
    """
    query = {"function": function, "invocation": invocation}
    for id, kind, event in follow(client, query, after, tell=say):
        if as_json:
            print_line({"event_id": id, "event": kind, **event})
        else:
            _print(kind, event)


def follow(
    client: Client, query: dict[str, Any], after: str, tell: Any = None
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(id, kind, event) without end. A lost connection is made again, waiting longer each time;
    `tell` hears of it once. The first connection must succeed: raises Unreachable or Problem."""
    seen, connected_once, waits = after, False, 0.25
    while True:
        try:
            for id, kind, data in client.events("/v1/events", query, seen, SILENCE_SECONDS):
                connected_once, waits, seen = True, 0.25, id or seen
                yield seen, kind, json.loads(data)
            connected_once = True  # it ended in order: the service shuts down
            reason = "The service has ended the stream"
        except (Unreachable, Problem) as error:
            refused = isinstance(error, Problem) and error.status != 503
            if refused or not connected_once:
                raise
            reason = error.detail.rstrip(".")
        if tell is not None and waits < 0.3:
            tell(f"{reason}; trying again.")
        time.sleep(waits)
        waits = min(waits * 2, AGAIN_SECONDS_MAX)


def _print(kind: str, event: dict[str, Any]) -> None:
    from rich.text import Text

    if event.get("gap") or kind == "gap":
        if event.get("reason") == "unknown_event":
            say(
                "The service has no event of that id: it is mistyped, or of another store (was a backup "
                "restored?). What happens from now on follows; --after 0.0 begins with the oldest."
            )
        else:
            say("Earlier events are not kept any more (retention.events_hours).")
        return
    line = Text(clean(event.get("at", ""))[11:24] + "  ", style="dim")  # with its Z: UTC
    line.append(f"{clean(event.get('function', ''))}  ", style="bold")
    line.append(styled(event.get("state")))
    if event.get("attempt"):
        line.append(f"  attempt {event['attempt']}")
    if event.get("reason"):
        line.append(f"  {clean(event['reason'])}")
    line.append(f"  {clean(event.get('id', event.get('invocation', '')))}", style="dim")
    console().print(line, soft_wrap=True)  # ids stay whole, to be copied
