"""Aliases: names for versions, and how calls are shared between two of them. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field


class Alias(Struct, frozen=True):
    """A name that calls use instead of a version. `weights`: the share, 0 to 1, of other versions;
    `version` gets the rest (FC: additionalVersionWeight, reference 8.3)."""

    name: str
    version: str
    weights: dict[str, float] = field(default_factory=dict)
    description: str = ""
    created_at: int = 0
    updated_at: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)  # what a vendor's door keeps beside

    def versions(self) -> set[str]:
        return {self.version, *self.weights}

    def pick(self, random: float) -> str:
        """The version for one call, given a random number in [0, 1). Chosen when the call is
        accepted; all attempts of the invocation keep it."""
        for version, share in sorted(self.weights.items()):
            if random < share:
                return version
            random -= share
        return self.version
