"""`thence mailbox`: the built-in queues, topics, streams and buckets."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from .answers import objects
from .client import Client, part
from .figures import instant, instant_utc, size
from .noun import Noun
from .options import SECONDS, as_json_option, connected, limit_option, not_empty
from .output import (
    clean,
    console,
    print_body,
    print_json,
    print_line,
    print_table,
    say,
    say_where_it_ends,
)

KINDS = ("queue", "topic", "stream", "bucket")
POLL_SECONDS = 0.5
PAGE = 100  # messages that one look at a box takes
HIDE_SECONDS = 30.0
BOXES_TOLD = 10


class BoxName(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases only
    """`KIND/NAME` (or `KIND:NAME`, as destinations are written) of one of the kinds."""

    name = "box"

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds or KINDS

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        kind, separator, name = str(value).replace(":", "/", 1).partition("/")
        if kind not in KINDS or not separator or not name:
            self.fail(f"{value!r}: write KIND/NAME, with a kind of {', '.join(KINDS)}.", param, ctx)
        if kind not in self._kinds:
            only = " or ".join(self._kinds)
            self.fail(f"{value!r}: this is for a {only}; 'thence mailbox read' reads others.")
        box, slash, key = name.partition("/")
        if slash:
            self.fail(
                f"{value!r}: a box is KIND/NAME. Objects of a bucket are chosen by how their keys "
                f"begin: thence mailbox read bucket/{box} --prefix {key}"
            )
        return f"{kind}/{name}"


@click.group(cls=Noun)
def mailbox() -> None:
    """Read the built-in queues, topics, streams and buckets.

    A box is there as long as something is in it. It is named as KIND/NAME.

    \b
    Example:
      thence mailbox ls
      thence mailbox read queue/dead-letters
    """


@mailbox.command("ls")
@as_json_option
@connected
def ls(client: Client, as_json: bool) -> None:
    """List the boxes that there are.

    \b
    Example:
      thence mailbox ls
    """
    boxes = client.items("/v1/mailbox")
    if as_json:
        print_json({"items": boxes})
        return
    print_table(
        ("box", "messages", "size", "oldest (UTC)"),
        [
            (
                f"{box['kind']}/{box['name']}",
                box["messages"],
                size(box["bytes"]),
                instant(box["oldest_at"]),
            )
            for box in boxes
        ],
        "The mailbox holds nothing now.",
    )


@mailbox.command("read")
@click.argument("box", metavar="KIND/NAME", type=BoxName())
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--prefix", default="", help="Of a bucket: objects whose keys begin so.")
@limit_option
@as_json_option
@connected
def read(client: Client, box: str, follow: bool, prefix: str, limit: int, as_json: bool) -> None:
    """Read what is in a box. It stays there.

    \b
    Example:
      thence mailbox read queue/dead-letters
      thence mailbox read stream/orders --follow --json
      thence mailbox read bucket/reports --prefix 2026/
    """
    if prefix and not box.startswith("bucket/"):
        raise click.UsageError("--prefix chooses objects of a bucket; other boxes have no keys.")
    if follow:
        if not as_json:
            _explain_empty(client, box)
        _follow(client, _path(box), prefix, as_json)
        return
    messages = list(client.pages(_path(box), {"prefix": prefix}, limit))
    _print(messages, as_json)
    if not messages and not as_json:
        why = f"Nothing in it begins with {prefix!r}." if prefix else "There is nothing in it."
        _explain_empty(client, box, why)
    say_where_it_ends(messages, limit, "oldest")


@mailbox.command("receive")
@click.argument("box", metavar="queue/NAME", type=BoxName("queue"))
@click.option(
    "--hide", type=SECONDS, default=HIDE_SECONDS, help="Hide them so long. [default: 30s]"
)
@limit_option
@as_json_option
@connected
def receive(client: Client, box: str, hide: float, limit: int, as_json: bool) -> None:
    """Take messages of a queue: others do not see them for a while.

    Delete each by its receipt when it is dealt with; otherwise it is seen again.

    \b
    Example:
      thence mailbox receive queue/unzipped --limit 1
      thence mailbox delete queue/unzipped 17.1
    """
    asked = {"limit": limit, "visibility_seconds": hide}
    messages: list[Any] = list(
        objects(client.send("POST", f"{_path(box)}:receive", asked)["items"])
    )
    _print(messages, as_json)
    if not messages and not as_json:
        _explain_empty(client, box, "All that is in it is hidden for a while.")


@mailbox.command("delete")
@click.argument("box", metavar="KIND/NAME", type=BoxName())
@click.argument("what", metavar="WHAT", callback=not_empty)
@connected
def delete(client: Client, box: str, what: str) -> None:
    """Delete messages of a box.

    WHAT is the number of a message, a receipt, the key of an object of a bucket, or 'all'.

    \b
    Example:
      thence mailbox delete queue/unzipped 17
      thence mailbox delete queue/unzipped all
    """
    query: dict[str, str | int | float | None] = {}
    if what.isascii() and what.isdecimal():
        query["seq"] = int(what)
    elif what == "all":
        query["all"] = "true"
    else:
        query["key" if box.startswith("bucket/") else "receipt"] = what
    count = client.request("DELETE", _path(box), query=query).json()["deleted"]
    say(f"{count} deleted.")
    if not count:
        _explain_empty(client, box)


def _path(box: str) -> str:
    kind, _, name = box.partition("/")
    return f"/v1/mailbox/{kind}/{part(name)}"


def _explain_empty(client: Client, box: str, why: str = "") -> None:
    """Of a box in which nothing was found: `why`, or that there is no such box. One is there from its
    first message to its last, so a name that was written wrong looks like one that is used up."""
    names = [f"{found['kind']}/{found['name']}" for found in client.items("/v1/mailbox")]
    if box in names:
        if why:
            say(why)
        return
    more = f" and {len(names) - BOXES_TOLD} more" if len(names) > BOXES_TOLD else ""
    boxes = f"There are {', '.join(names[:BOXES_TOLD])}{more}." if names else "There are no boxes."
    say(f"There is no {box} now: a box is there as long as something is in it. {boxes}")


def _follow(client: Client, path: str, prefix: str, as_json: bool) -> None:
    after = 0
    while True:
        page = client.get(path, {"after": after, "prefix": prefix, "limit": PAGE})["items"]
        for message in page:
            after = message["seq"]
            if as_json:
                print_line(message)
            else:
                _print_message(message)
        if not page:
            time.sleep(POLL_SECONDS)


def _print(messages: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json({"items": messages})
        return
    for message in messages:
        _print_message(message)


def _print_message(message: dict[str, Any]) -> None:
    place = message.get("key") or message["seq"]
    head = f"── {place}  {instant_utc(message.get('created_at'))}"
    if message.get("receipt"):
        head += f"  receipt {message['receipt']}"
    console().print(clean(head), style="bold", markup=False, soft_wrap=True)
    body = message["body"]  # bytes as the service shows them: {"base64": …}
    print_body(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))
