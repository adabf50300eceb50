"""What the demo has to tell at its end: what happened to each invocation, and what to type next."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..figures import span
from ..invocation_text import between
from ..output import clean, styled
from .promises import Check
from .scenario import Send
from .service import Service

MARKS = {"ok": ("✓", "green"), "lost": ("⚡", "magenta")}


def print_invocations(
    console: Console, everything: list[Send], views: dict[str, dict[str, Any]]
) -> None:
    """A row an invocation: attempts, waits, outcome, deliveries."""
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for name in ("invocation", "function", "attempts", "waited", "took", "state", "delivered to"):
        table.add_column(name, overflow="fold")
    for send in everything:
        view = views[send.id]
        table.add_row(
            send.label,
            send.function,
            _attempts(view),
            span(_waited(view)),
            span(between(view.get("accepted_at"), view.get("ended_at"))),
            styled(view["state"]),
            _deliveries(view),
        )
    console.print()
    console.print(table)
    console.print(
        Text("attempts: ✓ answered  ✗ failed  ⚡ cut off by kill -9", style="dim"), soft_wrap=True
    )


def _attempts(view: dict[str, Any]) -> Text:
    text = Text()
    for attempt in view["attempts"]:
        mark, style = MARKS.get(str(attempt.get("outcome")), ("✗", "red"))
        text.append(mark, style=style)
    text.append(f" {len(view['attempts'])}", style="dim")
    return text


def _waited(view: dict[str, Any]) -> float:
    """From accept to end, without the time that attempts took."""
    whole = between(view.get("accepted_at"), view.get("ended_at")) or 0.0
    ran = 0.0
    for attempt in view["attempts"]:
        ran += between(attempt.get("started_at"), attempt.get("ended_at")) or 0.0
    return max(0.0, whole - ran)


def _deliveries(view: dict[str, Any]) -> Text:
    text = Text()
    for delivery in view["deliveries"]:
        attempts = int(delivery.get("attempts_made") or 1)
        text.append("\n" if text else "")
        kind = clean(delivery["destination"])
        text.append("webhook" if kind.startswith("http") else kind)
        if delivery["state"] != "delivered":
            text.append(" ").append(styled(delivery["state"]))
        elif attempts > 1:
            text.append(f" at attempt {attempts}", style="dim")
    return text or Text("nowhere asked for", style="dim")


def print_checks(console: Console, checks: list[Check], seconds: float) -> None:
    console.print()
    table = Table(box=None, pad_edge=False, show_header=False)
    for promise, held, seen in checks:
        mark = Text("✓", style="green") if held else Text("✗", style="bold red")
        table.add_row(mark, promise, Text(clean(seen), style="dim" if held else "red"))
    console.print(table)
    broken = sum(1 for _, held, _ in checks if not held)
    console.print()
    if broken:
        console.print(f"Promises broken: {broken}.", style="bold red")
    else:
        console.print(f"Every promise held, in {seconds:.0f} s.", style="bold green")


def print_next(console: Console, service: Service, keep: bool, held: bool) -> None:
    """What to type next; where to look when something broke."""
    lines = [
        "thence serve                                 start a service that stays",
        "thence deploy examples/hello                 deploy a function (in another terminal)",
        'thence invoke hello --data \'{"name": "Ada"}\' --wait',
        "thence ls invocations;  thence show ID       what became of it",
    ]
    if shutil.which("thence") is None:
        folder = Path(sys.executable).parent
        below = folder.is_relative_to(Path.cwd())
        shown = f"$PWD/{folder.relative_to(Path.cwd())}" if below else str(folder)
        lines.insert(0, f'export PATH="{shown}:$PATH"')
    if keep:
        lines.append(f"thence serve --data-dir {service.data}   what this demo left")
    console.print()
    console.print("Type next:", style="bold")
    for line in lines:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if not held:
        tail = service.log.read_text("utf-8", "replace").splitlines()[-20:]
        console.print("\nThe service said last:", style="bold")
        for line in tail:
            console.print(f"  {clean(line)}", markup=False, soft_wrap=True)
