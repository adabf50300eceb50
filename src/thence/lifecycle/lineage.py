"""Where an invocation comes from: the chain of function destinations that led to it.

A chain stops at HOPS_MAX (16, as the closed services do; reference peers §1a): the delivery that
would make one hop more becomes a dead letter with the reason `too_many_hops`.
"""

from __future__ import annotations

from msgspec import Struct

HOPS_MAX = 16


class Lineage(Struct, frozen=True, omit_defaults=True):
    root: str = ""  # text id of the first invocation of the chain
    hops: int = 0  # function destinations passed so far
    path: tuple[str, ...] = ()  # the functions on the way, oldest first, the last 16


def next_hop(lineage: Lineage | None, invocation: str, function: str) -> Lineage | None:
    """The lineage of an invocation caused by `invocation` of `function`, or None past the limit."""
    before = lineage or Lineage(root=invocation)
    if before.hops >= HOPS_MAX:
        return None
    return Lineage(before.root, before.hops + 1, (*before.path, function)[-HOPS_MAX:])
