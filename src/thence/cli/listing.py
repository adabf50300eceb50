"""`thence ls`, `thence dead-letters`: lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..lifecycle.states import State
from .client import Client
from .function import destination_text, held_back
from .invocation_view import LATEST, took
from .options import as_json_option, connected, function_names, moment, not_empty, whole_function
from .output import instant, print_json, print_table, say, say_where_it_ends, size, span

F = TypeVar("F", bound=Callable[..., Any])
RUN_AGAIN = "Run one again:  thence redrive ID   all of a function:  thence redrive --function NAME"
DELIVER_AGAIN = "Send one again, without running its function:  thence redrive --delivery ID"
STATES = [str(state) for state in State]


def filters(command: F) -> F:
    """The options that choose invocations."""
    for option in (
        click.option("--until", metavar="WHEN", help="Accepted before; as --since."),
        click.option(
            "--since", metavar="WHEN", help="Accepted after: 2h (ago), or an instant (UTC)."
        ),
        click.option(
            "--reason", callback=not_empty, help="Why it ended, such as retries_exhausted."
        ),
        click.option(
            "--function",
            shell_complete=function_names,
            callback=whole_function,
            help="Of this function.",
        ),
    ):
        command = option(command)
    return command


def query_of(given: dict[str, Any]) -> dict[str, Any]:
    """The filter options as the service takes them."""
    return {
        "function": given.get("function"),
        "reason": given.get("reason"),
        "since": moment(given.get("since"), "--since"),
        "until": moment(given.get("until"), "--until"),
    }


@click.command()
@click.argument("what", type=click.Choice(["functions", "invocations"]), default="invocations")
@filters
@click.option("--state", type=click.Choice(STATES), multiple=True, help="May be repeated.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@as_json_option
@connected
def ls(
    client: Client, what: str, state: tuple[str, ...], limit: int, as_json: bool, **given: Any
) -> None:
    """List functions or invocations.

    \b
    Example:
      thence ls functions
      thence ls invocations --function unzip --state failed --since 2h
      thence ls --json | jq -r '.items[].id'
    """
    if what == "functions":
        if state or any(value is not None for value in given.values()):
            raise click.UsageError(
                "--function, --state, --reason, --since and --until choose "
                "invocations; functions are listed all."
            )
        items = list(client.pages("/v1/functions", {}, limit))
    else:
        query = {**query_of(given), "state": ",".join(state)}
        items = list(client.pages("/v1/invocations", query, limit))
    if as_json:
        print_json({"items": items})
    elif what == "functions":
        _functions(items)
    else:
        print_invocations(items, "There are no such invocations.")
    say_where_it_ends(items, limit, "first" if what == "functions" else "newest")


def _functions(items: list[dict[str, Any]]) -> None:
    print_table(
        (
            "function",
            "state",
            "revision",
            "handler",
            "slots",
            "retries",
            "time limit",
            "code",
            "on success",
            "on failure",
        ),
        [
            (
                one["name"],
                held_back(one),
                one["revision"],
                one["handler"],
                one["concurrency"],
                one["max_retries"],
                span(one["timeout_seconds"]),
                size(one["code_bytes"]),
                destination_text(one["on_success"]),
                destination_text(one["on_failure"]),
            )
            for one in items
        ],
        "There are no functions. Deploy one:  thence deploy DIR",
        optional=("code", "revision", "time limit", "retries", "slots", "handler"),
        prose="state",
    )


def print_invocations(items: list[dict[str, Any]], empty: str) -> None:
    """A table of invocations, newest first."""
    print_table(
        (
            "invocation",
            "function",
            "state",
            "reason",
            "attempts",
            "accepted (UTC)",
            "took",
            "redriven",
        ),
        [
            (
                one["id"],
                _with_version(one),
                one["state"],
                one["reason"],
                one["attempts_made"],
                instant(one["accepted_at"]),
                took(one),
                one["redriven_as"],
            )
            for one in items
        ],
        empty,
        optional=("redriven", "took", "attempts", "accepted (UTC)", "reason"),
    )


def _with_version(one: dict[str, Any]) -> str:
    function, version = str(one["function"]), one["version"]
    return function if version == LATEST else f"{function}@{version}"


@click.command("dead-letters")
@filters
@click.option("--deliveries", is_flag=True, help="Records that could not be delivered instead.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@as_json_option
@connected
def dead_letters(client: Client, deliveries: bool, limit: int, as_json: bool, **given: Any) -> None:
    """List invocations that ended without success.

    Those are: failed, expired, invalid, and what 'disable --abort' stopped. Their payloads are kept
    until the retention ends; 'thence redrive' runs them again.

    \b
    Example:
      thence dead-letters --function unzip --since 1d
      thence dead-letters --deliveries
      thence redrive --function unzip --since 1d --dry-run
    """
    query = query_of(given)
    if deliveries:
        query["kind"] = "delivery"
    items = list(client.pages("/v1/dead-letters", query, limit))
    if as_json:
        print_json({"items": items})
    elif deliveries:
        _deliveries(items)
    else:
        print_invocations(items, "There are no dead letters.")
    say_where_it_ends(items, limit)
    if items and not as_json:
        say(DELIVER_AGAIN if deliveries else RUN_AGAIN)


def _deliveries(items: list[dict[str, Any]]) -> None:
    print_table(
        ("delivery", "function", "to", "for", "reason", "tries", "ended (UTC)", "invocation"),
        [
            (
                one["id"],
                one["function"],
                one["destination"],
                one["condition"],
                one["reason"],
                one["attempts_made"],
                instant(one["ended_at"]),
                one["invocation"],
            )
            for one in items
        ],
        "There are no dead deliveries.",
        optional=("tries", "for", "ended (UTC)", "invocation", "reason"),
    )
