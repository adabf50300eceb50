"""The embedded default: one SQLite file in WAL mode, every commit fsynced.

Append, do not update (design §4): a payload is written once, the live queue is two narrow tables
(`waiting`, `running`), an ending is appended to `ended`. An invocation that is accepted with a free
slot and succeeds costs one insert in each of three tables and one delete from a tiny one.
"""

from .store import SqliteStore

__all__ = ["SqliteStore"]
