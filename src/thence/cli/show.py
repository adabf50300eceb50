"""`thence show`: everything about one invocation."""

from __future__ import annotations

import click

from .client import Client, part
from .invocation_text import print_invocation
from .options import as_json_option, connected, not_empty
from .output import print_bytes, print_json


@click.command()
@click.argument("id", callback=not_empty)
@click.option("--log", is_flag=True, help="Only what its last attempt printed.")
@click.option("--payload", is_flag=True, help="Only its payload.")
@click.option("--result", is_flag=True, help="Only its result.")
@click.option("--attempt", type=int, metavar="N", help="With --log: of that attempt.")
@as_json_option
@connected
def show(
    client: Client,
    id: str,
    log: bool,
    payload: bool,
    result: bool,
    attempt: int | None,
    as_json: bool,
) -> None:
    """Show everything about one invocation.

    Its state and why it waits, every attempt with its outcome and the budget that it spent, every
    delivery with its attempts.

    \b
    Example:
      thence show 0197b2c4-5d1e-7000-8a11-3f0c5a7e9b42
      thence show 0197b2c4-5d1e-7000-8a11-3f0c5a7e9b42 --log
    """
    parts = {"log": log, "payload": payload, "result": result, "json": as_json}
    shown = [name for name, asked in parts.items() if asked]
    if len(shown) > 1:
        raise click.UsageError("--log, --payload, --result and --json are four ways; take one.")
    if attempt is not None and not log:
        raise click.UsageError("--attempt says of which attempt --log is; give --log too.")
    path = f"/v1/invocations/{part(id)}"
    if shown and not as_json:
        query = {"attempt": attempt} if log else None
        print_bytes(client.request("GET", f"{path}/{shown[0]}", query=query).body)
        return
    view = client.get(path)
    if as_json:
        print_json(view)
        return
    print_invocation(view)
