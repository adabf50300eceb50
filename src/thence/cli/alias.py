"""`thence alias`: names for versions, and how calls are shared between them."""

from __future__ import annotations

import re
from typing import Any

import click

from .client import Client, part
from .figures import instant, instant_utc
from .function_text import shares_text
from .noun import Noun
from .options import (
    as_json_option,
    connected,
    function_argument,
    qualified,
    qualified_names,
)
from .output import clean, print_facts, print_json, print_table, say

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,17})?")
name_argument = click.argument("name", metavar="NAME@ALIAS", shell_complete=qualified_names)


@click.group(cls=Noun)
def alias() -> None:
    """Set, show, list or delete names for versions.

    Calls of NAME@ALIAS are run by the version that the alias names, but for a share of them that
    other versions may be given. A call keeps its version in all its attempts.

    \b
    Example:
      thence alias set hello@prod 1
      thence alias ls hello
    """


@alias.command("set")
@name_argument
@click.argument("version")
@click.option("--weight", multiple=True, metavar="VERSION=SHARE", help="0 to 1; may be repeated.")
@click.option("--description", default="", help="A line for people.")
@as_json_option
@connected
def set_alias(
    client: Client,
    name: str,
    version: str,
    weight: tuple[str, ...],
    description: str,
    as_json: bool,
) -> None:
    """Create an alias, or replace it as a whole.

    Calls of NAME@ALIAS are run by VERSION, but for the share that each --weight gives to another.

    \b
    Example:
      thence alias set hello@prod 1
      thence alias set hello@prod 1 --weight 2=0.1     version 2 gets a tenth of the calls
      thence alias set hello@prod 2                    and then all of them
    """
    path = _path(name)
    body = {"version": version, "weights": _weights(weight), "description": description}
    _print(client.send("PUT", path, body), as_json)


@alias.command("show")
@name_argument
@as_json_option
@connected
def show(client: Client, name: str, as_json: bool) -> None:
    """Show one alias.

    \b
    Example:
      thence alias show hello@prod
    """
    _print(client.get(_path(name)), as_json)


@alias.command("ls")
@function_argument
@as_json_option
@connected
def ls(client: Client, name: str, as_json: bool) -> None:
    """List the aliases of a function.

    \b
    Example:
      thence alias ls hello
    """
    aliases = list(client.pages(f"/v1/functions/{part(name)}/aliases"))
    if as_json:
        print_json({"items": aliases})
        return
    print_table(
        ("alias", "version", "weights", "changed (UTC)", "description"),
        [
            (
                alias["name"],
                alias["version"],
                shares_text(alias),
                instant(alias["updated_at"]),
                " ".join(alias["description"].split()),
            )
            for alias in aliases
        ],
        f"{name} has no aliases. Set one:  thence alias set {name}@ALIAS VERSION",
        optional=("changed (UTC)",),
        prose="description",
    )


@alias.command("delete")
@name_argument
@connected
def delete(client: Client, name: str) -> None:
    """Delete an alias; its versions stay.

    \b
    Example:
      thence alias delete hello@prod
    """
    client.delete(_path(name))
    say(f"{clean(name)} is deleted.")


def _path(name: str) -> str:
    function, alias = qualified(name)
    if alias is None:
        raise click.UsageError("say which alias: NAME@ALIAS.")
    return f"/v1/functions/{part(function)}/aliases/{part(alias)}"


def _weights(given: tuple[str, ...]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for weight in given:
        version, equals, share = weight.rpartition("=")
        if not equals or not version or _NUMBER.fullmatch(share) is None:
            raise click.UsageError(f"--weight {weight!r}: write VERSION=SHARE, such as 2=0.1.")
        weights[version] = float(share)
    return weights


def _print(alias: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(alias)
        return
    print_facts(
        {
            "alias": f"{alias['function']}@{alias['name']}",
            "version": alias["version"],
            "weights": shares_text(alias),
            "description": alias["description"],
            "created": instant_utc(alias["created_at"]),
            "changed": instant_utc(alias["updated_at"]),
        }
    )
