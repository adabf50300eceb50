"""`thence stop`: an invocation is ended because someone says so."""

from __future__ import annotations

import click

from .client import Client, part
from .options import as_json_option, connected, not_empty
from .output import clean, print_json, say


@click.command()
@click.argument("id", callback=not_empty)
@as_json_option
@connected
def stop(client: Client, id: str, as_json: bool) -> None:
    """Stop an invocation, whatever its state.

    Waiting: it ends now. Running: its instance is ended. Final: deliveries still owed are stopped;
    a final state never changes.

    \b
    Example:
      thence stop 0197b2c4-5d1e-7000-8a11-3f0c5a7e9b42
    """
    answer = client.send("POST", f"/v1/invocations/{part(id)}/stop")
    if as_json:
        print_json(answer)
        return
    stopped = answer.get("deliveries_stopped") or 0
    more = f"; {stopped} deliveries are stopped" if stopped else ""
    unchanged = "" if answer.get("changed", True) else " already"
    say(f"{clean(id)} is{unchanged} {answer['state']}{more}.")
