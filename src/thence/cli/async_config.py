"""`thence async-config`: retries, event age and destinations by qualifier."""

from __future__ import annotations

from typing import Any

import click

from .async_options import async_fields, async_options
from .client import Client, part
from .figures import instant, instant_utc, span
from .function_text import destination_text
from .noun import Noun
from .options import (
    as_json_option,
    connected,
    function_argument,
    qualified,
    qualified_names,
)
from .output import clean, print_facts, print_json, print_table, say

name_argument = click.argument("name", metavar="NAME@QUALIFIER", shell_complete=qualified_names)


@click.group(cls=Noun)
def async_config() -> None:
    """Set, show, list or delete settings of asynchronous calls.

    They count for calls that name the qualifier: a version, an alias or 'latest'. Where there are
    none, what the version was deployed with does. Deploying says them for 'latest', and so deletes
    those of that one.

    \b
    Example:
      thence async-config set hello@prod --retries 2 --on-failure queue:dead
      thence async-config ls hello
    """


@async_config.command("set")
@name_argument
@async_options
@click.option("--stop-notifies", is_flag=True, help="Records of stopped ones go there, too.")
@as_json_option
@connected
def set_config(client: Client, name: str, stop_notifies: bool, as_json: bool, **given: Any) -> None:
    """Create the settings of a qualifier, or replace them as a whole.

    What the options do not say has its default.

    \b
    Example:
      thence async-config set hello@prod --retries 2 --max-event-age 1h --on-failure queue:dead
    """
    path = _path(name)
    body = async_fields(given) | ({"stop_notifies": True} if stop_notifies else {})
    if not body:
        raise click.UsageError(
            "say what, such as --retries 2; all that is not said has its default then."
        )
    _print(client.send("PUT", path, body), as_json)


@async_config.command("show")
@name_argument
@as_json_option
@connected
def show(client: Client, name: str, as_json: bool) -> None:
    """Show the settings of one qualifier.

    \b
    Example:
      thence async-config show hello@prod
    """
    _print(client.get(_path(name)), as_json)


@async_config.command("ls")
@function_argument
@as_json_option
@connected
def ls(client: Client, name: str, as_json: bool) -> None:
    """List the settings that a function has by qualifier.

    \b
    Example:
      thence async-config ls hello
    """
    configs = list(client.pages(f"/v1/functions/{part(name)}/async-configs"))
    if as_json:
        print_json({"items": configs})
        return
    print_table(
        ("qualifier", "retries", "event age", "on success", "on failure", "changed (UTC)"),
        [
            (
                config["qualifier"],
                config["max_retries"],
                span(config["max_event_age_seconds"]),
                destination_text(config["on_success"]),
                destination_text(config["on_failure"]),
                instant(config["updated_at"]),
            )
            for config in configs
        ],
        f"{name} has no settings by qualifier: what was deployed counts for all its calls.",
        optional=("changed (UTC)", "event age"),
    )


@async_config.command("delete")
@name_argument
@connected
def delete(client: Client, name: str) -> None:
    """Delete the settings of a qualifier; what was deployed counts then.

    \b
    Example:
      thence async-config delete hello@prod
    """
    client.delete(_path(name))
    say(f"The settings of {clean(name)} are deleted.")


def _path(name: str) -> str:
    function, qualifier = qualified(name)
    if qualifier is None:
        raise click.UsageError("say of which qualifier: NAME@QUALIFIER, such as NAME@latest.")
    return f"/v1/functions/{part(function)}/async-configs/{part(qualifier)}"


def _print(config: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(config)
        return
    wait = config["retry_wait"]
    print_facts(
        {
            "qualifier": f"{config['function']}@{config['qualifier']}",
            "retries": config["max_retries"],
            "retry wait": f"{span(wait['first_seconds'])} to {span(wait['cap_seconds'])}",
            "event age": span(config["max_event_age_seconds"]),
            "on success": destination_text(config["on_success"]),
            "on failure": destination_text(config["on_failure"]),
            "stop notifies": "yes" if config["stop_notifies"] else "",
            "changed": instant_utc(config["updated_at"]),
        }
    )
    for warning in config.get("warnings") or []:
        say(f"Warning: {warning}")
