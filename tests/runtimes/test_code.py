"""Code on disk: whole or not there, without dangerous modes, and packed the same way each time."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import random
import shutil
import stat
import struct
import threading
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from thence.catalog.code import ArchiveInfo, check_archive, pack
from thence.errors import InvalidCode, StoreUnavailable
from thence.removal import Readers
from thence.runtimes import code
from thence.runtimes.aside import AT_ONCE_MAX, THREAD
from thence.runtimes.code import (
    ALONGSIDE_BYTES,
    ALONGSIDE_FILES,
    CodeCache,
)

FILES = [("main.py", b"def handler(event, context): ..."), ("lib/deep/x.py", b"x = 1")]
LARGE = [*FILES, ("data.bin", random.Random(1).randbytes(20_000))]  # too large for the event loop


@pytest.fixture
def cache(tmp_path: Path) -> CodeCache:
    return CodeCache(tmp_path / "code")


async def stored(cache: CodeCache, files: list[tuple[str, bytes]] = FILES) -> ArchiveInfo:
    data = pack(files)
    info = check_archive(data)
    await cache.store(data, info)
    return info


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


async def test_stored_code_is_unpacked_and_its_archive_is_kept(cache: CodeCache) -> None:
    info = await stored(cache)
    folder = cache.path(info.digest)
    assert folder.is_absolute()
    assert (folder / "main.py").read_bytes() == FILES[0][1]
    assert (folder / "lib/deep/x.py").read_bytes() == b"x = 1"
    assert cache.archive(info.digest) == pack(FILES)


async def test_storing_twice_is_one(cache: CodeCache, tmp_path: Path) -> None:
    info = await stored(cache)
    await stored(cache)
    assert names(tmp_path / "code") == {info.digest, f"{info.digest}.zip"}


async def test_modes_are_plain_whatever_the_archive_says(cache: CodeCache, tmp_path: Path) -> None:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as made:
        member = zipfile.ZipInfo("tool")
        member.external_attr = (stat.S_IFREG | 0o6777) << 16
        made.writestr(member, b"#!/bin/sh")
        folder = zipfile.ZipInfo("lib/")
        folder.external_attr = (stat.S_IFDIR | 0o1000) << 16
        made.writestr(folder, b"")
        made.writestr("lib/x.py", b"x")
    data = path.read_bytes()
    info = check_archive(data)
    before = os.umask(0o077)
    try:
        await cache.store(data, info)
    finally:
        os.umask(before)
    root = cache.path(info.digest)
    assert stat.S_IMODE((root / "tool").stat().st_mode) == 0o644
    assert stat.S_IMODE((root / "lib").stat().st_mode) == 0o755
    assert stat.S_IMODE(root.stat().st_mode) == 0o755


def escaping(second: str) -> bytes:
    """An archive whose entry `main.py` has another name in the extra field of Unicode paths, which
    zipfile takes since Python 3.12."""
    content = struct.pack("<BL", 1, zlib.crc32(b"main.py")) + second.encode()
    member = zipfile.ZipInfo("main.py")
    member.extra = struct.pack("<HH", 0x7075, len(content)) + content
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr(member, b"import os")
    return buffer.getvalue()


async def test_nothing_is_unpacked_outside_of_its_folder_whatever_was_checked(
    cache: CodeCache, tmp_path: Path
) -> None:
    data = escaping("../../outside.pth")
    with pytest.raises(InvalidCode, match="in its path"):
        check_archive(data)
    with pytest.raises(InvalidCode, match="in its path"):
        await cache.store(data, ArchiveInfo("0" * 64, len(data), 1, 9))
    assert not (tmp_path / "outside.pth").exists()
    assert names(tmp_path / "code") == set()


async def test_what_is_unpacked_has_the_name_that_was_checked(cache: CodeCache) -> None:
    data = escaping("grüße.py")
    info = check_archive(data)
    await cache.store(data, info)
    assert names(cache.path(info.digest)) == {"grüße.py"}


async def test_a_full_disk_is_store_unavailable_and_leaves_nothing(
    cache: CodeCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            await stored(cache)
        cache.space.short = lambda error: StoreUnavailable("full", was=error.fields["errno"])
        with pytest.raises(StoreUnavailable, match="full"):
            await stored(cache)
    assert names(tmp_path / "code") == set()
    await stored(cache)


async def test_a_folder_that_was_lost_is_unpacked_again_from_the_archive(cache: CodeCache) -> None:
    info = await stored(cache)
    os.rename(cache.path(info.digest), cache.path(info.digest).with_name("away"))
    assert (cache.path(info.digest) / "main.py").is_file()


async def unpacked_aside() -> None:
    for thread in threading.enumerate():
        if thread.name == THREAD:
            await asyncio.to_thread(thread.join)


async def test_a_large_folder_that_was_lost_is_unpacked_beside_the_event_loop(
    cache: CodeCache, tmp_path: Path
) -> None:
    """After a restore the whole service stood still for thousands of files (36 s for 9,000)."""
    info = await stored(cache, LARGE)
    root = tmp_path / "code"
    os.rename(root / info.digest, tmp_path / "away")
    before = threading.get_ident()
    by = []
    unpack = cache._unpack
    cache._unpack = lambda *args: (by.append(threading.get_ident()), unpack(*args))  # type: ignore
    with pytest.raises(StoreUnavailable, match="is being unpacked again"):
        cache.path(info.digest)
    await unpacked_aside()
    assert len(by) == 1 and by != [before]
    assert (cache.path(info.digest) / "data.bin").read_bytes() == LARGE[-1][1]
    assert names(root) == {info.digest, f"{info.digest}.zip"}


async def test_many_small_files_are_unpacked_beside_the_event_loop_too(
    cache: CodeCache, tmp_path: Path
) -> None:
    """Of 40 in 5 KB each took some ms: 200 such functions held the loop for 45 s."""
    for count in (ALONGSIDE_FILES, ALONGSIDE_FILES + 1):
        info = await stored(cache, [(f"part_{n}.py", b"") for n in range(count)])
        assert info.bytes < ALONGSIDE_BYTES
        os.rename(tmp_path / "code" / info.digest, tmp_path / f"away-{count}")
        if count > ALONGSIDE_FILES:
            with pytest.raises(StoreUnavailable, match="being unpacked"):
                cache.path(info.digest)
            await unpacked_aside()
        assert len(names(cache.path(info.digest))) == count


async def test_what_went_wrong_beside_the_loop_is_told_and_tried_again(
    cache: CodeCache, tmp_path: Path
) -> None:
    info = await stored(cache, LARGE)
    os.rename(tmp_path / "code" / info.digest, tmp_path / "away")
    good = cache.archive(info.digest)
    cache.archive_path(info.digest).write_bytes(good[:-9])
    for match in ("being unpacked", *["cannot be unpacked again: .*Deploy"] * 2):
        with pytest.raises(StoreUnavailable, match=match):
            cache.path(info.digest)
        await unpacked_aside()
    cache.archive_path(info.digest).write_bytes(good)
    with pytest.raises(StoreUnavailable, match="cannot be unpacked"):
        cache.path(info.digest)
    await unpacked_aside()
    assert cache.path(info.digest).is_dir(), "whoever was told so had it tried again"


@pytest.mark.parametrize("damaged", [b"", pack(FILES)[:-1], bytes(len(pack(FILES)))])
async def test_deploying_again_mends_a_damaged_archive(
    cache: CodeCache, tmp_path: Path, damaged: bytes
) -> None:
    """Every backup was refused for it, with the advice to deploy the function again."""
    info = await stored(cache)
    cache.archive_path(info.digest).write_bytes(damaged)
    await stored(cache)
    assert cache.archive(info.digest) == pack(FILES)
    assert names(tmp_path / "code") == {info.digest, f"{info.digest}.zip"}


async def test_few_are_unpacked_at_once_and_each_has_its_turn(
    cache: CodeCache, tmp_path: Path
) -> None:
    """Callers come again ever later, all at the same time: two functions of each round had their
    turn, and calls of many failed when their time for platform errors was over."""
    go, at_once, most = threading.Semaphore(0), [0], [0]
    infos = [await stored(cache, [*LARGE, ("which.py", b"%d" % n)]) for n in range(AT_ONCE_MAX + 3)]
    for info in infos:
        os.rename(tmp_path / "code" / info.digest, tmp_path / f"away-{info.digest}")
    unpack = cache._unpack

    def slowly(data: bytes, folder: Path) -> None:
        at_once.append(1)
        most.append(sum(at_once))
        go.acquire()
        unpack(data, folder)
        at_once.append(-1)

    cache._unpack = slowly  # type: ignore[method-assign]
    for info in [*infos, *infos]:
        with pytest.raises(StoreUnavailable, match="being unpacked"):
            cache.path(info.digest)
    assert sum(thread.name == THREAD for thread in threading.enumerate()) == AT_ONCE_MAX
    go.release(len(infos))
    await unpacked_aside()
    assert all(cache.path(info.digest).is_dir() for info in infos), "each was asked for once"
    assert max(most) <= AT_ONCE_MAX and len(most) - 1 == len(infos)


async def test_what_a_crash_left_is_swept_also_while_code_is_unpacked_and_that_is_not(
    cache: CodeCache, tmp_path: Path
) -> None:
    """The sweep of a start comes when calls that waited have code unpacked, and the next a day later."""
    info, root = await stored(cache, LARGE), tmp_path / "code"
    begun, go = threading.Event(), threading.Event()
    os.rename(root / info.digest, tmp_path / "away")
    (root / ".tmp-crashed").mkdir()
    rename = os.rename

    def slowly(*args: Any) -> None:
        if threading.current_thread().name == THREAD:
            begun.set()
            go.wait()
        rename(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rename", slowly)
        with pytest.raises(StoreUnavailable, match="being unpacked"):
            cache.path(info.digest)
        await asyncio.to_thread(begun.wait)
        assert cache.prune({info.digest}, 1000, 0) == (0, 0)
        assert ".tmp-crashed" not in names(root) and len(names(root)) == 2, "archive, half a folder"
        go.set()
        await unpacked_aside()
    assert cache.path(info.digest).is_dir()


async def test_a_sweep_leaves_alone_what_is_unpacked_for_the_event_loop(
    cache: CodeCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes with the start, as the calls that waited do. Files that went before the folder had its
    name were missing from it for ever: 20 sweeps at such moments left 14 folders of that kind."""
    info = await stored(cache)
    os.rename(tmp_path / "code" / info.digest, tmp_path / "away")
    rename, swept = os.rename, []

    def sweeping(*args: Any) -> None:
        swept.append(cache.prune({info.digest}, 1000, 0))
        rename(*args)

    monkeypatch.setattr(os, "rename", sweeping)
    assert names(cache.path(info.digest)) == {"main.py", "lib"}
    assert swept == [(0, 0)]


@pytest.mark.parametrize("why", ["prune", "drop", "another service"])
async def test_no_part_of_what_is_being_removed_is_ever_taken_for_the_whole(
    cache: CodeCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    info, root = await stored(cache), tmp_path / "code"

    def partly(folder: Path, *_: Any, **__: Any) -> None:
        (folder / "main.py").unlink()  # and there it is killed

    def removing(*args: Any) -> None:
        monkeypatch.setattr(os, "rename", rename)
        monkeypatch.setattr(shutil, "rmtree", partly)
        CodeCache(root).prune({info.digest}, 1000, 0)
        monkeypatch.setattr(shutil, "rmtree", rmtree)
        rename(*args)

    rename, rmtree = os.rename, shutil.rmtree
    if why == "another service":  # the one before: it has not ended yet, and unpacks
        os.rename(root / info.digest, tmp_path / "away")
        monkeypatch.setattr(os, "rename", removing)
        with pytest.raises(StoreUnavailable):
            cache.path(info.digest)
    else:
        monkeypatch.setattr(shutil, "rmtree", partly)
        if why == "prune":
            cache.prune({"0" * 64}, 1000, 0)
        else:
            cache.drop(info.digest)
        monkeypatch.setattr(shutil, "rmtree", rmtree)
        await stored(cache)
    assert names(cache.path(info.digest)) == {"main.py", "lib"}
    CodeCache(root).prune({info.digest}, 1000, 0)
    assert names(root) == {info.digest, f"{info.digest}.zip"}


@pytest.mark.parametrize("files", [FILES, [(f"{n}.py", b"x") for n in range(6)]])
async def test_what_another_service_swept_in_the_middle_is_not_begun_anew_in_its_place(
    cache: CodeCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: list[tuple[str, bytes]],
) -> None:
    """The one before has not ended yet and unpacks. The rest of the files was taken for all."""
    info, root = await stored(cache, files), tmp_path / "code"
    os.rename(root / info.digest, tmp_path / "away")
    write, written = code._write, []

    def sweeping(path: Path, *args: Any) -> None:
        write(path, *args)
        written.append(path)
        if len(written) == len(files) // 2:
            CodeCache(root).prune({info.digest}, 1000, 0)

    with monkeypatch.context() as patch:
        patch.setattr(code, "_write", sweeping)
        with pytest.raises(StoreUnavailable):
            cache.path(info.digest)
    assert names(root) == {f"{info.digest}.zip"}
    assert names(cache.path(info.digest)) == {path.split("/")[0] for path, _ in files}


async def test_code_waits_where_no_thread_is_to_be_had_and_is_unpacked_later(
    cache: CodeCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infos = [await stored(cache, [*LARGE, ("which.py", b"%d" % n)]) for n in range(AT_ONCE_MAX + 1)]
    for info in infos:
        os.rename(tmp_path / "code" / info.digest, tmp_path / f"away-{info.digest}")

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for info in infos:
            with pytest.raises(StoreUnavailable, match="can't start new thread"):
                cache.path(info.digest)
    with pytest.raises(StoreUnavailable, match="being unpacked"):
        cache.path(infos[0].digest)
    await unpacked_aside()
    assert all(cache.path(info.digest).is_dir() for info in infos)


async def test_code_that_is_nowhere_says_so(cache: CodeCache) -> None:
    with pytest.raises(StoreUnavailable, match="Deploy the function again"):
        cache.path("0" * 64)
    with pytest.raises(StoreUnavailable, match="Deploy the function again"):
        cache.archive("0" * 64)
    with pytest.raises(ValueError, match="not a sha256"):
        cache.path("../../etc")


async def test_prune_keeps_what_it_is_told_and_sweeps_what_a_crash_left(
    cache: CodeCache, tmp_path: Path
) -> None:
    kept = await stored(cache)
    gone = await stored(cache, [("other.py", b"y")])
    root = tmp_path / "code"
    (root / ".tmp-0123").mkdir()
    (root / ".tmp-0123" / "half.py").write_text("x")
    (root / ".tmp-4567").write_text("half an archive")
    (root / "README").write_text("not ours")
    assert cache.prune({kept.digest}, 1000, 0) == (1, 1)
    assert names(root) == {kept.digest, f"{kept.digest}.zip", "README"}
    with pytest.raises(StoreUnavailable):
        cache.path(gone.digest)


def test_prune_of_a_cache_that_was_never_used_is_nothing(cache: CodeCache) -> None:
    assert cache.prune(set(), 1000, 0) == (0, 0)


async def test_code_that_nothing_uses_goes_only_after_its_time_without_a_break(
    cache: CodeCache,
) -> None:
    kept, unused = await stored(cache), await stored(cache, [("other.py", b"y")])
    assert cache.prune({kept.digest}, 1000, 500) == (1, 0)
    assert cache.prune({kept.digest}, 1499, 500) == (1, 0)
    # The store that knows it was put back: its time begins anew.
    assert cache.prune({kept.digest, unused.digest}, 1501, 500) == (0, 0)
    assert cache.prune({kept.digest}, 1502, 500) == (1, 0)
    assert cache.prune({kept.digest}, 2001, 500) == (1, 0)
    assert cache.path(unused.digest).is_dir()
    assert cache.prune({kept.digest}, 2002, 500) == (1, 1)
    with pytest.raises(StoreUnavailable):
        cache.path(unused.digest)


async def test_no_code_goes_while_a_backup_reads(cache: CodeCache, tmp_path: Path) -> None:
    unused = await stored(cache)
    with Readers(tmp_path).reading():
        assert cache.prune({"0" * 64}, 1000, 0) == (0, 0)
        assert cache.path(unused.digest).is_dir()
    assert cache.prune({"0" * 64}, 1000, 0) == (1, 1)
