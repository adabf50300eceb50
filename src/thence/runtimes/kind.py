"""What a runtime is to everybody else: one `RuntimeKind`, made in the runtime's own folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from .launcher import MakeLauncher

Details = Callable[[str, Mapping[str, Any]], dict[str, str]]


class RuntimeKind(Struct, frozen=True, kw_only=True):
    """One runtime."""

    name: str
    """What a function's `runtime` says."""
    launcher: MakeLauncher
    details: Details
    """`details(contract, attributes)`: the texts that the contract needs in the instance, of what a
    vendor's door keeps (`FunctionSpec.attributes`)."""
