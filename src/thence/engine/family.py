"""A family: one function with its versions, aliases, asynchronous configurations and its control.

All lanes of a function share one object, so that a look at it costs nothing on the way of an
invocation.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sized
from typing import Generic, Protocol, TypeVar

from ..catalog.alias import Alias
from ..catalog.async_config import AsyncConfig
from ..catalog.control import Control
from ..catalog.function import LATEST
from ..errors import (
    AliasNotFound,
    FunctionDisabled,
    FunctionNotFound,
    InvalidInput,
    QualifierNotFound,
    VersionNotFound,
)
from .effect import InEffect


class Row(Protocol):
    """What a family sees of a lane."""

    own: InEffect
    deleted: bool
    under_way: int
    reserved: int

    @property
    def sync_waiters(self) -> Sized: ...


L = TypeVar("L", bound=Row)


class Family(Generic[L]):
    __slots__ = (
        "aliases",
        "bucket",
        "configs",
        "control",
        "disabled",
        "id",
        "in_line",
        "keeps",
        "lanes",
        "limit",
        "name",
        "parked",
        "rows",
        "sync_waiting",
        "under_way",
        "used",
        "waiting",
        "written",
    )

    def __init__(self, id: int, name: str) -> None:
        self.id = id
        self.name = name
        self.rows: dict[str, L] = {}  # what is deployed: `latest` and the versions, by name
        self.lanes: list[L] = []  # these, and deleted ones whose invocations remain
        self.aliases: dict[str, Alias] = {}
        self.written: dict[str, AsyncConfig] = {}  # by qualifier
        self.configs: dict[str, InEffect] = {}  # the same, in effect
        # Sums over all its lanes, so that nobody has to walk them.
        self.under_way = 0
        self.used = 0  # runs that are handed over or promised a slot
        self.waiting = 0
        self.sync_waiting = 0
        self.keeps = 0  # slots that are kept for its suspects
        # Dispatch's own; made when they are needed first, as most families never need them.
        # Its lanes that wait for the node, each with the number of its coming.
        self.in_line: OrderedDict[L, int] | None = None
        self.bucket: int | None = None  # where it stands in the node's line
        self.parked: OrderedDict[L, None] | None = (
            None  # its lanes that wait for its limit or switch
        )
        self.take(Control())

    def take(self, control: Control) -> None:
        """From now on that control counts."""
        self.control = control
        self.limit = control.limit
        self.disabled = control.disabled

    # ------------------------------------------------------------ slots

    @property
    def held(self) -> bool:
        """Nothing of it may begin now, whatever room there is."""
        if self.disabled is not None:
            return True
        return self.limit is not None and self.used + self.keeps >= self.limit

    def check_enabled(self) -> None:
        """Raises FunctionDisabled."""
        if self.disabled is not None:
            why = f" ({self.disabled})" if self.disabled else ""
            raise FunctionDisabled(
                f"Function {self.name!r} is disabled{why}: it takes no calls until it is enabled "
                "again.",
                name=self.name,
                reason=self.disabled,
            )

    # ------------------------------------------------------------ qualifiers

    def row(self, qualifier: str) -> L:
        """The row of that version; of an alias, of its main version. Raises VersionNotFound,
        AliasNotFound."""
        alias = self.aliases.get(qualifier)
        lane = self.rows.get(qualifier if alias is None else alias.version)
        if lane is None:
            raise self.missing(qualifier)
        return lane

    def chosen(self, qualifier: str, random: float) -> L:
        """The row that runs a call of that qualifier, given a random number in [0, 1). Raises
        QualifierNotFound."""
        lane = self.rows.get(qualifier)
        if lane is not None:
            return lane
        alias = self.aliases.get(qualifier)
        lane = None if alias is None else self.rows.get(alias.pick(random))
        if lane is not None:
            return lane
        if qualifier.isascii() and qualifier.isdecimal():
            raise self.missing(qualifier)
        raise QualifierNotFound(
            f"Function {self.name!r} has no version or alias {qualifier[:80]!r}; use {LATEST!r} or "
            "one that it has.",
            kind="qualifier",
            name=qualifier[:80],
        )

    def version(self, version: str) -> L:
        """The row of that published version. Raises VersionNotFound; InvalidInput for `latest`,
        which is none."""
        if version == LATEST:
            raise InvalidInput(
                f"version: {LATEST!r} is not a published version; delete the function instead.",
                field="version",
                value=version,
            )
        lane = self.rows.get(version)
        if lane is None:
            raise self.no_version(version)
        return lane

    def alias(self, name: str) -> Alias:
        """Raises AliasNotFound."""
        alias = self.aliases.get(name)
        if alias is None:
            raise self.no_alias(name)
        return alias

    def gone(self, version: str) -> VersionNotFound | FunctionNotFound:
        """That version was deleted while a call of it waited."""
        if self.rows:
            return self.no_version(version)
        return FunctionNotFound(
            f"Function {self.name!r} was deleted before the call began.",
            kind="function",
            name=self.name,
        )

    def missing(self, qualifier: str) -> QualifierNotFound:
        """A number can only be meant as a version, another name as an alias."""
        if qualifier.isascii() and qualifier.isdecimal():
            return self.no_version(qualifier)
        return self.no_alias(qualifier)

    def no_version(self, version: str) -> VersionNotFound:
        what = (
            f": that is an alias, and a version is meant here (an alias is deleted by 'thence alias "
            f"delete {self.name}@{version}')."
            if version in self.aliases
            else "; publish it first."
        )
        return VersionNotFound(
            f"Function {self.name!r} has no version {version[:80]!r}{what}",
            kind="version",
            name=version[:80],
        )

    def no_alias(self, alias: str) -> AliasNotFound:
        return AliasNotFound(
            f"Function {self.name!r} has no alias {alias[:80]!r}; create it first.",
            kind="alias",
            name=alias[:80],
        )

    # ------------------------------------------------------------ configuration

    def effects(self) -> Iterator[InEffect]:
        """Every configuration by which an invocation of it may end."""
        for lane in self.rows.values():
            yield lane.own
        for name, effect in self.configs.items():
            if name in self.written:  # not those of deleted aliases
                yield effect
