"""`thence async-config`: retries, event age and destinations by qualifier."""

from __future__ import annotations

from typing import Any

import click

from .client import Client, part
from .function import destination_text, read_destination
from .options import SECONDS, as_json_option, connected, qualified, qualified_names
from .output import clean, instant, instant_utc, print_facts, print_json, print_table, say, span


@click.command("async-config")
@click.argument("name", metavar="NAME[@QUALIFIER]", shell_complete=qualified_names)
@click.option("--retries", type=int, metavar="N", help="Retries of function errors.")
@click.option("--retry-first", type=SECONDS, help="Wait before the first retry; it doubles.")
@click.option("--retry-cap", type=SECONDS, help="Longest wait between retries.")
@click.option("--max-event-age", type=SECONDS, help="After it, what still waits expires.")
@click.option("--on-success", metavar="DEST", help="Where records of successes go.")
@click.option("--on-failure", metavar="DEST", help="Where records of dead ends go.")
@click.option("--stop-notifies", is_flag=True, help="Records of stopped ones go there, too.")
@click.option("--delete", is_flag=True, help="Delete it; what was deployed counts then.")
@as_json_option
@connected
def async_config(client: Client, name: str, delete: bool, as_json: bool, **given: Any) -> None:
    """Show, set or delete the settings of asynchronous calls by qualifier.

    NAME lists what a function has, NAME@QUALIFIER shows that of a version, an alias or 'latest'.
    With options it is replaced as a whole: what they do not say has its default. It counts for
    calls that name the qualifier; where there is none, what the version was deployed with does.
    Deploying says it for 'latest', and so deletes that one.

    \b
    Example:
      thence async-config hello@prod --retries 2 --max-event-age 1h --on-failure queue:dead
      thence async-config hello
    """
    function, qualifier = qualified(name)
    body = _body(given)
    if qualifier is None and (body or delete):
        raise click.UsageError("say of which qualifier: NAME@QUALIFIER, such as NAME@latest.")
    if body and delete:
        raise click.UsageError("--delete goes alone.")
    path = f"/v1/functions/{part(function)}/async-configs"
    if qualifier is None:
        _list(list(client.pages(path)), function, as_json)
        return
    path = f"{path}/{part(qualifier)}"
    if delete:
        client.delete(path)
        say(f"The settings of {clean(name)} are deleted.")
        return
    _show(client.send("PUT", path, body) if body else client.get(path), as_json)


def _body(given: dict[str, Any]) -> dict[str, Any]:
    """What the options say; empty where they say nothing."""
    body: dict[str, Any] = {}
    if given["retries"] is not None:
        body["max_retries"] = given["retries"]
    if given["max_event_age"] is not None:
        body["max_event_age_seconds"] = round(given["max_event_age"])
    waits = {"first_seconds": given["retry_first"], "cap_seconds": given["retry_cap"]}
    waits = {name: value for name, value in waits.items() if value is not None}
    if waits:
        body["retry_wait"] = waits
    for which in ("on_success", "on_failure"):
        if given[which] is not None:
            body[which] = read_destination(given[which])
    if given["stop_notifies"]:
        body["stop_notifies"] = True
    return body


def _list(items: list[dict[str, Any]], function: str, as_json: bool) -> None:
    if as_json:
        print_json({"items": items})
        return
    print_table(
        ("qualifier", "retries", "event age", "on success", "on failure", "changed (UTC)"),
        [
            (
                one["qualifier"],
                one["max_retries"],
                span(one["max_event_age_seconds"]),
                destination_text(one["on_success"]),
                destination_text(one["on_failure"]),
                instant(one["updated_at"]),
            )
            for one in items
        ],
        f"{function} has no settings by qualifier: what was deployed counts for all its calls.",
        optional=("changed (UTC)", "event age"),
    )


def _show(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(one)
        return
    wait = one["retry_wait"]
    print_facts(
        {
            "qualifier": f"{one['function']}@{one['qualifier']}",
            "retries": one["max_retries"],
            "retry wait": f"{span(wait['first_seconds'])} to {span(wait['cap_seconds'])}",
            "event age": span(one["max_event_age_seconds"]),
            "on success": destination_text(one["on_success"]),
            "on failure": destination_text(one["on_failure"]),
            "stop notifies": "yes" if one["stop_notifies"] else "",
            "changed": instant_utc(one["updated_at"]),
        }
    )
    for warning in one.get("warnings") or []:
        say(f"Warning: {warning}")
