"""Which contract a function has, and what it takes from what a vendor's door keeps.

`details` runs on the node, `choose` in the instance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....wire.setup import Setup
from . import fc, functiongraph
from .contract import Contract
from .native import Native

_TEXT_MAX = 256  # characters; names at the vendors are shorter


def choose(setup: Setup) -> Contract:
    """The contract of an instance."""
    if setup.contract == "fc":
        return fc.FunctionCompute(setup)
    if setup.contract == "functiongraph":
        return functiongraph.FunctionGraph(setup)
    return Native(setup)


def details(contract: str, attributes: Mapping[str, Any]) -> dict[str, str]:
    """The texts that the contract has from `FunctionSpec.attributes`."""
    kept = attributes.get(contract)
    if not isinstance(kept, dict):
        return {}
    taken: dict[str, Any] = {}
    if contract == "fc":
        taken = fc.details(kept)
    elif contract == "functiongraph":
        taken = functiongraph.details(kept)
    return {name: text[:_TEXT_MAX] for name, text in taken.items() if isinstance(text, str)}
