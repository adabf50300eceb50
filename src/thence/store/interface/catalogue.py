"""What is deployed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...catalog.entry import Entry
from ...catalog.function import Function
from ...catalog.step import CatalogueParts, CatalogueRows, Changed, Step


class Deployed(Protocol):
    async def functions(self, *, deleted: bool = False) -> list[Function]:
        """All functions by name, `latest` first and then its versions as they were published; with
        `deleted`, also those deleted whose invocations remain."""
        ...

    async def entries(self) -> list[Entry]:
        """All entries, by kind, owner and name."""
        ...

    async def catalogue(self) -> CatalogueRows:
        """All functions (as `functions(deleted=True)`) and all entries, with the revision at which
        they were so, in one snapshot."""
        ...

    async def catalogue_since(self, revision: int) -> CatalogueParts | CatalogueRows | None:
        """What was changed since that revision, in one snapshot: None where it is the present one (one
        look at one row), the whole where it is not known any more what was changed since. Asked each
        second by every node, so it costs as much as was changed, however much there is."""
        ...

    async def catalogue_revision(self) -> int:
        """It grows by 1 with every change, of whichever node, and in the order in which changes can
        be seen: who sees one sees all of lower revisions."""
        ...

    async def change(
        self, steps: Sequence[Step], now: int, *, if_unchanged: int | None = None
    ) -> Changed:
        """Change the catalogue: the steps in their order, in one transaction, or nothing.

        `if_unchanged`: the revision by which the change was decided. Raises CatalogueChanged, with
        the present `revision`, when that is not the catalogue's any more: of two changes that were
        decided by the same revision only one is made. None: whatever it is.
        Raises Conflict for a version that the family has, or had before and invocations of it
        remain; FunctionNotFound when such a family is not there. What is deleted already is no
        error: False in `left`."""
        ...
