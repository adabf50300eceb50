"""An engine over real instances and the machine's clock, for what only those can show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from thence.api.doors import installed, record_forms
from thence.catalog.code import pack
from thence.clock import SystemClock
from thence.destinations.interface import Resources
from thence.destinations.kinds import install_kinds
from thence.destinations.post import Post
from thence.destinations.senders import Senders
from thence.engine.engine import Engine
from thence.engine.options import Options
from thence.notices import Notices
from thence.runtimes import kinds
from thence.runtimes.code import CodeCache
from thence.runtimes.interface import kept_free
from thence.runtimes.pool.pool import Pool
from thence.store.blobs import FileBlobs
from thence.store.sqlite import SqliteStore

FORMS = record_forms(installed())


def build(folder: Path, instances_max: int, kept_free_percent: int = 0) -> Engine:
    """One that is not started."""
    notices, clock, code = Notices(), SystemClock(), CodeCache(folder / "code")
    return Engine(
        store=SqliteStore(folder / "store.db"),
        runtime=Pool(
            kinds.KINDS,
            lambda function: code.path(function.code_digest),
            notices,
            clock,
            instances_max=instances_max,
            kept_free=kept_free(instances_max, kept_free_percent),
        ),
        code=code,
        blobs=FileBlobs(folder / "blobs"),
        clock=clock,
        notices=notices,
        options=Options(),
        make_sending=lambda inside: Post(
            Senders(
                Resources(put=inside.put, accept=inside.accept), install_kinds(forms=tuple(FORMS))
            ),
            FORMS,
            Options().record_preview_bytes_max,
        ),
    )


@asynccontextmanager
async def running(
    folder: Path, instances_max: int, kept_free_percent: int = 0
) -> AsyncIterator[Engine]:
    """Started, and drained without waiting for what runs."""
    engine = build(folder, instances_max, kept_free_percent)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.drain(0)


async def deploy(engine: Engine, name: str, code: str, **spec: Any) -> None:
    archive = pack([("main.py", code.encode())])
    await engine.functions.put(name, kinds.parse_function(spec), archive)
