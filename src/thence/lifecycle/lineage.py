"""Where an invocation comes from: the chain of function destinations that led to it.

A chain stops at HOPS_MAX (16, as the closed services do; reference peers §1a): the delivery that
would make one hop more becomes a dead letter with the reason `too_many_hops`. A webhook carries the
chain in a header (`Thence-Lineage`), so that one which leads back here, whichever way, ends too.
"""

from __future__ import annotations

import re

from msgspec import Struct

HOPS_MAX = 16
_HEADER = re.compile(r"([0-9a-f-]{36});hops=([0-9]{1,4})")


class Lineage(Struct, frozen=True, omit_defaults=True):
    root: str = ""  # text id of the first invocation of the chain
    hops: int = 0  # function destinations and webhooks passed so far
    path: tuple[str, ...] = ()  # the functions on the way, oldest first, the last 16


def next_hop(lineage: Lineage | None, invocation: str, function: str) -> Lineage | None:
    """The lineage of an invocation caused by `invocation` of `function`, or None past the limit."""
    before = lineage or Lineage(root=invocation)
    if before.hops >= HOPS_MAX:
        return None
    return Lineage(before.root, before.hops + 1, (*before.path, function)[-HOPS_MAX:])


def write_header(lineage: Lineage | None, invocation: str) -> str:
    """`ROOT;hops=N` for what `invocation` causes outside; it tells no names. Past the limit too:
    whoever takes it in refuses it."""
    before = lineage or Lineage(root=invocation)
    return f"{before.root};hops={before.hops + 1}"


def read_header(text: str) -> Lineage | None:
    """The lineage in a header, None where it cannot be read."""
    match = _HEADER.fullmatch(text)
    return None if match is None else Lineage(match[1], int(match[2]))
