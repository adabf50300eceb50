"""The options that say how asynchronous calls are retried and where their records go, as a
deployment and the settings of a qualifier have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

from .options import SECONDS

F = TypeVar("F", bound=Callable[..., Any])
DESTINATION_BYTES_MAX = 64 * 1024


def async_options(command: F) -> F:
    """Adds them; `async_fields` reads them."""
    for option in (
        click.option("--on-failure", metavar="DEST", help="Where records of dead ends go."),
        click.option("--on-success", metavar="DEST", help="Where records of successes go."),
        click.option("--max-event-age", type=SECONDS, help="After it, what still waits expires."),
        click.option("--retry-cap", type=SECONDS, help="Longest wait between retries."),
        click.option(
            "--retry-first", type=SECONDS, help="Wait before the first retry; it doubles."
        ),
        click.option("--retries", type=int, metavar="N", help="Retries of function errors."),
    ):
        command = option(command)
    return command


def async_fields(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a body that the options say; empty where they say nothing."""
    fields: dict[str, Any] = {}
    if given["retries"] is not None:
        fields["max_retries"] = given["retries"]
    if given["max_event_age"] is not None:
        fields["max_event_age_seconds"] = round(given["max_event_age"])
    waits = {"first_seconds": given["retry_first"], "cap_seconds": given["retry_cap"]}
    waits = {name: seconds for name, seconds in waits.items() if seconds is not None}
    if waits:
        fields["retry_wait"] = waits
    for field in ("on_success", "on_failure"):
        if given[field] is not None:
            fields[field] = read_destination(given[field])
    return fields


def read_destination(text: str) -> Any:
    """A destination as text; as JSON where it begins with `{`; from a file where with `@`."""
    if text in ("none", ""):
        return None
    if text.startswith("@"):
        text = _file(text[1:])
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"the destination is not valid JSON: {error}") from None


def _file(path: str) -> str:
    try:
        with open(path, "rb") as file:  # a pipe, too: its secret is in no list of processes
            data = file.read(DESTINATION_BYTES_MAX + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the destination's file cannot be read: {error}") from None
    if len(data) > DESTINATION_BYTES_MAX:
        raise click.UsageError(
            f"the destination's file is larger than {DESTINATION_BYTES_MAX} bytes."
        )
    return text
