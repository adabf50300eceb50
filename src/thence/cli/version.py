"""`thence publish`, `thence versions`: frozen copies of what is deployed."""

from __future__ import annotations

from typing import Any

import click

from .client import Client, part
from .options import as_json_option, connected, function_names, whole_function
from .output import clean, instant, print_json, print_table, say, say_where_it_ends, size


@click.command()
@click.argument("name", shell_complete=function_names, callback=whole_function)
@click.option("--note", default="", help="Why, for people.")
@click.option("--version", metavar="NAME", help="Its name; otherwise the next whole number.")
@as_json_option
@connected
def publish(client: Client, name: str, note: str, version: str | None, as_json: bool) -> None:
    """Publish what is deployed as a version, which never changes.

    Prints the version. It is called as NAME@VERSION, and has slots and instances of its own.
    Deploying goes on changing NAME alone, which is NAME@latest.

    \b
    Example:
      thence publish hello --note "greets in two languages"
      thence invoke hello@1 --data '{"name": "Ada"}' --wait
    """
    body = {"note": note} | ({} if version is None else {"version": version})
    published = client.send("POST", f"/v1/functions/{part(name)}/versions", body)
    if as_json:
        print_json(published)
        return
    click.echo(published["version"])
    say(f"Call it:  thence invoke {clean(name)}@{published['version']} --data '{{}}' --wait")


@click.command()
@click.argument("name", shell_complete=function_names, callback=whole_function)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@as_json_option
@connected
def versions(client: Client, name: str, limit: int, as_json: bool) -> None:
    """List the published versions of a function, newest first.

    'thence delete NAME@VERSION' deletes one that no alias names.

    \b
    Example:
      thence versions hello
      thence delete hello@1
    """
    path = f"/v1/functions/{part(name)}"
    items = list(client.pages(f"{path}/versions", limit=limit))
    if as_json:
        print_json({"items": items})
        say_where_it_ends(items, limit)
        return
    named = _aliases_by_version(client, path) if items else {}
    print_table(
        ("version", "published (UTC)", "code", "digest", "aliases", "note"),
        [
            (
                one["version"],
                instant(one["created_at"]),
                size(one["code_bytes"]),
                one["code_digest"][:12],
                ", ".join(named.get(one["version"], [])),
                " ".join(one["note"].split()),
            )
            for one in items
        ],
        f"{name} has no versions. Publish one:  thence publish {name}",
        optional=("digest", "code", "published (UTC)"),
        prose="note",
    )
    say_where_it_ends(items, limit)


def _aliases_by_version(client: Client, path: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for alias in client.pages(f"{path}/aliases"):
        version: Any
        for version in (alias["version"], *alias["weights"]):
            found.setdefault(version, []).append(alias["name"])
    return found
