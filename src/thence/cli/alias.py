"""`thence alias`: names for versions, and how calls are shared between them."""

from __future__ import annotations

import re
from typing import Any

import click

from .client import Client, part
from .options import as_json_option, connected, qualified, qualified_names
from .output import clean, instant, instant_utc, print_facts, print_json, print_table, say

_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,17})?")


@click.command()
@click.argument("name", metavar="NAME[@ALIAS]", shell_complete=qualified_names)
@click.argument("version", required=False)
@click.option("--weight", multiple=True, metavar="VERSION=SHARE", help="0 to 1; may be repeated.")
@click.option("--description", help="A line for people.")
@click.option("--delete", is_flag=True, help="Delete the alias; its versions stay.")
@as_json_option
@connected
def alias(
    client: Client,
    name: str,
    version: str | None,
    weight: tuple[str, ...],
    description: str | None,
    delete: bool,
    as_json: bool,
) -> None:
    """List, show, set or delete names for versions.

    NAME lists the aliases of a function, NAME@ALIAS shows one. With VERSION it is created or
    replaced as a whole: calls of NAME@ALIAS are run by that version, but for the share that each
    --weight gives to another. A call keeps its version in all its attempts.

    \b
    Example:
      thence alias hello@prod 1
      thence alias hello@prod 1 --weight 2=0.1     version 2 gets a tenth of the calls
      thence alias hello@prod 2                    and then all of them
      thence alias hello
    """
    function, chosen = qualified(name)
    path = f"/v1/functions/{part(function)}/aliases"
    changing = version is not None or weight or description is not None
    _check(chosen, version, changing=bool(changing), delete=delete)
    if chosen is None:
        _list(list(client.pages(path)), function, as_json)
        return
    path = f"{path}/{part(chosen)}"
    if delete:
        client.delete(path)
        say(f"{clean(name)} is deleted.")
        return
    if version is None:
        _show(client.get(path), as_json)
        return
    body = {"version": version, "weights": _weights(weight), "description": description or ""}
    _show(client.send("PUT", path, body), as_json)


def _check(chosen: str | None, version: str | None, *, changing: bool, delete: bool) -> None:
    if chosen is None and (changing or delete):
        raise click.UsageError("say which alias: NAME@ALIAS.")
    if changing and delete:
        raise click.UsageError("--delete goes alone.")
    if changing and version is None:
        raise click.UsageError("an alias is replaced as a whole: say its VERSION too.")


def _weights(given: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in given:
        version, equals, share = one.rpartition("=")
        if not equals or not version or _NUMBER.fullmatch(share) is None:
            raise click.UsageError(f"--weight {one!r}: write VERSION=SHARE, such as 2=0.1.")
        found[version] = float(share)
    return found


def _list(items: list[dict[str, Any]], function: str, as_json: bool) -> None:
    if as_json:
        print_json({"items": items})
        return
    print_table(
        ("alias", "version", "weights", "changed (UTC)", "description"),
        [
            (
                one["name"],
                one["version"],
                shares_text(one),
                instant(one["updated_at"]),
                " ".join(one["description"].split()),
            )
            for one in items
        ],
        f"{function} has no aliases. Set one:  thence alias {function}@NAME VERSION",
        optional=("changed (UTC)",),
        prose="description",
    )


def _show(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(one)
        return
    print_facts(
        {
            "alias": f"{one['function']}@{one['name']}",
            "version": one["version"],
            "weights": shares_text(one),
            "description": one["description"],
            "created": instant_utc(one["created_at"]),
            "changed": instant_utc(one["updated_at"]),
        }
    )


def shares_text(one: dict[str, Any]) -> str:
    return ", ".join(f"{version}={share:g}" for version, share in sorted(one["weights"].items()))
