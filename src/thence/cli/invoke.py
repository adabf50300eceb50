"""`thence invoke`: a call, and the wait for its end."""

from __future__ import annotations

import array
import fcntl
import json
import os
import stat
import sys
import termios
import time
from pathlib import Path
from typing import Any

import click

from ..lifecycle import states
from ..lifecycle.policy import DELAY_SECONDS_MAX
from .answers import NOT_THENCE, Unreachable
from .client import Client, part
from .figures import span
from .invocation_text import last_error
from .options import SECONDS, as_json_option, connected, qualified, qualified_names
from .output import print_bytes, print_json, say

POLL_SECONDS = 20
FINAL = frozenset(str(state) for state in states.FINAL)


def _payload(data: str | None) -> bytes:
    if data is None:
        return b""
    try:
        if data in ("-", "@-"):
            return sys.stdin.buffer.read()
        return Path(data[1:]).read_bytes() if data.startswith("@") else os.fsencode(data)
    except OSError as error:
        raise click.UsageError(f"--data {data}: {error.strerror or error}.") from None


def unread_input() -> bool:
    """Bytes wait on stdin that nobody has read: a file, or a pipe with something in it. A file of which
    a part has been read is a loop's or a shell's own. Never waits for any: a script, a cron job or a
    CI leaves a pipe open that nothing ever comes from."""
    try:
        kind = os.fstat(sys.stdin.fileno())
        if stat.S_ISREG(kind.st_mode):
            return os.lseek(sys.stdin.fileno(), 0, os.SEEK_CUR) == 0 < kind.st_size
        if not stat.S_ISFIFO(kind.st_mode) and not stat.S_ISSOCK(kind.st_mode):
            return False  # a terminal, /dev/null
        count = array.array("i", [0])
        fcntl.ioctl(sys.stdin.fileno(), termios.FIONREAD, count)
        return count[0] > 0
    except (AttributeError, OSError, ValueError):
        return False  # there is no stdin


def _tell_unread(data: str | None) -> None:
    if data is None and unread_input():
        say("The call has no payload: what waits on stdin was not read; --data - takes it.")


def content_type(payload: bytes, data: str | None) -> str:
    """What a payload is, as far as one can see."""
    try:
        json.loads(payload)
        return "application/json"
    except (ValueError, RecursionError):
        pass  # not JSON, or too deep to tell: text where it was typed, otherwise bytes
    typed = data is not None and data not in ("-", "@-") and not data.startswith("@")
    return "text/plain; charset=utf-8" if typed else "application/octet-stream"


@click.command()
@click.argument("name", metavar="NAME[@QUALIFIER]", shell_complete=qualified_names)
@click.option("--data", metavar="TEXT|@FILE|-", help="The payload; - reads stdin.")
@click.option("--content-type", "kind", help="Otherwise JSON, text or bytes by what it is.")
@click.option("--async", "later", is_flag=True, help="Accept it, print its id (default).")
@click.option("--wait", is_flag=True, help="Accept it, wait for its end, print that.")
@click.option("--sync", is_flag=True, help="Run it once, keep nothing, no retries.")
@click.option("--for", "seconds", type=SECONDS, help="With --wait: wait at most so long.")
@click.option("--delay", type=SECONDS, help="Start it so much later, up to 30 days.")
@click.option("--key", metavar="KEY", help="Idempotency key: repeating the command is harmless.")
@as_json_option
@connected
def invoke(
    client: Client,
    name: str,
    data: str | None,
    kind: str | None,
    later: bool,
    wait: bool,
    sync: bool,
    seconds: float | None,
    delay: float | None,
    key: str | None,
    as_json: bool,
) -> int:
    """Call a function: now, or as an invocation that is kept.

    NAME@QUALIFIER calls a version or an alias of it. With --wait and --sync the function's answer is
    printed as it is; status 0 means that it succeeded, 1 that it did not (or, with --for, not yet).
    Ctrl-C ends the waiting of --wait; the invocation goes on.

    \b
    Example:
      thence invoke hello --data '{"name": "Ada"}' --wait
      thence invoke unzip@prod --data @archive.zip
      thence invoke report --data @- --delay 2h --key 2026-05-01 < figures.json
    """
    if later + wait + sync > 1:
        raise click.UsageError("--async, --wait and --sync are three ways; take one.")
    if sync and (delay is not None or key is not None):
        raise click.UsageError("--delay and --key are for invocations that are kept, not --sync.")
    if not wait and seconds is not None:
        raise click.UsageError("--for is how long --wait waits; give --wait too.")
    if delay is not None and delay > DELAY_SECONDS_MAX:
        raise click.UsageError(f"--delay: {span(delay)} is too long; at most 30 days (30d).")
    payload = _payload(data)
    _tell_unread(data)
    headers = {"Content-Type": kind or content_type(payload, data)}
    function, qualifier = qualified(name)
    path, query = f"/v1/functions/{part(function)}", {"qualifier": qualifier}
    if sync:
        answer = client.request(
            "POST",
            f"{path}/invoke",
            query=query,
            body=payload,
            headers=headers,
            timeout_seconds=86_400,
        )
        if answer.header("Thence-Invocation-Id") is None:
            raise Unreachable(f"The answer is not that of a call: {NOT_THENCE}")
        print_bytes(answer.body)
        return 0
    if delay:
        headers["Thence-Delay-Seconds"] = f"{delay:.3f}"
    if key is not None:
        headers["Idempotency-Key"] = key
    accepted = client.request(
        "POST", f"{path}/invocations", query=query, body=payload, headers=headers
    ).json()
    if wait:
        return _wait(client, accepted["id"], seconds, as_json)
    if as_json:
        print_json(accepted)
    else:
        click.echo(accepted["id"])
        say(f"What became of it:  thence show {accepted['id']}")
    return 0


def _wait(client: Client, id: str, seconds: float | None, as_json: bool) -> int:
    say(f"{id} is accepted; waiting for its end.")
    try:
        view = wait_for_end(client, id, seconds)
    except (KeyboardInterrupt, Unreachable):
        say(f"\nNo longer waiting. {id} goes on: look later with  thence show {id}")
        raise
    if as_json:
        print_json(view)
        return 0 if view["state"] == "succeeded" else 1
    if view["state"] == "succeeded":
        print_bytes(client.request("GET", f"/v1/invocations/{id}/result").body)
        return 0
    if view["state"] not in FINAL:
        why = view.get("why") or {}
        because = f": {why['text']}" if why else ""
        say(
            f"{id} is {view['state']} after {span(seconds)}{because}. Look later:  thence show {id}"
        )
        return 1
    say(f"{id} {view['state']} ({view.get('reason')}): {last_error(view)}")
    say(f"All of it:  thence show {id}")
    return 1


def wait_for_end(client: Client, id: str, seconds: float | None = None) -> dict[str, Any]:
    """The invocation as soon as it is final, or as it is after `seconds` (None: however long)."""
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        left = POLL_SECONDS if end is None else min(POLL_SECONDS, end - time.monotonic())
        view: dict[str, Any] = client.request(
            "GET",
            f"/v1/invocations/{id}",
            query={"wait": f"{max(0.0, left):.3f}"},
            timeout_seconds=POLL_SECONDS + 20,
        ).json()
        if view["state"] in FINAL or (end is not None and time.monotonic() >= end):
            return view
