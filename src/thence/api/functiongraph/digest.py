"""What clients see of a code archive: its SHA-512. Worked out once for each archive."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict

from ...catalog.function import Function
from ...engine.engine import Engine

KNOWN_MAX = 4096  # digests in memory
_known: OrderedDict[tuple[str, str], str] = OrderedDict()
"""By algorithm and our own digest of the archive, so that it is right for every service of the
process."""


async def digest(engine: Engine, function: Function, algorithm: str = "sha512") -> str:
    """Of a function's archive, hex. Raises StoreUnavailable where that cannot be read."""
    key = (algorithm, function.code_digest)
    found = _known.get(key)
    if found is None:
        found = _known[key] = await asyncio.to_thread(_of_archive, engine, *key)
        while len(_known) > KNOWN_MAX:
            _known.popitem(last=False)
    return found


def _of_archive(engine: Engine, algorithm: str, archive: str) -> str:
    data = engine.functions.archive(archive)
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
