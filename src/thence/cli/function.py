"""`thence function`: what is deployed, and what holds it back."""

from __future__ import annotations

from typing import Any

import click

from .client import Client, part
from .function_text import print_function, print_functions
from .noun import Noun
from .options import (
    as_json_option,
    confirmed,
    connected,
    function_argument,
    limit_option,
    yes_option,
)
from .output import clean, print_json, say, say_where_it_ends


class Slots(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases only
    """A number of slots, or `none`."""

    name = "slots"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        if value == "none":
            return None
        if not (str(value).isascii() and str(value).isdecimal()):
            self.fail(f"{value!r} is not a number of slots; write 0 or more, or none.", param, ctx)
        return int(value)


@click.group(cls=Noun)
def function() -> None:
    """Show, list, delete, disable, enable or limit functions.

    'thence deploy' makes them and 'thence invoke' calls them.

    \b
    Example:
      thence function show hello
      thence function limit hello 20
    """


@function.command("ls")
@limit_option
@as_json_option
@connected
def ls(client: Client, limit: int, as_json: bool) -> None:
    """List all functions, with what holds each back.

    'thence ls functions' is the same.

    \b
    Example:
      thence function ls
      thence function ls --json | jq -r '.items[].name'
    """
    list_functions(client, limit, as_json)


def list_functions(client: Client, limit: int, as_json: bool) -> None:
    functions = list(client.pages("/v1/functions", {}, limit))
    if as_json:
        print_json({"items": functions})
    else:
        print_functions(functions)
    say_where_it_ends(functions, limit, "first")


@function.command("show")
@function_argument
@as_json_option
@connected
def show(client: Client, name: str, as_json: bool) -> None:
    """Show everything about one function.

    Whether it is disabled or limited, its configuration (of its environment the names only; --json
    has the values), its versions and aliases. What counts for calls of another qualifier than
    'latest': 'thence async-config ls NAME'.

    \b
    Example:
      thence function show hello
      thence function show hello --json | jq .environment
    """
    found = client.get(_path(name))
    if as_json:
        print_json(found)
        return
    aliases = list(client.pages(f"{_path(name)}/aliases")) if found["aliases"] else []
    print_function(found, aliases)


@function.command("delete")
@function_argument
@yes_option
@connected
def delete(client: Client, name: str, yes: bool) -> int:
    """Delete a function with all its versions.

    What waits ends as invalid (function_deleted); what runs may finish; its invocations stay until
    their retention ends.

    \b
    Example:
      thence function delete hello --yes
    """
    return delete_after_asking(client, name, _path(name), yes)


def delete_after_asking(client: Client, name: str, path: str, yes: bool) -> int:
    """The exit status: 1 where the answer is no."""
    question = f"Delete {clean(name)}? What waits for it can then never run."
    if not yes and not confirmed(question):
        say("Nothing was deleted.")
        return 1
    client.delete(path)
    say(f"{clean(name)} is deleted.")
    return 0


@function.command("disable")
@function_argument
@click.option(
    "--reason", help="Why; callers are told. Left out: the reason that it has; '' takes it away."
)
@click.option("--abort", is_flag=True, help="Stop what runs now, too.")
@as_json_option
@connected
def disable(client: Client, name: str, reason: str | None, abort: bool, as_json: bool) -> None:
    """Take no calls of a function and start nothing that waits.

    Of all its versions. What runs is finished, with --abort it is stopped. Nothing that waits fails
    for it, only its event age goes on.

    \b
    Example:
      thence function disable hello --reason "the database is moved"
      thence function enable hello
    """
    before = _control(client, name)["disabled"]
    told = (before or "") if reason is None else reason
    _put(client, name, {"disabled": told, "abort": abort}, as_json)
    if not as_json:
        kept = " (the reason that it had)" if told and reason is None else ""
        why = f": {clean(told)}{kept}" if told else ""
        enable = f"thence function enable {clean(name)}"
        say(f"{clean(name)} is disabled{why}. Enable it:  {enable}")


@function.command("enable")
@function_argument
@as_json_option
@connected
def enable(client: Client, name: str, as_json: bool) -> None:
    """Take calls of a disabled function again and start what waits.

    \b
    Example:
      thence function enable hello
    """
    _put(client, name, {"disabled": None}, as_json)
    if not as_json:
        say(f"{clean(name)} is enabled.")


@function.command("limit")
@function_argument
@click.argument("slots", type=Slots(), metavar="SLOTS|none")
@as_json_option
@connected
def limit(client: Client, name: str, slots: int | None, as_json: bool) -> None:
    """Limit what runs at once of all versions of a function together.

    Beside it the 'concurrency' of each version counts. 0 pauses all of them; none lifts the limit.

    \b
    Example:
      thence function limit hello 20
      thence function limit hello none
    """
    _put(client, name, {"limit": slots}, as_json)
    if as_json:
        return
    if slots == 0:
        lift = f"thence function limit {clean(name)} none"
        say(f"{clean(name)} is paused: what it is sent waits. Let it run:  {lift}")
        return
    most = "no limit" if slots is None else f"at most {slots} slot{'s' * (slots != 1)}"
    say(f"All versions of {clean(name)} together have {most}.")


def _put(client: Client, name: str, changes: dict[str, Any], as_json: bool) -> None:
    """The control with these changes; the rest of it stays."""
    now = _control(client, name)
    body = {"limit": now["limit"], "disabled": now["disabled"]} | changes
    answer = client.send("PUT", f"{_path(name)}/control", body)
    if as_json:
        print_json(answer)


def _control(client: Client, name: str) -> Any:
    return client.get(f"{_path(name)}/control")


def _path(name: str) -> str:
    return f"/v1/functions/{part(name)}"
