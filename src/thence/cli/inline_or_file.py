"""Values of options that are written out or come from a file: `TEXT`, or `@FILE`."""

from __future__ import annotations

import json
from typing import Any

import click

FILE_BYTES_MAX = 64 * 1024


def read_text(given: str, what: str) -> str:
    """The text. what: what it is, for the refusal; such as `the destination`."""
    if not given.startswith("@"):
        return given
    try:
        with open(given[1:], "rb") as file:  # a pipe, too: its secret is in no list of processes
            data = file.read(FILE_BYTES_MAX + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{what}'s file cannot be read: {error}") from None
    if len(data) > FILE_BYTES_MAX:
        raise click.UsageError(f"{what}'s file is larger than {FILE_BYTES_MAX} bytes.")
    return text


def parse_json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{what} is not valid JSON: {error}") from None
