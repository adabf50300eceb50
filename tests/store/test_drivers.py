"""Which driver the setting `store` means. A driver of another kind under a whole service:
tests/api/test_store_driver.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from thence.config import Settings
from thence.errors import StartupError
from thence.server import build
from thence.store.driver import Wanted
from thence.store.drivers import make_store
from thence.store.sqlite import SqliteStore


def test_the_default_is_a_file_in_the_data_directory(tmp_path: Path) -> None:
    store = make_store(Wanted(Settings().store, tmp_path))
    assert isinstance(store, SqliteStore) and store.path == tmp_path / "store.db"


@pytest.mark.parametrize(
    ("setting", "is_shown"),
    [
        ("postgresql://user:pa55@host/db", "postgresql://user:…@host/db"),
        ("mysql", "mysql"),
        ("sqlite://x", "sqlite://x"),
    ],
)
async def test_a_service_with_a_store_that_no_driver_takes_says_which_there_are(
    setting: str, is_shown: str, tmp_path: Path
) -> None:
    with pytest.raises(StartupError) as refusal:
        build(Settings(data_dir=str(tmp_path), store=setting))
    assert refusal.value.detail == (
        f"store: no driver of this version takes '{is_shown}'. Set store (THENCE_STORE) to 'sqlite' "
        "(a database in the data directory)."
    )
    assert refusal.value.fields == {"setting": "store", "value": is_shown}
