"""`thence invoke`: a call, and the wait for its end."""

from __future__ import annotations

import time
from typing import Any

import click

from ..lifecycle import states
from ..lifecycle.policy import DELAY_SECONDS_MAX
from .answers import NOT_THENCE, Answer, Unreachable
from .client import Client, part
from .figures import span
from .invocation_text import last_error
from .options import SECONDS, as_json_option, connected, qualified, qualified_names
from .output import print_bytes, print_json, say
from .payload import content_type, read_payload, tell_unread

POLL_SECONDS = 20
SYNC_SECONDS_MAX = 86_400  # of a call that is answered at once
FINAL = frozenset(str(state) for state in states.FINAL)


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
    payload = read_payload(data)
    tell_unread(data)
    headers = {"Content-Type": kind or content_type(payload, data)}
    if sync:
        _call_now(client, name, payload, headers)
        return 0
    if delay:
        headers["Thence-Delay-Seconds"] = f"{delay:.3f}"
    if key is not None:
        headers["Idempotency-Key"] = key
    accepted = _post(client, name, "invocations", payload, headers).json()
    if wait:
        return _wait(client, accepted["id"], seconds, as_json)
    if as_json:
        print_json(accepted)
    else:
        click.echo(accepted["id"])
        say(f"What became of it:  thence show {accepted['id']}")
    return 0


def _post(
    client: Client,
    name: str,
    what: str,
    payload: bytes,
    headers: dict[str, str],
    timeout_seconds: float | None = None,
) -> Answer:
    function, qualifier = qualified(name)
    return client.request(
        "POST",
        f"/v1/functions/{part(function)}/{what}",
        query={"qualifier": qualifier},
        body=payload,
        headers=headers,
        timeout_seconds=timeout_seconds,
    )


def _call_now(client: Client, name: str, payload: bytes, headers: dict[str, str]) -> None:
    answer = _post(client, name, "invoke", payload, headers, SYNC_SECONDS_MAX)
    if answer.header("Thence-Invocation-Id") is None:
        raise Unreachable(f"The answer is not that of a call: {NOT_THENCE}")
    print_bytes(answer.body)


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
