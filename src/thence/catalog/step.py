"""Steps: what a change of the catalogue writes, in the words of the store.

A change is a list of steps that is made as a whole or not at all. What each step leaves behind (the
row as it is then, or nothing) is applied to what nodes keep in memory, in the order of revisions.
"""

from __future__ import annotations

from msgspec import Struct

from .entry import Entry
from .function import Function, FunctionSpec


class PutFunction(Struct, frozen=True):
    """Create `latest` of that name, or replace it (its revision + 1)."""

    name: str
    spec: FunctionSpec
    code_digest: str
    code_bytes: int


class PublishVersion(Struct, frozen=True):
    """A version: a row of its own with the spec and the code that `latest` of the family has."""

    family: int
    version: str
    note: str = ""


class DeleteVersion(Struct, frozen=True):
    """One published version, by the id of its own row."""

    function_id: int


class DeleteFunction(Struct, frozen=True):
    """A family: its `latest`, all its versions, and all entries that it owns."""

    family: int


class PutEntry(Struct, frozen=True):
    """Create or replace; `created_at` stays that of the first. `function`: the owner is the family
    of that name, which an earlier step of the same change may have made; `owner` is not looked at."""

    kind: str
    owner: str
    name: str
    data: bytes
    function: str = ""


class DeleteEntry(Struct, frozen=True):
    kind: str
    owner: str
    name: str


Step = PutFunction | PublishVersion | DeleteVersion | DeleteFunction | PutEntry | DeleteEntry
Left = Function | Entry | bool
"""What a step leaves: the row as it is now; of a deletion, whether there was anything."""


class Changed(Struct, frozen=True):
    """A change that was made. `revision`: of the catalogue, from it on. `left`: of each step."""

    revision: int
    left: list[Left]


class CatalogueRows(Struct, frozen=True):
    """The whole catalogue as it was at one revision; `functions` as Store.functions gives them."""

    revision: int
    functions: list[Function]
    entries: list[Entry]


class CatalogueParts(Struct, frozen=True):
    """What was changed of the catalogue up to `revision`, as it is then. A family that was touched is
    here with all its functions (as Store.functions gives them) and all entries that it owns; of entries
    that were touched by themselves, those that are still there."""

    revision: int
    families: frozenset[int]  # that were touched
    functions: list[Function]  # of these
    owned: list[Entry]  # by these
    keys: frozenset[tuple[str, str, str]]  # kind, owner, name of entries that were touched
    entries: list[Entry]  # of these


__all__ = [
    "CatalogueParts",
    "CatalogueRows",
    "Changed",
    "DeleteEntry",
    "DeleteFunction",
    "DeleteVersion",
    "Left",
    "PublishVersion",
    "PutEntry",
    "PutFunction",
    "Step",
]
