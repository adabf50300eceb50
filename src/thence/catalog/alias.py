"""Aliases: names for versions, how calls are shared between them, how one is moved. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ..errors import InvalidInput
from .function import LATEST

WEIGHTS_MAX = 20  # versions beside the alias's own
DESCRIPTION_MAX = 1024  # characters


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


def moved(
    before: Alias,
    *,
    version: str | None = None,
    weights: Mapping[str, float] | None = None,
    description: str | None = None,
) -> Alias:
    """`before` with what is said; None: it stays as it is. Shares that stay end where the alias itself
    moves to the version that had one."""
    main = before.version if version is None else version
    shares = before.weights if weights is None else dict(weights)
    if weights is None:
        shares = {other: share for other, share in shares.items() if other != main}
    text = before.description if description is None else description
    return replace(before, version=main, weights=shares, description=text)


class WrongShare(ValueError):
    """What was said is no share of the calls of another version. `why`: too_many, latest, own, or
    share, which is no number from 0 to `whole`."""

    def __init__(self, why: str, version: str = "", share: Any = None) -> None:
        super().__init__(why)
        self.why = why
        self.version = version
        self.share = share


def shares(
    asked: Mapping[str, Any], version: str, *, others_max: int, whole: int = 1, latest: bool = True
) -> dict[str, float]:
    """Shares of versions beside `version`, as they came from outside: numbers up to `whole`, whole
    ones where that is not 1. `latest`: it may be one of them. Raises WrongShare."""
    if len(asked) > others_max:
        raise WrongShare("too_many")
    kinds = int | float if whole == 1 else int
    for other, share in asked.items():
        if other == LATEST and not latest:
            raise WrongShare("latest", other)
        if other == version:
            raise WrongShare("own", other)
        if isinstance(share, bool) or not isinstance(share, kinds) or not 0 <= share <= whole:
            raise WrongShare("share", other, share)
    return {other: share / whole for other, share in asked.items()}


def within(alias: Alias, versions: Collection[str]) -> Alias:
    """The same for a function that has only those versions: what the others got, its own gets."""
    shares = {other: share for other, share in alias.weights.items() if other in versions}
    return replace(alias, weights=shares)


def check_alias(alias: Alias) -> None:
    """Its shares and its texts. (Whether its versions are there, the function says.) Raises
    InvalidInput."""
    if len(alias.description) > DESCRIPTION_MAX:
        raise InvalidInput(
            f"description: {len(alias.description)} characters; at most {DESCRIPTION_MAX}.",
            field="description",
            limit=DESCRIPTION_MAX,
        )
    if len(alias.weights) > WEIGHTS_MAX:
        raise InvalidInput(
            f"weights: {len(alias.weights)} versions; at most {WEIGHTS_MAX}.",
            field="weights",
            limit=WEIGHTS_MAX,
        )
    for version, share in alias.weights.items():
        if not 0 <= share <= 1 or version == alias.version:
            raise InvalidInput(
                f"weights: {share!r} for {version!r} is not a share of calls: 0 to 1, for another "
                "version than the alias's own.",
                field="weights",
                value=share,
                limit=1,
            )
    together = math.fsum(alias.weights.values())
    if together > 1 + 1e-9:
        raise InvalidInput(f"weights: together {together:g}; at most 1.", field="weights", limit=1)
