"""What a destination is: where the record of a finished invocation goes.

Each kind is one file under destinations/, with a struct that derives from `Destination`; nothing
here knows any of them. kinds.py is what the installed ones have in common: how configuration becomes
a destination, and how the store keeps it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ..errors import InvalidInput

RECORD_BYTES_MAX = 64 * 1024 * 1024
KIND_TEXT_MAX = 60  # of a `type` that nobody knows, as it is repeated
NOT_INSTALLED = "not_installed"
"""Why a delivery is dead whose kind of destination is not here."""


class Target(NamedTuple):
    """A function of this service that a destination calls."""

    name: str
    qualifier: str


class Destination(Struct, frozen=True, tag_field="type"):
    """Where one record goes, as it was configured. A kind's struct has a `tag` of its own: the store
    keeps the struct as JSON under it, so tag and fields stay readable by later versions.

    `receiver` and `describe` are every kind's own; the rest has defaults.
    """

    def receiver(self) -> str:
        """Who gets it, as `FIRST:REST`: deliveries to one receiver share a limit and a fate, so that
        one that is slow or dead slows no other. Without secrets, the same after every start."""
        raise NotImplementedError

    def describe(self) -> str:
        """One short line for tables and logs: no secrets, no query string."""
        raise NotImplementedError

    def shown(self) -> Any:
        """As it is shown to who configured it: text where text says all, else an object that can be
        written again, with something else in the place of each secret."""
        return self.describe()

    def calls(self) -> Target | None:
        """The function of this service that gets the record as a call: looked up for cycles, and
        whether it is there."""
        return None

    def host(self) -> str:
        """The host that is dialled, for a warning where its address is not allowed."""
        return ""

    @property
    def name(self) -> str:
        """Its name in records that say one."""
        return ""

    @property
    def form(self) -> str:
        """What its records look like."""
        return "native"

    @property
    def record_bytes_max(self) -> int:
        """A record of more bytes is refused and recorded; 0: no limit of its own."""
        return 0


class Formed(Destination, frozen=True, kw_only=True):
    """A destination whose objects may say what its records look like (RECORD_FIELDS)."""

    form: str = "native"
    record_bytes_max: int = 0

    @property
    def formed(self) -> bool:
        """Whether it says something of its records that text cannot say."""
        return self.form != "native" or bool(self.record_bytes_max)


RECORD_FIELDS = Formed.__struct_fields__


class UnknownDestination(Destination, frozen=True, tag="unknown"):
    """What was configured or is owed of a kind that is not installed, or that its kind cannot read
    any more. Nothing of it is shown but its type, since any part may be a secret; deliveries become
    dead letters that can be redriven once the kind is there. `written`: the configuration, whole."""

    kind: str
    written: Any = None
    why: str = ""

    def receiver(self) -> str:
        return f"unknown:{self.kind}"

    def describe(self) -> str:
        return f"{self.kind} ({'not readable' if self.why else 'not installed'})"

    def shown(self) -> Any:
        return {"type": self.kind, "readable" if self.why else "installed": False}

    def sentence(self) -> str:
        """Why nothing is sent there."""
        why = self.why or (
            f"no kind of destination that is installed has the type {self.kind!r}; install the "
            "package that brings it, restart the service and redrive this delivery"
        )
        return f"Not sent: {why}."


def described(destination: Destination) -> str:
    """Its `describe()`, of what is owed: its kind may be another than when it was configured, and a
    list or an attempt shall not fail for it."""
    try:
        text = destination.describe()
    except Exception:  # whatever a package of others does
        text = None
    return text if isinstance(text, str) else f"{_tag_of(destination)} (not readable)"


def _tag_of(destination: Destination) -> str:
    return str(destination.__struct_config__.tag)[:KIND_TEXT_MAX]


def encode_destination(destination: Destination) -> bytes:
    """For the store, secrets included."""
    return msgspec.json.encode(destination)


# ---------------------------------------------------------------- for the readers of kinds


def refused(where: str, rule: str, **fields: Any) -> InvalidInput:
    """`where` is the field's path, `rule` says what was given and what is needed."""
    return InvalidInput(f"{where}: {rule}", field=where, **fields)


HIDDEN = "…"
"""Shown in the place of a value that may be a secret."""


def hidden(where: str) -> InvalidInput:
    """What was shown came back: saved, it would replace the secret that it stands for."""
    return refused(where, "this stands for a secret that is not shown; send the secret itself.")


def text_field(data: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    """The text under `name`; without a default it must be there."""
    value = data.get(name, default)
    if not isinstance(value, str):
        raise refused(f"{where}.{name}", "a text is needed.")
    return value


def number_field(
    data: dict[str, Any],
    name: str,
    where: str,
    least: int,
    most: int,
    default: int | None = None,
    *,
    zero: str = "",
) -> int:
    """The whole number under `name`, `least` to `most`; without a default it must be there.
    zero: what 0 stands for."""
    value = data.get(name, default)
    if type(value) is not int or not least <= value <= most:  # True is no number
        begin = f"{least} ({zero})" if zero else str(least)
        raise refused(
            f"{where}.{name}",
            f"{str(value)[:60]} is out of range; {begin} to {most}.",
            value=value if type(value) is int else str(value)[:60],
            limit=most,
        )
    return value
