"""What clients see of a code archive: its SHA-512. Worked out once for each archive."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict

from ...catalog.function import Function
from ...engine.engine import Engine

KNOWN_MAX = 4096  # digests in memory
_known: OrderedDict[str, str] = OrderedDict()
"""By our digest of the archive, so that it is right for every service of the process."""


async def digest(engine: Engine, function: Function) -> str:
    """SHA-512 of a function's archive, hex. Raises StoreUnavailable where it cannot be read."""
    found = _known.get(function.code_digest)
    if found is None:
        found = await asyncio.to_thread(_sha512, engine, function.code_digest)
        _known[function.code_digest] = found
        while len(_known) > KNOWN_MAX:
            _known.popitem(last=False)
    return found


def _sha512(engine: Engine, archive: str) -> str:
    return hashlib.sha512(engine.code.archive(archive)).hexdigest()
