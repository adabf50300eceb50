"""The options that commands share: where the service is, JSON for programs, times and sizes."""

from __future__ import annotations

import functools
import os
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from ..errors import ConfigInvalid
from .client import Client, part

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_URL = "http://127.0.0.1:7411"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_MILLISECONDS = re.compile(r"[0-9]{12,15}")  # since 1970, as the service takes them, too
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?")


class Seconds(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases only
    """A time span: `90`, `90s`, `5m`, `2h`, `1d`, `250ms`; a plain number is seconds."""

    name = "seconds"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        match = _DURATION.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a time span; write 90, 90s, 5m, 2h or 1d.", param, ctx)
        return float(match.group(1)) * _UNITS[match.group(2) or "s"]


SECONDS = Seconds()
_OF_A_SERVICE = re.compile(r"[A-Za-z_][\w-]*/[A-Za-z_][\w-]*", re.ASCII)


def credentials() -> str:
    """`id:secret` of the environment, or empty. Never an option: options show in process lists."""
    id = _variable("THENCE_ROOT_ACCESS_KEY_ID")
    secret = _variable("THENCE_ROOT_ACCESS_KEY_SECRET")
    return f"{id}:{secret}" if id and secret else ""


def _variable(name: str) -> str:
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return os.environ.get(name, "")
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(
            f"{name}_FILE names {path}, which cannot be read: {error}.", setting=name
        ) from None


def connected(command: F) -> F:
    """Gives the command `client`, made from --url, THENCE_URL and the credentials."""

    @click.option(
        "--url",
        envvar="THENCE_URL",
        default=DEFAULT_URL,
        show_default=True,
        metavar="URL",
        help="Where the service is (or THENCE_URL).",
    )
    @functools.wraps(command)
    def wrapped(url: str, **given: Any) -> Any:
        return command(client=Client(url, credentials()), **given)

    return wrapped  # type: ignore[return-value]


as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="JSON for programs instead of a table."
)
limit_option = click.option(
    "--limit",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    metavar="N",
    help="At most so many.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def function_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For shell completion: the functions of the service, or none when it does not answer soon."""
    try:
        names = [str(found["name"]) for found in _asking(ctx).pages("/v1/functions")]
    except Exception:  # completing is a courtesy: no failure may disturb the prompt
        return []
    return [name for name in names if name.startswith(incomplete)]


def qualified(text: str) -> tuple[str, str | None]:
    """The function and the version or alias of `NAME@QUALIFIER`; None of a NAME alone."""
    name, at, qualifier = text.partition("@")
    if not name or (at and not qualifier):
        raise click.UsageError(
            f"{text!r}: write NAME, or NAME@QUALIFIER with a version or an alias."
        )
    _of_no_service(name)
    return name, qualifier if at else None


def confirmed(question: str) -> bool:
    """Asks on the terminal. Nobody there to answer (a script, a pipe) is a no, and said so."""
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:
        if not isinstance(abort.__context__, EOFError):
            raise  # Ctrl-C
        click.echo("\nThere is nobody to answer; --yes does not ask.", err=True)
        return False


def not_empty(ctx: click.Context, param: click.Parameter, given: Any) -> Any:
    """Of an argument or option that must say something: a variable that is not set would make a filter
    that leaves nothing out, or an address of something else."""
    if given == "" or (isinstance(given, tuple) and "" in given):
        raise click.BadParameter(
            "it is empty (a variable that is not set?); write what is meant, or leave it out."
        )
    return given


def whole_function(ctx: click.Context, param: click.Parameter, text: Any) -> Any:
    """Of an argument or option that takes a NAME only: refuses NAME@QUALIFIER in a sentence."""
    not_empty(ctx, param, text)
    name, at, _ = (text or "").partition("@")
    if at:
        raise click.BadParameter(
            f"{text!r}: this is about a function with all its versions; write {name or 'NAME'}."
        )
    _of_no_service(name)
    return text


def _of_no_service(name: str) -> None:
    """No function has a `/` in its name, but those who think of services write one."""
    if _OF_A_SERVICE.fullmatch(name):
        ours = name.replace("/", "$")
        raise click.UsageError(f"{name!r}: a function of a service is written '{ours}'.")


def qualified_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """For shell completion: functions, and behind `NAME@` its versions and aliases."""
    name, at, _ = incomplete.partition("@")
    if not at:
        return function_names(ctx, param, incomplete)
    try:
        found = _asking(ctx).get(f"/v1/functions/{part(name)}")
        qualifiers = ["latest", *found["aliases"], *reversed(found["versions"])]
    except Exception:  # as there
        return []
    names = [f"{name}@{qualifier}" for qualifier in qualifiers]
    return [name for name in names if name.startswith(incomplete)]


def _asking(ctx: click.Context) -> Client:
    url = ctx.params.get("url") or os.environ.get("THENCE_URL") or DEFAULT_URL
    return Client(url, credentials(), timeout_seconds=1)


def parse_instant(text: str | None, option: str, now: float | None = None) -> str | None:
    """`--since` and the like: a time span ago (`2h`) or an ISO 8601 instant, as the latter. Raises
    UsageError with what may be written."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip())
    if match is None or not match.group(2):
        try:
            if not _MILLISECONDS.fullmatch(text.strip()):
                datetime.fromisoformat(text.strip())
        except ValueError:
            raise click.UsageError(
                f"{option} {text!r}: write how long ago (5m, 2h, 1d) or an instant in UTC "
                "(2026-01-02T03:04:05Z)."
            ) from None
        return text.strip()
    ago = float(match.group(1)) * _UNITS[match.group(2)]
    then = (time.time() if now is None else now) - ago
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(then)) + "Z"


function_argument = click.argument("name", shell_complete=function_names, callback=whole_function)
"""NAME of a function, with all its versions."""
