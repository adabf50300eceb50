"""Used nonces outlive the process that took them."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from thence.signing.kept_nonces import KeptNonces
from thence.signing.window import Nonces, Window
from thence.testing.clock import VirtualClock

from .conftest import NOW, refusal

SECONDS = 900


def window(folder: Path, clock: VirtualClock) -> Window:
    """That of a new process."""
    return Window(clock, kept=KeptNonces(folder / "nonces"))


async def test_a_nonce_that_was_used_before_a_restart_is_refused_after_it(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    before = window(tmp_path, clock)
    for number in range(50):
        before.take(b"id", b"%d" % number, NOW + number * 10_000 - 200_000)
    await clock.advance(60)
    after = window(tmp_path, clock)
    for number in range(50):
        signed_at = NOW + number * 10_000 - 200_000
        assert refusal(after.take, b"id", b"%d" % number, signed_at) == "replay"
    after.take(b"id", b"new", clock.now())
    after.take(b"another id", b"0", clock.now())
    # Also of a client whose clock is behind, and whose request was made before the restart.
    after.take(b"id", b"late", NOW - 800_000)


async def test_what_has_left_the_window_is_removed_from_the_disk(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    first = window(tmp_path, clock)
    first.take(b"id", b"n", NOW)
    assert len([*(tmp_path / "nonces").iterdir()]) == 2, "the key and one bucket"
    await clock.advance(2 * SECONDS)
    first.take(b"id", b"m", clock.now())
    assert len([*(tmp_path / "nonces").iterdir()]) == 2
    await clock.advance(2 * SECONDS)
    window(tmp_path, clock).take(b"id", b"n", clock.now())
    assert len([*(tmp_path / "nonces").iterdir()]) == 2


def test_nonces_outlive_a_process_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path;"
        "from thence.signing.kept_nonces import KeptNonces; from thence.signing.window import Nonces;"
        f"nonces = Nonces({SECONDS}, 100, KeptNonces(Path(sys.argv[1])));"
        f"assert nonces.take(b'n', {NOW}, {NOW}); os.kill(os.getpid(), 9)"
    )
    found = subprocess.run([sys.executable, "-c", program, str(tmp_path / "nonces")], check=False)
    assert found.returncode == -9
    after = Nonces(SECONDS, 100, KeptNonces(tmp_path / "nonces"))
    assert not after.take(b"n", NOW, NOW)
    assert after.take(b"m", NOW, NOW)


def test_a_torn_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    folder = tmp_path / "nonces"
    assert Nonces(SECONDS, 100, KeptNonces(folder)).take(b"n", NOW, NOW)
    (file,) = [path for path in folder.iterdir() if path.name != "key"]
    file.write_bytes(file.read_bytes() + b"torn")
    again = Nonces(SECONDS, 100, KeptNonces(folder))
    assert not again.take(b"n", NOW, NOW) and len(again) == 1


def test_a_disk_that_takes_none_is_said_once_and_refuses_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "nonces").write_text("no folder")
    with caplog.at_level(logging.WARNING, "thence.signing"):
        nonces = Nonces(SECONDS, 100, KeptNonces(tmp_path / "nonces"))
        assert nonces.take(b"n", NOW, NOW) and nonces.take(b"m", NOW, NOW)
        assert not nonces.take(b"n", NOW, NOW)
    assert len(caplog.records) == 1 and "used again after a restart" in caplog.text


def test_a_key_that_the_disk_did_not_take_is_kept_when_it_takes_it(tmp_path: Path) -> None:
    folder = tmp_path / "nonces"
    (folder / "key").mkdir(parents=True)  # so that it cannot be written
    nonces = Nonces(SECONDS, 100, KeptNonces(folder))
    assert nonces.take(b"in memory alone", NOW, NOW)
    (folder / "key").rmdir()
    assert nonces.take(b"n", NOW, NOW)
    assert not nonces.take(b"in memory alone", NOW, NOW)
    assert not Nonces(SECONDS, 100, KeptNonces(folder)).take(b"n", NOW, NOW)


def test_a_folder_that_the_disk_did_not_take_is_made_when_it_takes_it(tmp_path: Path) -> None:
    """A folder takes room itself: on a full disk that is what fails first."""
    folder = tmp_path / "data" / "nonces"
    folder.parent.write_bytes(b"")  # so that it cannot be made
    nonces = Nonces(SECONDS, 100, KeptNonces(folder))
    assert nonces.take(b"in memory alone", NOW, NOW)
    folder.parent.unlink()
    folder.parent.mkdir()
    assert nonces.take(b"n", NOW, NOW)
    assert not nonces.take(b"in memory alone", NOW, NOW)
    assert not Nonces(SECONDS, 100, KeptNonces(folder)).take(b"n", NOW, NOW)


@pytest.mark.parametrize("left", [b"", b"torn"])
def test_a_key_whose_writing_was_cut_off_is_made_anew(tmp_path: Path, left: bytes) -> None:
    folder = tmp_path / "nonces"
    folder.mkdir()
    (folder / "key").write_bytes(left)
    assert Nonces(SECONDS, 100, KeptNonces(folder)).take(b"n", NOW, NOW)
    assert len((folder / "key").read_bytes()) == 16
    assert not Nonces(SECONDS, 100, KeptNonces(folder)).take(b"n", NOW, NOW)


def test_more_than_can_be_kept_are_forgotten_on_disk_too(tmp_path: Path) -> None:
    folder = tmp_path / "nonces"
    nonces = Nonces(800, 4, KeptNonces(folder))
    for number in range(40):
        assert nonces.take(b"%d" % number, NOW + number * 50_000, NOW)
    again = Nonces(800, 4, KeptNonces(folder))
    again.take(b"x", NOW + 900_000, NOW)
    assert len(again) <= 5
