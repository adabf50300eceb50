"""`thence version`: frozen copies of what is deployed."""

from __future__ import annotations

from typing import Any

import click

from .client import Client, part
from .figures import instant, size
from .function import delete_after_asking
from .noun import Noun
from .options import (
    as_json_option,
    connected,
    function_argument,
    limit_option,
    qualified,
    qualified_names,
    yes_option,
)
from .output import clean, print_json, print_table, say, say_where_it_ends


@click.group(cls=Noun)
def version() -> None:
    """Publish, list or delete versions, which never change.

    A version is a copy of a function's code and settings under a name. It is called as
    NAME@VERSION, and has slots and instances of its own.

    \b
    Example:
      thence version publish hello
      thence version ls hello
    """


@version.command("publish")
@function_argument
@click.option("--note", default="", help="Why, for people.")
@click.option(
    "--version", "called", metavar="NAME", help="Its name; otherwise the next whole number."
)
@as_json_option
@connected
def publish(client: Client, name: str, note: str, called: str | None, as_json: bool) -> None:
    """Publish what is deployed as a version, which never changes.

    Prints the version. It is called as NAME@VERSION. Deploying goes on changing NAME alone, which
    is NAME@latest.

    \b
    Example:
      thence version publish hello --note "greets in two languages"
      thence invoke hello@1 --data '{"name": "Ada"}' --wait
    """
    body = {"note": note} | ({} if called is None else {"version": called})
    published = client.send("POST", f"/v1/functions/{part(name)}/versions", body)
    if as_json:
        print_json(published)
        return
    click.echo(published["version"])
    say(f"Call it:  thence invoke {clean(name)}@{published['version']} --data '{{}}' --wait")


@version.command("ls")
@function_argument
@limit_option
@as_json_option
@connected
def ls(client: Client, name: str, limit: int, as_json: bool) -> None:
    """List the published versions of a function, newest first.

    \b
    Example:
      thence version ls hello
    """
    path = f"/v1/functions/{part(name)}"
    versions = list(client.pages(f"{path}/versions", limit=limit))
    if as_json:
        print_json({"items": versions})
    else:
        _print(name, versions, _aliases_by_version(client, path) if versions else {})
    say_where_it_ends(versions, limit)


def _print(name: str, versions: list[dict[str, Any]], aliases: dict[str, list[str]]) -> None:
    print_table(
        ("version", "published (UTC)", "code", "digest", "aliases", "note"),
        [
            (
                version["version"],
                instant(version["created_at"]),
                size(version["code_bytes"]),
                version["code_digest"][:12],
                ", ".join(aliases.get(version["version"], [])),
                " ".join(version["note"].split()),
            )
            for version in versions
        ],
        f"{name} has no versions. Publish one:  thence version publish {name}",
        optional=("digest", "code", "published (UTC)"),
        prose="note",
    )


def _aliases_by_version(client: Client, path: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for alias in client.pages(f"{path}/aliases"):
        for version in (alias["version"], *alias["weights"]):
            found.setdefault(version, []).append(alias["name"])
    return found


@version.command("delete")
@click.argument("name", metavar="NAME@VERSION", shell_complete=qualified_names)
@yes_option
@connected
def delete(client: Client, name: str, yes: bool) -> int:
    """Delete a version that no alias names.

    What waits for it ends as invalid; what runs may finish.

    \b
    Example:
      thence version delete hello@1 --yes
    """
    function, chosen = qualified(name)
    if chosen is None:
        raise click.UsageError(
            f"say which version: {clean(function)}@VERSION. The function with all of them is deleted "
            f"by 'thence function delete {clean(function)}'."
        )
    path = f"/v1/functions/{part(function)}/versions/{part(chosen)}"
    return delete_after_asking(client, name, path, yes)
