"""The contracts of Python functions, a line each, and what they take from what a vendor's door keeps.

`details` runs on the node, `choose` in the instance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....wire.setup import Setup
from . import fc, functiongraph
from .contract import Contract
from .native import Native

Details = Callable[[Mapping[str, Any]], dict[str, Any]]

_TEXT_MAX = 256  # characters; names at the vendors are shorter

# By FunctionSpec.contract: what it is in an instance, and what it takes of what its door keeps.
CONTRACTS: dict[str, tuple[Callable[[Setup], Contract], Details]] = {
    "native": (Native, lambda kept: {}),
    "fc": (fc.FunctionCompute, fc.details),
    "functiongraph": (functiongraph.FunctionGraph, functiongraph.details),
}


def choose(setup: Setup) -> Contract:
    """The contract of an instance."""
    return CONTRACTS[setup.contract][0](setup)


def details(contract: str, attributes: Mapping[str, Any]) -> dict[str, str]:
    """The texts that the contract has from `FunctionSpec.attributes`."""
    kept = attributes.get(contract)
    if not isinstance(kept, dict):
        return {}
    taken = CONTRACTS[contract][1](kept)
    return {name: text[:_TEXT_MAX] for name, text in taken.items() if isinstance(text, str)}
