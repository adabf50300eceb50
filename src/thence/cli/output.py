"""How commands speak: tables for people on stdout, JSON for programs, all else on stderr.

Texts that come from functions or callers (errors, logs, payloads) are shown without control
characters, so that nobody's error message can steer the terminal, and never read as markup.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence, Sized
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_STEERING = re.compile(r"[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
PIPE_WIDTH = 4096  # characters: programs read lines, not screens
PROSE_WIDTH = 20  # characters that a folded column has at least
STYLES = {
    "queued": "cyan",
    "running": "blue",
    "retrying": "yellow",
    "stopping": "yellow",
    "succeeded": "green",
    "failed": "red",
    "stopped": "magenta",
    "expired": "red",
    "invalid": "red",
    "pending": "yellow",
    "delivered": "green",
    "dead": "red",
    "ok": "green",
}


@cache
def console() -> Console:
    """Where results for people go."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return _console(None)
    return _console(PIPE_WIDTH)


def _console(width: int | None) -> Console:
    from rich.console import Console

    # No emoji: it would change what is not ours, `acs:ram::1:role/x` to a ram's head.
    return Console(highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty(), width=width)


@cache
def stderr_console() -> Console:
    """Where progress and remarks go: stderr, so that stdout can be piped."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


def clean(value: Any) -> str:
    """Text of others, safe to print."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))


def print_json(value: Any) -> None:
    """Indented JSON, safe to print."""
    click.echo(_escaped(json.dumps(value, indent=2, ensure_ascii=False)))


def print_body(text: str) -> None:
    """What others wrote, for people: JSON indented and coloured, other text as it is; safe to print."""
    from rich.highlighter import JSONHighlighter

    try:
        shown = _escaped(json.dumps(json.loads(text), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        console().print(clean(text), markup=False, soft_wrap=True)
        return
    console().print(JSONHighlighter()(shown), soft_wrap=True)


def print_bytes(body: bytes) -> None:
    """A body as it is; to a terminal only as text that cannot steer it."""
    if not sys.stdout.isatty():
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    text = body.decode("utf-8", "replace")
    click.echo("\n".join(clean(line) for line in text.split("\n")))


def print_line(value: Any) -> None:
    """One JSON value a line, for streams."""
    click.echo(_escaped(json.dumps(value, ensure_ascii=False, separators=(",", ":"))))


def _escaped(document: str) -> str:
    """JSON escapes the first 32 control characters only; terminals obey others, too."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def styled(word: Any) -> Text:
    """A state in its colour."""
    from rich.text import Text

    text = clean("" if word is None else word)
    return Text(text, style=STYLES.get(text, ""))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    empty: str,
    optional: Sequence[str] = (),
    prose: str = "",
) -> None:
    """A table; numbers to the right, states in colour; `empty` where there is no row.

    In a pipe every row is one line. On a terminal that is too narrow, columns of `optional` are
    left out, the first one first, which is said on stderr, and the column `prose` is folded; nothing
    else is ever cut or broken, so that ids can be copied.
    """
    from rich.table import Table

    found = [dict(zip(columns, row, strict=True)) for row in rows]
    if not found:
        say(empty)
        return
    widths = {
        name: max(len(name), *(styled(row[name]).cell_len for row in found)) for name in columns
    }
    if prose:
        widths[prose] = min(widths[prose], PROSE_WIDTH)
    screen = console()
    left_out: list[str] = []
    for name in optional:
        if _total(widths) > screen.width:
            del widths[name]
            left_out.append(name)
    if _total(widths) > screen.width:
        screen = _console(_total(widths))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, width in widths.items():
        numbers = all(isinstance(row[name], (int, float, type(None))) for row in found)
        justify: Literal["left", "right"] = "right" if numbers else "left"
        fixed = name != prose
        table.add_column(name, justify=justify, overflow="fold", no_wrap=fixed, min_width=width)
    for row in found:
        table.add_row(*(styled(row[name]) for name in widths))
    screen.print(table)
    if left_out:
        say(f"Left out, for want of width: {', '.join(left_out)}. --json has everything.")


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + 2 * (len(widths) - 1)


def print_facts(facts: Mapping[str, Any]) -> None:
    """`name  value` lines; facts that are None or empty are left out."""
    from rich.text import Text

    shown = {name: value for name, value in facts.items() if value is not None and value != ""}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        line = Text(f"{name:<{width}}  ", style="bold")
        console().print(line.append(styled(value)), soft_wrap=True)


def print_problems(problems: Sequence[str], at_most: int | None = None) -> None:
    """What is wrong, a sentence a line; of more than `at_most` it says how many they are."""
    shown = problems if at_most is None else problems[:at_most]
    for problem in shown:
        console().print(f"Problem: {clean(problem)}", style="red", markup=False, soft_wrap=True)
    if len(problems) > len(shown):
        console().print(f"… and {len(problems) - len(shown):,} more.", style="red")


def heading(text: str) -> None:
    console().print()
    console().print(text, style="bold", markup=False)


def print_block(text: str, screen: Console | None = None) -> None:
    """Lines of others, indented, whole at every width."""
    for line in text.rstrip().split("\n"):
        (screen or console()).print(f"  {clean(line)}", markup=False, soft_wrap=True)


def say(text: str) -> None:
    """A remark on stderr."""
    stderr_console().print(clean(text), markup=False, soft_wrap=True)


def say_where_it_ends(items: Sized, limit: int, which: str = "newest") -> None:
    """Of a list that ends at its limit: that there may be more. On stderr, so for programs too."""
    if len(items) >= limit:
        say(f"The {which} {limit} are shown; --limit shows more.")


def tell_error(title: str, detail: str, fields: Mapping[str, Any]) -> None:
    """An error as title, sentence, and the field and code that programs would use."""
    screen = stderr_console()
    screen.print(f"Error: {clean(title)}", style="bold red", markup=False, soft_wrap=True)
    screen.print(f"  {clean(detail)}", markup=False, soft_wrap=True)
    for name in ("field", "limit", "code"):
        if fields.get(name) not in (None, ""):
            screen.print(
                f"  {name}: {clean(fields[name])}", style="dim", markup=False, soft_wrap=True
            )
    error = fields.get("error")
    if isinstance(error, dict) and error.get("stack"):
        print_block(str(error["stack"]), screen)
