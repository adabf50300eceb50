"""The peer's side of the work: Huey on SQLite in its durable setting (`fsync=True`).

Loaded by Huey's consumer processes; the database is named by HUEY_DATABASE.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# By name: Huey has no types, and is installed only where the benchmark runs.
SqliteHuey: Any = importlib.import_module("huey").SqliteHuey

# The schema is made once, by the producer: consumers that make it at the same time collide.
huey = SqliteHuey(
    "bench", filename=os.environ["HUEY_DATABASE"], fsync=True, timeout=60, create_tables=False
)


@huey.task()  # type: ignore[untyped-decorator]
def noop(event: dict[str, Any]) -> dict[str, Any]:
    """The same as the function that Thence runs."""
    return {"ok": True, "seq": event["seq"]}
