"""`thence disable`, `thence enable`, `thence limit`: what holds a function back."""

from __future__ import annotations

from typing import Any

import click

from .client import Client, part
from .options import as_json_option, connected, function_names, whole_function
from .output import clean, print_json, say


class Slots(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases only
    """A number of slots, or `none`."""

    name = "slots"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        if value == "none":
            return None
        if not (str(value).isascii() and str(value).isdecimal()):
            self.fail(f"{value!r} is not a number of slots; write 0 or more, or none.", param, ctx)
        return int(value)


@click.command()
@click.argument("name", shell_complete=function_names, callback=whole_function)
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
      thence disable hello --reason "the database is moved"
      thence enable hello
    """
    before = _control(client, name)["disabled"]
    told = (before or "") if reason is None else reason
    _put(client, name, {"disabled": told, "abort": abort}, as_json)
    if not as_json:
        kept = " (the reason that it had)" if told and reason is None else ""
        why = f": {clean(told)}{kept}" if told else ""
        say(f"{clean(name)} is disabled{why}. Enable it:  thence enable {clean(name)}")


@click.command()
@click.argument("name", shell_complete=function_names, callback=whole_function)
@as_json_option
@connected
def enable(client: Client, name: str, as_json: bool) -> None:
    """Take calls of a disabled function again and start what waits.

    \b
    Example:
      thence enable hello
    """
    _put(client, name, {"disabled": None}, as_json)
    if not as_json:
        say(f"{clean(name)} is enabled.")


@click.command()
@click.argument("name", shell_complete=function_names, callback=whole_function)
@click.argument("slots", type=Slots(), metavar="SLOTS|none")
@as_json_option
@connected
def limit(client: Client, name: str, slots: int | None, as_json: bool) -> None:
    """Limit what runs at once of all versions of a function together.

    Beside it the 'concurrency' of each version counts. 0 pauses all of them; none lifts the limit.

    \b
    Example:
      thence limit hello 20
      thence limit hello none
    """
    _put(client, name, {"limit": slots}, as_json)
    if not as_json:
        if slots == 0:
            say(
                f"{clean(name)} is paused: what it is sent waits. Let it run:  "
                f"thence limit {clean(name)} none"
            )
        else:
            held = (
                "have no limit"
                if slots is None
                else f"have at most {slots} slot{'s' * (slots != 1)}"
            )
            say(f"All versions of {clean(name)} together {held}.")


def _put(client: Client, name: str, changes: dict[str, Any], as_json: bool) -> None:
    """The control with these changes; the rest of it stays."""
    now = _control(client, name)
    body = {"limit": now["limit"], "disabled": now["disabled"]} | changes
    answer = client.send("PUT", _path(name), body)
    if as_json:
        print_json(answer)


def _control(client: Client, name: str) -> Any:
    return client.get(_path(name))


def _path(name: str) -> str:
    return f"/v1/functions/{part(name)}/control"
