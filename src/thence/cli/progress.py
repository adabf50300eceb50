"""Progress of long work, on stderr, only where a person looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .output import stderr_console


@contextmanager
def bar(
    what: str, total: int | None, *, of_bytes: bool = False, then: str = ""
) -> Iterator[Callable[[int], None]]:
    """A bar that the given function advances; nothing where stderr is no terminal. total None: it
    is not known how much there is. then: what is waited for when it is full."""
    if not stderr_console().is_terminal:
        yield lambda count: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    amount = DownloadColumn() if of_bytes else MofNCompleteColumn()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        amount,
        TimeElapsedColumn(),
        console=stderr_console(),
        transient=True,
    ) as progress:
        id = progress.add_task(what, total=total)

        def advance(count: int) -> None:
            progress.update(id, advance=count)
            if then and progress.tasks[0].finished:
                progress.reset(id, total=None, description=then)  # how long, nobody knows

        yield advance
