"""The options that say how asynchronous calls are retried and where their records go, as a
deployment and the settings of a qualifier have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .inline_or_file import parse_json, read_text
from .options import SECONDS

F = TypeVar("F", bound=Callable[..., Any])


def async_options(command: F) -> F:
    """Adds them; `async_fields` reads them."""
    for option in (
        click.option("--on-failure", metavar="DEST", help="Where records of failures go."),
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


def read_destination(given: str) -> Any:
    """A destination as text; as JSON where it begins with `{`; from a file where with `@`."""
    if given in ("none", ""):
        return None
    text = read_text(given, "the destination")
    return parse_json(text, "the destination") if text.lstrip().startswith("{") else text.strip()
