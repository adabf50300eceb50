"""Pages of help at the width of the screen: click alone writes none narrower than 50 columns, and breaks
addresses in two."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable

import click

WIDTH_MIN, WIDTH_MAX = 36, 100  # characters of a line
NARROW = 64  # characters of a line below which a definition stands under its term


class HelpPage(click.HelpFormatter):
    def __init__(
        self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None
    ) -> None:
        columns = shutil.get_terminal_size().columns
        super().__init__(indent_increment, max(min(columns, WIDTH_MAX) - 1, WIDTH_MIN))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        if self.width >= NARROW:
            super().write_dl(rows, col_max, col_spacing)
            return
        indent = " " * (self.current_indent + 2 * self.indent_increment)
        for term, definition in rows:
            self.write(f"{'':>{self.current_indent}}{term}\n")
            lines = textwrap.wrap(
                definition,
                self.width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
            self.write("".join(f"{line}\n" for line in lines))
