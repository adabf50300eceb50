"""`thence mailbox`: the built-in queues, topics, streams and buckets."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import click

from .client import Client, objects, part
from .options import SECONDS, as_json_option, connected, not_empty
from .output import (
    clean,
    console,
    instant,
    instant_utc,
    print_body,
    print_json,
    print_line,
    print_table,
    say,
    say_where_it_ends,
    size,
)

KINDS = ("queue", "topic", "stream", "bucket")
POLL_SECONDS = 0.5
HIDE_SECONDS = 30.0
BOXES_TOLD = 10


def _box(text: str) -> tuple[str, str]:
    kind, separator, name = text.replace(":", "/", 1).partition("/")
    if kind not in KINDS or not separator or not name:
        raise click.UsageError(f"{text!r}: write KIND/NAME, with a kind of {', '.join(KINDS)}.")
    if "/" in name:
        box, _, key = name.partition("/")
        raise click.UsageError(
            f"{text!r}: a box is KIND/NAME. Objects of a bucket are chosen by how their keys begin: "
            f"thence mailbox bucket/{box} --prefix {key}"
        )
    return kind, name


@click.command()
@click.argument("box", metavar="[KIND/NAME]", required=False)
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--receive", is_flag=True, help="Take messages of a queue: others do not see them.")
@click.option("--hide", type=SECONDS, help="With --receive: so long. [default: 30s]")
@click.option(
    "--delete",
    "deletion",
    metavar="WHAT",
    callback=not_empty,
    help="A number, receipt or key; or 'all'.",
)
@click.option("--prefix", default="", help="Of a bucket: objects whose keys begin so.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most.")
@as_json_option
@connected
def mailbox(
    client: Client,
    box: str | None,
    follow: bool,
    receive: bool,
    hide: float | None,
    deletion: str | None,
    prefix: str,
    limit: int,
    as_json: bool,
) -> None:
    """Read the built-in queues, topics, streams and buckets.

    Without KIND/NAME: which there are. Reading takes nothing away; --receive takes messages of a
    queue for a while, to be deleted by their receipts when they are dealt with.

    \b
    Example:
      thence mailbox
      thence mailbox queue/dead-letters
      thence mailbox stream/orders --follow --json
      thence mailbox queue/unzipped --receive --limit 1
      thence mailbox queue/unzipped --delete all
    """
    if sum((follow, receive, deletion is not None)) > 1:
        raise click.UsageError("--follow, --receive and --delete are three ways; take one.")
    if hide is not None and not receive:
        raise click.UsageError("--hide is how long --receive hides; give --receive too.")
    if box is None:
        if follow or receive or prefix or deletion is not None:
            raise click.UsageError("name the box as KIND/NAME; 'thence mailbox' lists them.")
        _boxes(client, as_json)
        return
    kind, name = _box(box)
    if prefix and kind != "bucket":
        raise click.UsageError("--prefix chooses objects of a bucket; other boxes have no keys.")
    path = f"/v1/mailbox/{kind}/{part(name)}"
    if deletion is not None:
        if not _delete(client, path, deletion):
            _tell_nothing(client, f"{kind}/{name}")
    elif receive:
        if kind != "queue":
            raise click.UsageError("--receive is for queues; read others without it.")
        asked = {"limit": limit, "visibility_seconds": HIDE_SECONDS if hide is None else hide}
        taken: list[Any] = list(objects(client.send("POST", f"{path}:receive", asked)["items"]))
        _print(taken, as_json)
        if not taken and not as_json:
            _tell_nothing(client, f"{kind}/{name}", "All that is in it is hidden for a while.")
    elif follow:
        if not as_json:
            _tell_nothing(client, f"{kind}/{name}")
        _follow(client, path, prefix, as_json)
    else:
        items = list(client.pages(path, {"prefix": prefix}, limit))
        _print(items, as_json)
        if not items and not as_json:
            why = f"Nothing in it begins with {prefix!r}." if prefix else "There is nothing in it."
            _tell_nothing(client, f"{kind}/{name}", why)
        say_where_it_ends(items, limit, "oldest")


def _tell_nothing(client: Client, box: str, why: str = "") -> None:
    """Of a box in which nothing was found: `why`, or that there is no such box. One is there from its
    first message to its last, so a name that was written wrong looks like one that is used up."""
    there = [f"{one['kind']}/{one['name']}" for one in client.items("/v1/mailbox")]
    if box in there:
        if why:
            say(why)
        return
    more = f" and {len(there) - BOXES_TOLD} more" if len(there) > BOXES_TOLD else ""
    boxes = f"There are {', '.join(there[:BOXES_TOLD])}{more}." if there else "There are no boxes."
    say(f"There is no {box} now: a box is there as long as something is in it. {boxes}")


def _boxes(client: Client, as_json: bool) -> None:
    found = client.items("/v1/mailbox")
    if as_json:
        print_json({"items": found})
        return
    print_table(
        ("box", "messages", "size", "oldest (UTC)"),
        [
            (
                f"{one['kind']}/{one['name']}",
                one["messages"],
                size(one["bytes"]),
                instant(one["oldest_at"]),
            )
            for one in found
        ],
        "The mailbox holds nothing now.",
    )


def _follow(client: Client, path: str, prefix: str, as_json: bool) -> None:
    after = 0
    while True:
        page = client.get(path, {"after": after, "prefix": prefix, "limit": 100})["items"]
        for message in page:
            after = message["seq"]
            if as_json:
                print_line(message)
            else:
                _print_one(message)
        if not page:
            time.sleep(POLL_SECONDS)


def _delete(client: Client, path: str, what: str) -> int:
    """How many are gone."""
    query: dict[str, str | int | float | None] = {}
    if what.isascii() and what.isdecimal():
        query["seq"] = int(what)
    elif what == "all":
        query["all"] = "true"
    else:
        query["key" if "/bucket/" in path else "receipt"] = what
    count: int = client.request("DELETE", path, query=query).json()["deleted"]
    say(f"{count} deleted.")
    return count


def _print(items: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json({"items": items})
        return
    for message in items:
        _print_one(message)


def _print_one(message: dict[str, Any]) -> None:
    where = message.get("key") or message["seq"]
    head = f"── {where}  {instant_utc(message.get('created_at'))}"
    if message.get("receipt"):
        head += f"  receipt {message['receipt']}"
    console().print(clean(head), style="bold", markup=False)
    print_body(body_text(message))


def body_text(message: dict[str, Any]) -> str:
    """A message's body as text; bytes as the service shows them, `{"base64": …}`."""
    body = message["body"]
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def body_bytes(message: dict[str, Any]) -> bytes:
    """A message's body as it was put."""
    body = message["body"]
    if isinstance(body, dict) and set(body) == {"base64"}:
        return base64.b64decode(body["base64"])
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
