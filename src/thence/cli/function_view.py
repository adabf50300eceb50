"""`thence function`: all about one function, what holds it back first."""

from __future__ import annotations

from typing import Any

import click

from .alias import shares_text
from .client import Client, part
from .function import destination_text, held_back
from .options import as_json_option, connected, function_names, whole_function
from .output import instant_utc, print_facts, print_json, size, span


@click.command()
@click.argument("name", shell_complete=function_names, callback=whole_function)
@as_json_option
@connected
def function(client: Client, name: str, as_json: bool) -> None:
    """Show everything about one function.

    Whether it is disabled or limited, its configuration (of its environment the names only; --json
    has the values), its versions and aliases. What counts for calls of another qualifier than
    'latest': 'thence async-config NAME'.

    \b
    Example:
      thence function hello
      thence function hello --json | jq .environment
    """
    one = client.get(f"/v1/functions/{part(name)}")
    if as_json:
        print_json(one)
        return
    wait = one["retry_wait"]
    print_facts(
        {
            "function": f"{one['name']} (revision {one['revision']})",
            "state": held_back(one) or "takes calls",
            "description": " ".join(one["description"].split()),
            "handler": one["handler"],
            "contract": one["contract"],
            "event": one["event"],
            "code": f"{size(one['code_bytes'])}, sha256 {one['code_digest'][:12]}",
            "time limit": span(one["timeout_seconds"]),
            "memory": f"{one['memory_mb']} MiB",
            "slots": one["concurrency"],
            "limit": one["limit"],
            "retries": one["max_retries"],
            "retry wait": f"{span(wait['first_seconds'])} to {span(wait['cap_seconds'])}",
            "event age": span(one["max_event_age_seconds"]),
            "on success": destination_text(one["on_success"]),
            "on failure": destination_text(one["on_failure"]),
            "initializer": one["initializer"],
            "pre-stop": one["pre_stop"],
            "environment": ", ".join(sorted(one["environment"])),
            "versions": ", ".join(one["versions"]),
            "aliases": ", ".join(_aliases(client, one)),
            "created": instant_utc(one["created_at"]),
            "changed": instant_utc(one["updated_at"]),
        }
    )


def _aliases(client: Client, function: dict[str, Any]) -> list[str]:
    """`prod=1`, with the shares of other versions behind: `prod=1 (2=0.25)`."""
    if not function["aliases"]:
        return []
    path = f"/v1/functions/{part(function['name'])}/aliases"
    shown = []
    for one in client.pages(path):
        shares = shares_text(one)
        shown.append(f"{one['name']}={one['version']}{f' ({shares})' if shares else ''}")
    return shown
