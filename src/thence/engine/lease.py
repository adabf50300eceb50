"""The lease of this node: everything that it claims, attempts and deliveries, is claimed under its
number. A node that joins again has another, and what was claimed under the old one is lost."""

from __future__ import annotations


class Lease:
    """`number`: of the present incarnation; 0 while there is none. Only node.py changes it."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0
