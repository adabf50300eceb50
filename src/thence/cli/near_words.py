"""A command, a verb or an option that there is not: the sentence says which one was probably meant.

Click compares whole texts, dashes included: of `--slots` it makes `--json`, of `--port` `--store`.
Here only what is truly near is named, and the words that other tools use lead to ours.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from ..bounds import did_you_mean

# What people type who know other tools, or the words of our own tables.
OPTIONS_ELSEWHERE = {
    "address": "listen",
    "bind": "listen",
    "body": "data",
    "data-folder": "data-dir",
    "host": "listen",
    "payload": "data",
    "port": "listen",
    "slots": "concurrency",
    "time-limit": "timeout",
}
COMMANDS_ELSEWHERE = {
    "call": "invoke",
    "describe": "show",
    "events": "tail",
    "get": "show",
    "invocation": "ls",
    "invocations": "ls",
    "list": "ls",
    "logs": "show",
    "queue": "mailbox",
    "retry": "redrive",
    "run": "invoke",
    "start": "serve",
    "up": "serve",
}
VERBS_ELSEWHERE = {
    "add": "set",
    "create": "set",
    "describe": "show",
    "get": "show",
    "list": "ls",
    "put": "set",
    "remove": "delete",
    "rm": "delete",
    "update": "set",
}


def near_command(typed: str, commands: Iterable[str]) -> str:
    """` (did you mean invoke?)`, or empty."""
    return _near(typed, commands, COMMANDS_ELSEWHERE)


def near_verb(typed: str, verbs: Iterable[str]) -> str:
    return _near(typed, verbs, VERBS_ELSEWHERE)


def _near(typed: str, names: Iterable[str], elsewhere: dict[str, str]) -> str:
    known, ours = list(names), elsewhere.get(typed)
    return f" (did you mean {ours}?)" if ours in known else did_you_mean(typed, known)


def unknown_option(error: click.NoSuchOption) -> click.UsageError:
    """The refusal of an option that does not exist, with the one that is near, if one is."""
    ctx = error.ctx
    params = ctx.command.get_params(ctx) if ctx is not None else []
    known = [name[2:] for param in params for name in param.opts if name.startswith("--")]
    typed = error.option_name.lstrip("-")
    word = OPTIONS_ELSEWHERE.get(typed)
    if word in known:
        near = f" (did you mean --{word}?)"
    else:
        spelled = {name.replace("-", "_"): name for name in known}
        near = did_you_mean(typed, spelled)
        for key, name in spelled.items():
            near = near.replace(f"mean {key}?", f"mean --{name}?")
    return click.UsageError(f"There is no option {error.option_name}{near}.", ctx)
