"""Spellings of the version before, which go with the next one: they run, and a line on stderr names
the new one. No help lists them.

Each function looks at the words behind its command and answers what is run instead, or None where
the words are not an old spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import click

from .commands import load

WITH_VALUE = frozenset(
    {
        *("--url", "--weight", "--description", "--retries", "--retry-first", "--retry-cap"),
        *("--max-event-age", "--on-success", "--on-failure", "--hide", "--delete", "--prefix"),
        *("--limit", "--function", "--reason", "--since", "--until", "--rate", "--version"),
    }
)
"""Options whose value is the next word; `--delete` of the mailbox only."""
ASYNC_OPTIONS = ("--retries", "--retry-", "--max-event-age", "--on-", "--stop-notifies")
HELP = frozenset({"-h", "--help"})


class Renewed(NamedTuple):
    """What is run, and both spellings for the sentence."""

    arguments: list[str]
    old: str
    new: str


Renew = Callable[[list[str]], Renewed | None]


def renewed(arguments: list[str]) -> list[str]:
    """The arguments in the new spelling; says so where they were in the old one."""
    renew = OLD.get(arguments[0]) if arguments else None
    found = renew(arguments[1:]) if renew is not None else None
    if found is None:
        return arguments
    click.echo(
        f"'thence {found.old}' is now 'thence {found.new}'; the next version no longer takes the old "
        "spelling.",
        err=True,
    )
    return found.arguments


def _moved(old: str, new: str, operands: str) -> Renew:
    """A command that has become a verb of a noun."""

    def renew(words: list[str]) -> Renewed | None:
        return Renewed([*new.split(), *words], f"{old} {operands}", f"{new} {operands}")

    return renew


def _delete(old: str) -> Renew:
    def renew(words: list[str]) -> Renewed | None:
        version = "@" in "".join(_operands(words)[:1])
        noun, operand = ("version", "NAME@VERSION") if version else ("function", "NAME")
        return Renewed([noun, "delete", *words], f"{old} {operand}", f"{noun} delete {operand}")

    return renew


def _function(words: list[str]) -> Renewed | None:
    if len(_operands(words)) != 1 or _is_new("function", words):
        return None
    return Renewed(["function", "show", *words], "function NAME", "function show NAME")


def _alias(words: list[str]) -> Renewed | None:
    names = _operands(words, flags={"--delete"})
    if not names or _is_new("alias", words):
        return None
    qualified = "@" in names[0]
    if "--delete" in words:
        verb, old, new = "delete", "alias NAME@ALIAS --delete", "alias delete NAME@ALIAS"
    elif len(names) == 2 and qualified:
        verb, old, new = "set", "alias NAME@ALIAS VERSION", "alias set NAME@ALIAS VERSION"
    elif len(names) == 1 and qualified:
        verb, old, new = "show", "alias NAME@ALIAS", "alias show NAME@ALIAS"
    elif len(names) == 1:
        verb, old, new = "ls", "alias NAME", "alias ls NAME"
    else:
        return None
    return Renewed(["alias", verb, *_without("--delete", words)], old, new)


def _async_config(words: list[str]) -> Renewed | None:
    names = _operands(words, flags={"--delete"})
    if len(names) != 1 or _is_new("async-config", words):
        return None
    command, name = "async-config", "NAME@QUALIFIER"
    if "--delete" in words:
        verb, old = "delete", f"{command} {name} --delete"
    elif any(word.startswith(ASYNC_OPTIONS) for word in words):
        verb, old, name = "set", f"{command} {name} …", f"{name} …"
    elif "@" in names[0]:
        verb, old = "show", f"{command} {name}"
    else:
        verb, old, name = "ls", f"{command} NAME", "NAME"
    return Renewed([command, verb, *_without("--delete", words)], old, f"{command} {verb} {name}")


def _mailbox(words: list[str]) -> Renewed | None:
    boxes = _operands(words)
    if _is_new("mailbox", words):
        return None
    if not boxes:
        if HELP & set(words):
            return None
        return Renewed(["mailbox", "ls", *words], "mailbox", "mailbox ls")
    if len(boxes) > 1 or not ("/" in boxes[0] or ":" in boxes[0]):
        return None
    what = _value("--delete", words)
    if what is not None:
        rest = _without_value("--delete", words)
        at = rest.index(boxes[0]) + 1
        rest[at:at] = [what]
        new = "mailbox delete KIND/NAME WHAT"
        return Renewed(["mailbox", "delete", *rest], "mailbox KIND/NAME --delete WHAT", new)
    if "--receive" in words:
        old, new = "mailbox queue/NAME --receive", "mailbox receive queue/NAME"
        return Renewed(["mailbox", "receive", *_without("--receive", words)], old, new)
    return Renewed(["mailbox", "read", *words], "mailbox KIND/NAME", "mailbox read KIND/NAME")


def _redrive(words: list[str]) -> Renewed | None:
    if "--delivery" not in words:
        return None
    rest = _without("--delivery", words)
    return Renewed(["delivery", "redrive", *rest], "redrive --delivery ID", "delivery redrive ID")


def _dead_letters(words: list[str]) -> Renewed | None:
    if "--deliveries" not in words:
        return None
    rest = _without("--deliveries", words)
    new = "delivery ls --state dead"
    return Renewed([*new.split(), *rest], "dead-letters --deliveries", new)


OLD: dict[str, Renew] = {
    "delete": _delete("delete"),
    "rm": _delete("rm"),
    "disable": _moved("disable", "function disable", "NAME"),
    "enable": _moved("enable", "function enable", "NAME"),
    "limit": _moved("limit", "function limit", "NAME SLOTS"),
    "publish": _moved("publish", "version publish", "NAME"),
    "versions": _moved("versions", "version ls", "NAME"),
    "function": _function,
    "alias": _alias,
    "async-config": _async_config,
    "mailbox": _mailbox,
    "redrive": _redrive,
    "dead-letters": _dead_letters,
}


# ---------------------------------------------------------------- words of a command line


def _operands(words: Sequence[str], flags: frozenset[str] | set[str] = frozenset()) -> list[str]:
    """The words that are neither options nor values of options."""
    found: list[str] = []
    is_value = False
    for at, word in enumerate(words):
        if word == "--":
            return [*found, *words[at + 1 :]]
        if is_value:
            is_value = False
        elif word.startswith("-") and len(word) > 1:
            is_value = word in WITH_VALUE and word not in flags
        else:
            found.append(word)
    return found


def _is_new(noun: str, words: Sequence[str]) -> bool:
    """Whether the first word is one of the noun's verbs."""
    verbs: Mapping[str, click.Command] = getattr(load(noun), "commands", {})
    return bool(words) and words[0] in verbs


def _value(option: str, words: Sequence[str]) -> str | None:
    """The value of `--option VALUE` or `--option=VALUE`."""
    for at, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and at + 1 < len(words):
            return words[at + 1]
    return None


def _without(flag: str, words: Sequence[str]) -> list[str]:
    return [word for word in words if word != flag]


def _without_value(option: str, words: Sequence[str]) -> list[str]:
    for at, word in enumerate(words):
        if word.startswith(f"{option}="):
            return [*words[:at], *words[at + 1 :]]
        if word == option:
            return [*words[:at], *words[at + 2 :]]
    return list(words)
