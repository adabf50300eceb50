"""Runs under way here. Of attempts: those that this node answers for, from their claim until what they came
to is committed; synchronous calls, of which nothing is committed, have one of their own (invoke.py)."""

from __future__ import annotations

from collections.abc import Iterator

from ..runtimes.interface import Run


class Running:
    """The only owner of them, by id. Of an invocation there is one attempt at a time: a newer one takes
    the place of one that was given up as lost while this process stood still."""

    __slots__ = ("_runs",)

    def __init__(self) -> None:
        self._runs: dict[int, Run] = {}

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        """All of them; for timers and for what a person asks."""
        return iter(list(self._runs.values()))

    def add(self, run: Run) -> None:
        """It is claimed; of its invocation no other is answered for any more."""
        self._runs[run.id] = run

    def get(self, id: int) -> Run | None:
        """The attempt of that invocation."""
        return self._runs.get(id)

    def has(self, run: Run) -> bool:
        """Whether that very attempt is still answered for."""
        return self._runs.get(run.id) is run

    def end(self, run: Run) -> bool:
        """It is settled. False: it was not answered for any more."""
        if self._runs.get(run.id) is not run:
            return False
        del self._runs[run.id]
        return True

    def of(self, family_id: int) -> list[Run]:
        """Those of all versions of a function."""
        return [run for run in self if run.function.family == family_id]

    def code_digests(self) -> set[str]:
        """The code that must stay."""
        return {run.function.code_digest for run in self}
