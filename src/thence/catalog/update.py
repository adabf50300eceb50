"""An update of a function: what it was with what is said. Pure.

A door translates its words into ours (`said`) and keeps beside, under its own name in the attributes,
what it shows as it was written. What it does not say stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from .function import FunctionSpec


def kept_by(spec: FunctionSpec, door: str) -> dict[str, Any]:
    """What that door keeps of a function; empty where another one deployed it."""
    found = spec.attributes.get(door)
    return found if isinstance(found, dict) else {}


def keeping(spec: FunctionSpec, door: str, kept: Mapping[str, Any]) -> FunctionSpec:
    """The same function, of which that door keeps `kept` and nothing else."""
    return replace(spec, attributes={**spec.attributes, door: dict(kept)})


def updated(
    before: FunctionSpec, said: Mapping[str, Any], door: str, kept: Mapping[str, Any]
) -> FunctionSpec:
    """`before` with what is said, not checked yet. None: it is not said. `kept`: all that the door
    keeps from now on."""
    changes = {name: value for name, value in said.items() if value is not None}
    return keeping(replace(before, **changes), door, kept)
