"""What a runtime is to everybody else: one `RuntimeKind`, made in the runtime's own folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from .function_error import Frame
from .launcher import MakeLauncher


class HandlerForm(Struct, frozen=True, kw_only=True):
    """How a handler is named in the settings of a function, and so are its hooks."""

    pattern: str  # a regular expression for the whole name
    form: str  # the same as people say it: `module.function`
    rule: str  # what it is made of, for a refusal
    characters_max: int = 256

    def fits(self, name: str) -> bool:
        return len(name) <= self.characters_max and re.fullmatch(self.pattern, name) is not None

    def taken(self, name: str) -> str | None:
        return name if self.fits(name) else None


class Vendor(Struct, frozen=True, kw_only=True):
    """A vendor's functions of this runtime, as its door takes and shows them."""

    runtimes: tuple[str, ...]  # its names of runtimes that are run by this one
    shown: str  # one of them: of a function that another door deployed
    handler: Callable[
        [str], str | None
    ]  # a handler as it is written there, in our form; None: it is none
    form: str  # of such a handler, for a refusal


class RuntimeKind(Struct, frozen=True, kw_only=True):
    """One runtime."""

    name: str
    """What a function's `runtime` says."""
    launcher: MakeLauncher
    handlers: HandlerForm
    source_file: Callable[[str], str]
    """Where the source of that handler lies in an archive: some doors take the source alone."""
    vendors: Mapping[str, Vendor] = field(default_factory=dict)
    """By the contract (`FunctionSpec.contract`) of their functions."""
    details: Callable[[str, Mapping[str, Any]], dict[str, str]] = lambda contract, attributes: {}
    """The texts that a contract needs in the instance, of what its door keeps of a function
    (`FunctionSpec.attributes`)."""
    frames: Callable[[str, str], list[Frame]] = lambda stack, message: []
    """The frames of a stack that was kept as text, and the error's message; none: it is not one of this
    runtime."""
