"""The course of the demo, from the empty folder to the last check."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from ...errors import StartupError
from ..client import Client
from ..invoke import FINAL
from ..verify import check as verify_folder
from .promises import Check, check
from .receiver import Receiver
from .report import print_checks, print_invocations, print_next
from .scenario import Send, functions, sends
from .screen import Screen
from .service import Service

END_SECONDS = 60.0
RUN_SECONDS = 20.0
WIDTH_MIN = 110  # where the output is a file, nothing is gained by folding lines
PENDING = "pending"


def play(keep: bool, data_dir: Path | None) -> int:
    """Run the demo; 0 only if every promise held."""
    if data_dir is not None and data_dir.exists() and any(data_dir.iterdir()):
        raise StartupError(f"{data_dir} is not empty; name a new folder.", setting="data_dir")
    folder = data_dir or Path(tempfile.mkdtemp(prefix="thence-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _end)  # so that the service below is ended with us
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH_MIN)
    service, receiver = Service(folder.resolve()), Receiver()
    try:
        return _play(console, service, receiver, keep)
    finally:
        service.stop()
        receiver.close()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _play(console: Console, service: Service, receiver: Receiver, keep: bool) -> int:
    began = time.monotonic()
    everything = sends()
    with Screen(console) as screen:
        screen.step("Starting the service, on SQLite in a new folder")
        client = service.start()
        screen.follow(client)
        _deploy(screen, client, receiver)
        _send(screen, client, everything)
        client = _crash(screen, service, everything)
        screen.step("Waiting until everything has ended and every record is delivered")
        views = _wait_for_ends(client, everything)
    print_invocations(console, everything, views)
    checks = check(client, everything, views, receiver)
    checks += [_events(screen), *_shut_down(service)]
    print_checks(console, checks, time.monotonic() - began)
    held = all(passed for _, passed, _ in checks)
    print_next(console, service, keep, held)
    return 0 if held else 1


def _deploy(screen: Screen, client: Client, receiver: Receiver) -> None:
    found = functions(receiver.url, receiver.secret)
    screen.step(f"Deploying {len(found)} functions: {', '.join(found)}")
    for name, spec in found.items():
        client.send("PUT", f"/v1/functions/{name}", spec)


def _send(screen: Screen, client: Client, everything: list[Send]) -> None:
    size = sum(len(send.payload) for send in everything) / 1024
    screen.step(f"Sending {len(everything)} events, {size:.0f} KiB; each 202 means: on disk")
    for send in everything:
        headers = {"Content-Type": send.content_type}
        if send.delay_seconds:
            headers["Thence-Delay-Seconds"] = str(send.delay_seconds)
        path = f"/v1/functions/{send.function}/invocations"
        answer = client.request("POST", path, body=send.payload, headers=headers)
        send.id = answer.json()["id"]
        screen.expect(send)


def _crash(screen: Screen, service: Service, everything: list[Send]) -> Client:
    """Kill the service while an attempt is known to run and others wait for their retries; start
    it again on the same folder."""
    states = {"patient": "running", "flaky": "retrying", "never": "retrying"}
    awaited = {send.id: states[send.function] for send in everything if send.function in states}
    # A record cut off on its way would be sent again too, but only when its claim has run out.
    quick = [send for send in everything if send.function == "unzip" and not send.delay_seconds]
    awaited |= {send.id: "delivery:delivered" for send in quick if send.state == "succeeded"}
    screen.wait_for(awaited, RUN_SECONDS)
    screen.step("kill -9, while one function is at work and others wait for their retry")
    service.kill()
    screen.step("Starting it again on the same folder")
    return service.start()


def _wait_for_ends(client: Client, everything: list[Send]) -> dict[str, dict[str, Any]]:
    """The invocations as they are when all have ended and owe nothing, or after END_SECONDS."""
    end = time.monotonic() + END_SECONDS
    views: dict[str, dict[str, Any]] = {}
    while True:
        for send in everything:
            if send.id not in views or not _over(views[send.id]):
                views[send.id] = client.get(f"/v1/invocations/{send.id}")
        if all(_over(view) for view in views.values()) or time.monotonic() > end:
            return views
        time.sleep(0.1)


def _over(view: dict[str, Any]) -> bool:
    owed = any(delivery["state"] == PENDING for delivery in view["deliveries"])
    return view["state"] in FINAL and not owed


def _events(screen: Screen) -> Check:
    return (
        "the stream of events went on behind the last one seen",
        screen.events > 0 and screen.gaps == 0,
        f"{screen.events} events over two connections, {screen.gaps} gaps",
    )


def _shut_down(service: Service) -> list[Check]:
    status = service.stop()
    report = asyncio.run(verify_folder(service.data))
    problems = report["problems"]
    return [
        ("SIGTERM drained the service and it ended with 0", status == 0, f"status {status}"),
        ("thence verify finds the store clean", not problems, "; ".join(problems) or "clean"),
    ]
