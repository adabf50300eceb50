"""Blobs as files: whole or not there, and every failure is a sentence."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from thence.errors import StoreUnavailable
from thence.store.blobs import FileBlobs


@pytest.fixture(params=[True, False], ids=["inline", "threads"])
def blobs(tmp_path: Path, request: pytest.FixtureRequest) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs", inline=request.param)


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def test_what_was_put_is_got_with_its_digest(blobs: FileBlobs) -> None:
    data = os.urandom(200_000)
    digest = await blobs.put("01ab.payload", data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert await blobs.get("01ab.payload") == data
    assert await blobs.get("01ab.payload", digest) == data


async def test_a_blob_survives_a_new_store_on_the_same_folder(tmp_path: Path) -> None:
    await FileBlobs(tmp_path).put("a.result", b"kept")
    assert await FileBlobs(tmp_path).get("a.result") == b"kept"


async def test_putting_again_replaces_and_leaves_no_other_file(
    blobs: FileBlobs, tmp_path: Path
) -> None:
    await blobs.put("a.payload", b"one")
    await blobs.put("a.payload", b"two")
    assert await blobs.get("a.payload") == b"two"
    assert [path.name for path in files(tmp_path)] == ["a.payload"]


async def test_a_missing_blob_says_which_and_what_to_do(blobs: FileBlobs) -> None:
    with pytest.raises(StoreUnavailable, match=r"gone\.payload is missing.*backup"):
        await blobs.get("gone.payload")


async def test_a_blob_that_is_gone_is_said_in_the_log_and_not_for_every_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blobs = FileBlobs(tmp_path, inline=True)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await blobs.get("gone.payload")
    (record,) = caplog.records
    assert "gone.payload is missing" in record.getMessage()


async def test_a_damaged_blob_is_not_handed_out(blobs: FileBlobs, tmp_path: Path) -> None:
    digest = await blobs.put("a.payload", b"good")
    files(tmp_path)[0].write_bytes(b"evil")
    with pytest.raises(StoreUnavailable, match="damaged"):
        await blobs.get("a.payload", digest)


async def test_deleting_removes_the_files_and_twice_is_no_error(
    blobs: FileBlobs, tmp_path: Path
) -> None:
    await blobs.put("a.payload", b"1")
    await blobs.put("b.payload", b"2")
    await blobs.delete(["a.payload", "b.payload", "never.payload"])
    await blobs.delete(["a.payload"])
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "ref", ["", "..", "../a", "a/b", "/etc/passwd", ".hidden", "a..b", "a\x00", "a" * 200, "a b"]
)
async def test_a_reference_cannot_lead_out_of_the_folder(blobs: FileBlobs, ref: str) -> None:
    with pytest.raises(ValueError, match="not a blob reference"):
        await blobs.put(ref, b"x")
    with pytest.raises(ValueError, match="not a blob reference"):
        await blobs.get(ref)


async def test_a_full_disk_is_store_unavailable_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = FileBlobs(tmp_path, inline=True)
    await blobs.put("before.payload", b"fine")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            await blobs.put("a.payload", b"x" * 1000)
        blobs.space.short = lambda error: StoreUnavailable("full", was=error.fields["errno"])
        with pytest.raises(StoreUnavailable, match="full") as told:
            await blobs.put("a.payload", b"x" * 1000)
        assert told.value.fields["was"] == errno.ENOSPC
    assert [path.name for path in files(tmp_path)] == ["before.payload"]
    # Space is back: the same put succeeds.
    await blobs.put("a.payload", b"x" * 1000)
    assert await blobs.get("a.payload") == b"x" * 1000


async def test_an_interrupted_replacement_keeps_the_old_blob(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = FileBlobs(tmp_path, inline=True)
    await blobs.put("a.payload", b"old")

    def broken(*names: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(StoreUnavailable, match="Input/output error"):
        await blobs.put("a.payload", b"new")
    assert await blobs.get("a.payload") == b"old"
    assert len(files(tmp_path)) == 1


async def test_a_folder_that_cannot_be_written_is_store_unavailable(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable, match="permissions"):
        await FileBlobs(tmp_path / "blobs").put("a.payload", b"x")


async def test_put_returns_only_after_the_file_and_its_name_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, bool]] = []
    fsync, replace = os.fsync, os.replace

    def see_fsync(descriptor: int) -> None:
        steps.append(("fsync", stat.S_ISDIR(os.fstat(descriptor).st_mode)))
        fsync(descriptor)

    def see_replace(before: Path, after: Path) -> None:
        steps.append(("replace", False))
        replace(before, after)

    blobs = FileBlobs(tmp_path, inline=True)
    await blobs.put("a.payload", b"makes the folder")
    monkeypatch.setattr(os, "fsync", see_fsync)
    monkeypatch.setattr(os, "replace", see_replace)
    await blobs.put("a.payload", b"x")
    assert steps == [("fsync", False), ("replace", False), ("fsync", True)]


async def test_what_a_killed_process_left_unfinished_goes_with_the_first_put(
    tmp_path: Path,
) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / ".tmp-0123-4567").write_bytes(b"half")
    (tmp_path / "ab" / "kept.payload").write_bytes(b"whole")
    await FileBlobs(tmp_path, inline=True).put("a.payload", b"x")
    assert {path.name for path in files(tmp_path)} == {"a.payload", "kept.payload"}


async def test_many_puts_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    refs = [f"{number:032x}.payload" for number in range(64)]
    await asyncio.gather(*(blobs.put(ref, ref.encode()) for ref in refs))
    assert [await blobs.get(ref) for ref in refs] == [ref.encode() for ref in refs]
