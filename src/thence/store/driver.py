"""What a store driver says of itself (docs/build/store-drivers.md)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from .interface import Store

Phase = Callable[[str, int], Callable[[int], None]]
"""A part of a long work begins: its name and size in bytes (0: not known); the answer is told of
progress in bytes."""


class Wanted(Struct, frozen=True):
    """What a store is made of."""

    setting: str  # the setting `store`: a driver's name, or a URL that may hold a password
    folder: Path  # the data directory; it is there
    fresh: bool = False  # a new store may take the place of a lost one
    held_to_the_end: bool = False  # close() keeps an exclusive hold, which ends with the process


class Driver(Struct, frozen=True):
    name: str
    usage: str  # how the setting is written for it, and what it means then: for people
    takes: Callable[[str], bool]  # whether this setting means this driver
    make: Callable[[Wanted], Store]
    """A store that is not open yet. Raises StartupError. Packages that only this driver needs are
    imported here, not with its module: where another driver is used they may be missing."""
    verify: Callable[[Wanted, Phase], Awaitable[dict[str, Any]]]
    """`thence verify`: everything looked at, as Store.verify() says it, with the bodies and the code that
    the store names. Nothing is changed, and no incarnation is declared dead. Raises StartupError."""
