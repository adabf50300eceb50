"""A kind of trigger that a test feeds by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from thence.testing import Service
from thence.triggers.interface import Firing, Kind, Source, Tools
from thence.triggers.triggers import Triggers


class TapeConfig(Struct, forbid_unknown_fields=True):
    tape: str
    secret: str = ""

    def __post_init__(self) -> None:
        if self.tape.startswith("-"):
            raise ValueError(f"tape: {self.tape!r} is no name; it begins with a letter.")


class Tape:
    """What a source watches: texts, one after the other; the number of each is its position."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.grown = asyncio.Event()
        self.error: Exception | None = None
        self.open = 0
        self.reads: list[str] = []  # the positions that were asked for

    def write(self, *texts: str) -> None:
        self.texts += texts
        self.grown.set()

    def fail(self, error: Exception | None) -> None:
        self.error = error
        self.grown.set()


class TapeSource:
    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        tape.open += 1

    async def read(self, position: str, most: int) -> Sequence[Firing]:
        tape, begin = self._tape, int(position or 0)
        tape.reads.append(position)
        while True:
            if tape.error is not None:
                raise tape.error
            if tape.texts[begin:]:
                break
            tape.grown.clear()
            await tape.grown.wait()
        return [
            Firing(key=str(number), payload=text.encode(), position=str(number + 1))
            for number, text in enumerate(tape.texts[begin : begin + most], begin)
        ]

    async def close(self) -> None:
        self._tape.open -= 1


class Tapes:
    """All tapes of one test, and the kind that reads them."""

    def __init__(self) -> None:
        self._made: dict[str, Tape] = {}
        self.kind = Kind("tape", "texts on a tape", TapeConfig, self._source, self._shown)

    def __getitem__(self, name: str) -> Tape:
        return self._made.setdefault(name, Tape())

    def _source(self, config: TapeConfig, tools: Tools) -> Source:
        return TapeSource(self[config.tape])

    def _shown(self, config: TapeConfig) -> Any:
        return {"tape": config.tape, "secret": "…" if config.secret else ""}


def triggers_of(service: Service, tapes: Tapes) -> Triggers:
    """All triggers of the service's present incarnation, not yet started."""
    kinds = {tapes.kind.type: tapes.kind}
    return Triggers(service.engine, service.clock, service.notices, kinds)
