"""A store that nobody uses, read through one connection that holds it for itself.

Such a one keeps in memory what connections share in a file, so it can also read on a disk without a
free byte, where the store cannot be opened as a service opens it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ...errors import StartupError
from ..folder import DataFolder
from .connection import SCHEMA, denied, hold


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Nothing is changed in it. Raises StartupError, also where it must be migrated first."""
    folder = DataFolder(path, create=False)
    folder.check_kind()
    held = hold(path)
    try:
        folder.check()
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA query_only = ON")
            schema = db.execute("PRAGMA user_version").fetchone()[0]
            if schema != SCHEMA:
                raise StartupError(
                    f"{path} is of another version (schema {schema}; this one knows {SCHEMA}), and "
                    "cannot be brought up to date now. Is its disk full?",
                )
            yield db
    except sqlite3.Error as error:
        raise StartupError(f"{path} cannot be opened: {error}.{denied(path)}") from error
    finally:
        os.close(held)
