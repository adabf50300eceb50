"""`thence trigger`: what causes calls of a function by itself."""

from __future__ import annotations

from typing import Any

import click

from .client import Client, part
from .figures import instant, instant_utc
from .inline_or_file import parse_json, read_text
from .noun import Noun
from .options import as_json_option, connected, function_names, not_empty, whole_function
from .output import clean, print_facts, print_json, print_table, say

function_argument = click.argument(
    "function", metavar="NAME", shell_complete=function_names, callback=whole_function
)
trigger_argument = click.argument("trigger", callback=not_empty)


@click.group(cls=Noun)
def trigger() -> None:
    """Set, show, list or delete what calls functions by itself.

    The kinds of triggers come with packages that are installed beside the service.

    \b
    Example:
      thence trigger ls hello
      thence trigger show hello high-water
    """


@trigger.command("set")
@function_argument
@trigger_argument
@click.option("--type", "kind", metavar="KIND", required=True, help="Its kind.")
@click.option("--config", metavar="JSON|@FILE", help="What the kind wants to know; an object.")
@click.option("--qualifier", metavar="QUALIFIER", help="The version or alias that it calls.")
@click.option("--disabled", is_flag=True, help="Keep it, but let it call nothing.")
@click.option("--description", default="", help="A line for people.")
@as_json_option
@connected
def set_trigger(
    client: Client,
    function: str,
    trigger: str,
    kind: str,
    config: str | None,
    qualifier: str | None,
    disabled: bool,
    description: str,
    as_json: bool,
) -> None:
    """Create a trigger, or replace it as a whole.

    What the options do not say has its default. A configuration with a secret comes from a file:
    @FILE, or @/dev/stdin.

    \b
    Example:
      thence trigger set hello high-water --type tide --config '{"harbour": "Dover"}'
    """
    body: dict[str, Any] = {"type": kind, "enabled": not disabled, "description": description}
    if config is not None:
        text = read_text(config, "the configuration")
        body["config"] = parse_json(text, "the configuration")
    if qualifier is not None:
        body["qualifier"] = qualifier
    _print(client.send("PUT", _path(function, trigger), body), as_json)


@trigger.command("show")
@function_argument
@trigger_argument
@as_json_option
@connected
def show(client: Client, function: str, trigger: str, as_json: bool) -> None:
    """Show one trigger, and what it does.

    \b
    Example:
      thence trigger show hello high-water
    """
    _print(client.get(_path(function, trigger)), as_json)


@trigger.command("ls")
@function_argument
@as_json_option
@connected
def ls(client: Client, function: str, as_json: bool) -> None:
    """List the triggers of a function.

    \b
    Example:
      thence trigger ls hello
    """
    triggers = list(client.pages(f"/v1/functions/{part(function)}/triggers"))
    if as_json:
        print_json({"items": triggers})
        return
    print_table(
        ("trigger", "type", "state", "calls", "fired", "refused", "last fired (UTC)", "last error"),
        [
            (
                found["name"],
                found["type"],
                found["state"],
                f"{found['function']}@{found['qualifier']}",
                found["fired"],
                found["refused"],
                instant(found["last_fired_at"]),
                " ".join(found["last_error"].split()),
            )
            for found in triggers
        ],
        f"{function} has no triggers.",
        optional=("refused", "last fired (UTC)", "fired", "calls"),
        prose="last error",
    )


@trigger.command("delete")
@function_argument
@trigger_argument
@connected
def delete(client: Client, function: str, trigger: str) -> None:
    """Delete a trigger; what it called goes on.

    \b
    Example:
      thence trigger delete hello high-water
    """
    client.delete(_path(function, trigger))
    say(f"The trigger {clean(trigger)} of {clean(function)} is deleted.")


def _path(function: str, trigger: str) -> str:
    return f"/v1/functions/{part(function)}/triggers/{part(trigger)}"


def _print(trigger: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(trigger)
        return
    config = trigger["config"] if isinstance(trigger["config"], dict) else {}
    print_facts(
        {
            "trigger": trigger["name"],
            "type": trigger["type"],
            "calls": f"{trigger['function']}@{trigger['qualifier']}",
            "state": trigger["state"],
            "description": " ".join(trigger["description"].split()),
            **{f"config {name}": value for name, value in config.items()},
            "fired": trigger["fired"],
            "refused": trigger["refused"],
            "last fired": instant_utc(trigger["last_fired_at"]),
            "last error": " ".join(trigger["last_error"].split()),
            "next try": instant_utc(trigger["next_try_at"]),
            "created": instant_utc(trigger["created_at"]),
            "changed": instant_utc(trigger["updated_at"]),
        }
    )
