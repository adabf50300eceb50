"""The service as a program, and the commands that work on its folder."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from thence.settings import known_settings
from thence.store.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own(service: Any, tmp_path: Path) -> Iterator[Any]:
    """A service of the test's own."""
    running = type(service)(tmp_path)
    yield running
    running.stop()


def test_every_setting_but_secrets_is_a_flag_of_serve(thence: Any) -> None:
    text = thence("serve", "--help").out
    for setting in known_settings():
        flag = "--" + setting.name.replace(".", "-").replace("_", "-")
        assert (flag in text) is not setting.secret, flag


def test_the_help_of_serve_names_every_signal_that_drains(thence: Any) -> None:
    told = " ".join(thence("serve", "--help").out.split())
    assert "until SIGTERM, SIGHUP or Ctrl-C, which drain it" in told


def test_config_shows_what_is_in_force_without_the_secret(
    thence: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thence.toml").write_text('log_level = "debug"\n[limits]\nbatch_max = 7\n')
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_SECRET", "very secret")
    ran = thence("config", "--local", "--json", "--grace-seconds", "3")
    found = {item["name"]: item for item in ran.json["items"]}
    assert found["limits.batch_max"]["value"] == 7 and not found["limits.batch_max"]["default"]
    assert found["grace_seconds"]["value"] == 3 and found["region"]["default"]
    table = thence("config", "--local")
    assert "debug" in table.out
    assert (
        thence("config", "--grace-seconds", "3").status == 2
    )  # it would say nothing of the service
    assert "very secret" not in ran.out + table.out


def test_config_refuses_a_store_as_serve_does(
    thence: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THENCE_STORE", "db://user:pa55@host/db")
    shown, served = thence("config", "--local"), thence("serve")
    assert shown.status == served.status == 2
    assert shown.err == served.err and "store: no driver" in shown.err


def test_a_wrong_setting_ends_the_program_with_2_and_its_source(thence: Any) -> None:
    ran = thence("serve", "--limits-batch-max", "many")
    assert ran.status == 2
    assert "limits.batch_max" in ran.err
    assert "flag" in ran.err


def test_an_open_address_without_credentials_is_refused(thence: Any) -> None:
    ran = thence("serve", "--listen", "0.0.0.0:0")
    assert ran.status == 2
    assert "THENCE_ROOT_ACCESS_KEY_ID" in ran.err


def test_a_second_service_and_verify_are_refused_while_one_runs(own: Any, thence: Any) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "thence", "serve"],
        env=own.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == 2
    assert "in use" in second.stderr
    ran = thence("verify", "--data-dir", str(own.data))
    assert ran.status == 2
    assert "in use" in ran.err


def test_sigterm_ends_it_with_0_and_leaves_a_clean_store(own: Any, thence: Any) -> None:
    assert own.stop() == 0
    ran = thence("verify", "--data-dir", str(own.data))
    assert ran.status == 0
    assert "Clean" in ran.out
    assert thence("verify", "--data-dir", str(own.data), "--json").json["problems"] == []


def test_verify_of_a_folder_without_a_store_says_so(thence: Any, tmp_path: Path) -> None:
    ran = thence("verify", "--data-dir", str(tmp_path))
    assert ran.status == 2
    assert "is not a data directory" in ran.err
    assert "Error: The store is missing" in ran.err and "cannot start" not in ran.err
    assert list(tmp_path.iterdir()) == []


def test_backup_and_restore_say_the_problems_the_first_of_many(thence: Any, tmp_path: Path) -> None:
    data, made = tmp_path / "data", tmp_path / "backup"

    async def make() -> None:
        store = SqliteStore(data / "store.db")
        await store.open()
        await store.close()

    data.mkdir()
    asyncio.run(make())
    with closing(sqlite3.connect(data / "store.db")) as db:
        found = "SELECT rootpage FROM sqlite_master WHERE name = 'journal'"
        (page,) = db.execute(found).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with (data / "store.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    ran = thence("backup", str(made), "--data-dir", str(data), "--damaged")
    says = "Problem: Table journal could not be read through: 0 rows were saved.\n"
    assert ran.status == 1 and says in ran.out
    manifest = json.loads((made / "backup.json").read_text())
    manifest["problems"] = [f"The {n}. sentence." for n in range(1, 23)]
    (made / "backup.json").write_text(json.dumps(manifest))
    ran = thence("restore", str(made), "--data-dir", str(tmp_path / "new"), "--damaged")
    assert ran.status == 0 and "Problem: The 20. sentence.\n… and 2 more.\n" in ran.out
    assert "The 21." not in ran.out


@pytest.mark.parametrize("command", ["verify", "backup DIR"])
def test_that_a_store_was_lost_is_said_where_other_files_are(
    thence: Any, tmp_path: Path, command: str
) -> None:
    (tmp_path / "identity").write_text("a" * 32)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.zip").touch()
    words = command.replace("DIR", str(tmp_path.with_name("backup"))).split()
    ran = thence(*words, "--data-dir", str(tmp_path))
    assert ran.status == 2
    assert "Error: The store is missing" in ran.err and "thence restore" in ran.err
    assert "1 code archive (code/), the mark of its store (identity)" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code", "identity"]


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("restore.unfinished", "was cut off before its end"),
        ("backup.unfinished", "is an unfinished backup"),
    ],
)
def test_verify_of_half_a_restore_or_backup_says_what_it_is(
    thence: Any, tmp_path: Path, mark: str, says: str
) -> None:
    (tmp_path / mark).touch()
    (tmp_path / "store.db").write_bytes(b"a part of it")
    ran = thence("verify", "--data-dir", str(tmp_path))
    assert ran.status == 2 and says in ran.err


def test_verify_of_what_is_no_database_says_so(thence: Any, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"this is no database" * 500)
    assert thence("verify", "--data-dir", str(tmp_path)).status == 2


@pytest.mark.slow
def test_a_lost_store_is_refused_and_fresh_begins_anew_beside_its_files(
    own: Any, thence: Any, tmp_path: Path
) -> None:
    deployed = subprocess.run(
        [sys.executable, "-m", "thence", "deploy", str(ROOT / "examples" / "hello")],
        env=own.environment | {"THENCE_URL": own.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert deployed.returncode == 0, deployed.stderr
    assert own.stop() == 0
    (own.data / "reserve").unlink()
    archive, store = next((own.data / "code").glob("*.zip")), own.data / "store.db"
    store.rename(tmp_path / "kept.db")
    for begin in (lambda: None, store.touch):
        begin()
        started = _serve(own)
        assert started.returncode == 2
        assert "was lost" in started.stderr and "--fresh" in started.stderr
        assert not (own.data / "reserve").exists(), "nothing was to be changed"
        checked = thence("verify", "--data-dir", str(own.data))
        assert checked.status == 2
    fresh = type(own)(tmp_path, arguments=("--fresh",))
    assert fresh.stop() == 0
    assert archive.exists()
    again = _serve(own, "--fresh")
    assert again.returncode == 2 and "without --fresh" in again.stderr


def _serve(own: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A start that is refused."""
    return subprocess.run(
        [sys.executable, "-m", "thence", "serve", *arguments],
        env=own.environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
