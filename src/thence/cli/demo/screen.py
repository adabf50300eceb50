"""The demo's live picture: every invocation with its state, changing as events arrive."""

from __future__ import annotations

import threading
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..answers import Problem, Unreachable
from ..client import Client
from ..output import clean, styled
from ..tail import follow
from .scenario import Send

RECENT = 6


class Screen:
    """Follows the service's events in a thread. On a terminal a live table; elsewhere the steps as
    lines. `step()` says what the demo does now."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._labels: dict[str, Send] = {}
        self._states: dict[str, str] = {}
        self._seen: dict[tuple[str, str], bool] = {}
        self._attempts: dict[str, int] = {}
        self._recent: list[Text] = []
        self._step = ""
        self.events = 0
        self.gaps = 0
        self._ended = threading.Event()
        self._changed = threading.Condition()
        self._live = Live(
            console=console, refresh_per_second=12, transient=True, get_renderable=self._picture
        )

    def __enter__(self) -> Screen:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._live.stop()

    def step(self, text: str) -> None:
        self._step = text
        self._console.print(Text.assemble(("▸ ", "cyan"), text))

    def expect(self, send: Send) -> None:
        """An invocation was accepted."""
        with self._changed:
            self._labels[send.id] = send
            self._states.setdefault(send.id, "queued")

    def follow(self, client: Client) -> None:
        """Follow from now on, over restarts of the service."""
        ready = threading.Event()
        thread = threading.Thread(target=self._follow, args=(client, ready), daemon=True)
        thread.start()

    def wait_for(self, states: dict[str, str], seconds: float) -> bool:
        """Whether those invocations (by id) were seen in those states within `seconds`."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(self._seen.get((id, state)) for id, state in states.items()), seconds
            )

    def _follow(self, client: Client, ready: threading.Event) -> None:
        try:
            # From the very first event: the data directory is new.
            for _, kind, event in follow(client, {}, "0.0"):
                if self._ended.is_set():
                    return
                self._take(kind, event)
        except (Problem, Unreachable) as error:
            with self._changed:
                self._recent.append(Text(f"the events cannot be followed: {clean(error)}", "red"))

    def _take(self, kind: str, event: dict[str, Any]) -> None:
        with self._changed:
            self.events += 1
            id, state = str(event.get("id", "")), str(event.get("state", ""))
            if event.get("gap") or kind == "gap":
                self.gaps += 1
                return
            self._seen[id, state] = True
            if not state.startswith("delivery"):
                self._states[id] = state
                self._attempts[id] = int(event.get("attempt") or 0)
            send = self._labels.get(id)
            line = Text(f"  {clean(event.get('at', ''))[11:23]}  ", style="dim")
            line.append(f"{send.label if send else clean(event.get('function', '')):<16}")
            line.append(styled(state.replace("delivery:", "record ")))
            if event.get("attempt") and not state.startswith("delivery"):
                line.append(f"  attempt {event['attempt']}", style="dim")
            self._recent = [*self._recent[-RECENT + 1 :], line]
            self._changed.notify_all()

    def _picture(self) -> Group:
        with self._changed:
            table = Table(box=None, pad_edge=False, header_style="bold")
            for name in ("invocation", "function", "state", "attempt"):
                table.add_column(name)
            for id, send in self._labels.items():
                attempt = self._attempts.get(id, 0)
                table.add_row(
                    send.label,
                    send.function,
                    styled(self._states.get(id, "")),
                    str(attempt or ""),
                )
            return Group(Text(), table, Text(), *self._recent)
