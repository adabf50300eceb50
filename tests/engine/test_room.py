"""A full disk: what is given up, what is refused, and when it goes on."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from thence.catalog.control import Control
from thence.engine import room as rooms
from thence.engine.engine import Engine
from thence.engine.room import Room
from thence.engine.writer import Writer
from thence.errors import StoreUnavailable, ThenceError
from thence.notices import Committed as CommittedNotice
from thence.notices import Notices
from thence.store.records import Batch, Claim
from thence.store.reserve import Reserve
from thence.store.sqlite import SqliteStore, snapshot, work
from thence.store.sqlite.faults import damaged
from thence.testing import Error, Forever, Ok, Service, incarnation
from thence.testing.clock import VirtualClock
from thence.testing.service import gather_now, number

MIB = 1024 * 1024
FAILED = StoreUnavailable("The store does not answer.")


class Disk(Reserve):
    """A reserve on a disk of numbers."""

    def __init__(self, free: int, wanted: int = 32 * MIB, held: int = 0) -> None:
        super().__init__(Path("/data"), wanted)
        self.free, self.held, self.files = free, held, 1000

    def wanted_bytes(self) -> int:
        return self.bytes_wanted

    def held_bytes(self) -> int:
        return self.held

    def free_bytes(self) -> int:
        return self.free

    def free_files(self) -> int:
        return self.files

    def take(self, size: int) -> bool:
        if self.free + self.held < size:
            self.release()
            return False
        self.free, self.held = self.free + self.held - size, size
        return True

    def release(self) -> None:
        self.free, self.held = self.free + self.held, 0


class Spare:
    """A store that has deleted so much."""

    bytes = 0

    async def tidy(self) -> int:
        return self.bytes


def made(disk: Disk) -> tuple[Room, Spare]:
    store: Any = Spare()
    return Room(store, disk), store


async def test_a_disk_with_space_keeps_the_reserve_and_another_error_changes_nothing() -> None:
    disk = Disk(100 * MIB)
    room, _ = made(disk)
    room.opened()
    assert (room.full, disk.held) == (False, 32 * MIB)
    assert room.lost(FAILED) is FAILED
    assert not room.full and await room.back()
    room.check()


async def test_a_full_disk_gives_up_the_reserve_and_is_back_when_there_is_more_than_that() -> None:
    disk = Disk(100 * MIB)
    room, _ = made(disk)
    room.opened()
    disk.free = 4096
    told = room.lost(FAILED)
    assert room.full and disk.held == 0
    assert "33,558,528 bytes are free in /data" in told.detail
    assert told.fields["needed_bytes"] == 40 * MIB
    with pytest.raises(StoreUnavailable, match="The disk is full"):
        room.check()
    # The reserve alone is no room: the next call would find it full again.
    assert not await room.back() and disk.held == 0
    disk.free += 8 * MIB
    with pytest.raises(StoreUnavailable, match=r"The disk was full: .* Try again"):
        room.check()  # until that is looked for, it does not say that too little is free
    disk.files = 0  # where the reserve cannot be taken back for that, it says so
    with pytest.raises(StoreUnavailable, match=r"no more files .* Delete other files on it"):
        room.check()
    disk.files = 1000
    assert await room.back()
    assert (room.full, disk.held) == (False, 32 * MIB)


async def test_what_was_deleted_is_room_although_the_disk_has_no_more() -> None:
    disk = Disk(30 * MIB)  # of the reserve, some was used to delete with
    room, store = made(disk)
    room.full = True
    store.bytes = 7 * MIB
    assert not await room.back()
    store.bytes = 8 * MIB
    assert await room.back()
    assert disk.held == 22 * MIB, "it leaves room for the log"
    disk.release()
    disk.free, room.full = 23 * MIB, True
    assert not await room.back(), "half a reserve is too little to delete with the next time"


@pytest.mark.parametrize("free", [0, 39 * MIB])
async def test_a_start_on_a_full_disk_begins_as_one(free: int) -> None:
    disk = Disk(free)
    room, _ = made(disk)
    room.opened()
    assert room.full and disk.held == 0 and disk.free == free
    kept = Disk(0, held=32 * MIB)
    room, _ = made(kept)
    room.opened()
    assert room.full and kept.free == 32 * MIB, "there is room to delete"


async def test_without_a_reserve_a_full_disk_is_still_said() -> None:
    disk = Disk(0, wanted=0)
    room, _ = made(disk)
    room.opened()
    assert not room.full
    assert "The disk is full" in room.lost(FAILED).detail
    assert not await room.back()
    disk.free = rooms.ROOM_BYTES_MIN
    assert await room.back()


def test_a_stop_is_tried_where_the_disk_cannot_be_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unseen(_: Disk) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Disk, "wanted_bytes", unseen)
    monkeypatch.setattr(Disk, "free_bytes", unseen)
    room, _ = made(Disk(0))
    room.full = True
    room.check_stop()
    assert "cannot be looked at: Input/output error" in room.no_stop().detail


NO_FILE = StoreUnavailable("The blob cannot be written.", errno=errno.ENOSPC)


async def test_a_body_that_finds_no_space_makes_the_disk_full_for_all() -> None:
    async with Service() as s:
        await s.function("f", answers=[Ok("done")])
        s.engine.parts.room.reserve = disk = Disk(4096, held=32 * MIB)
        told = s.engine.parts.room.short(NO_FILE)
        assert "The disk is full: 33,558,528 bytes are free in /data" in told.detail
        await s.clock.settle()
        assert s.engine.parts.writer.outage.down and disk.held == 0
        with pytest.raises(StoreUnavailable, match="The disk is full"):
            await s.invoke("f")
        disk.free += 8 * MIB
        await s.clock.advance(2)
        assert disk.held == 32 * MIB
        await s.invoke("f")


async def test_a_body_too_large_for_what_is_free_is_no_full_disk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = Disk(20 * MIB, held=32 * MIB)
    room, _ = made(disk)
    assert "20,971,520 bytes are free, too little for this one" in room.short(NO_FILE).detail
    disk.files = 0
    assert "inodes are used up" in room.short(NO_FILE).detail
    denied = StoreUnavailable("The blob cannot be written: Permission denied.", errno=errno.EACCES)
    assert room.short(denied) is denied
    assert not room.full and disk.held == 32 * MIB
    assert len(caplog.records) == 1, "said, and not for every body"


class Tight(Spare):
    """A store with room for small commits only."""

    bytes = 64 * MIB
    largest = 20

    def __init__(self, disk: Disk) -> None:
        self.disk, self.sizes, self.written, self.failed = disk, [], 0, 0

    async def commit(self, batch: Batch) -> Any:
        size = len(batch.delivery_results)
        self.sizes.append(size)
        if size > self.largest:
            self.disk.free, self.failed = 0, self.failed + 1
            raise StoreUnavailable("database or disk is full")
        self.written += size
        self.disk.free += 24 * MIB if not self.disk.free else 0
        return SimpleNamespace(delivery_results=[True] * size, entry=None)

    async def healthy(self) -> bool:
        return True

    async def tidy(self) -> int:
        self.disk.free = 24 * MIB  # what the log gives back
        return self.bytes


async def test_what_was_kept_on_a_full_disk_is_written_in_small_commits() -> None:
    disk = Disk(0, held=0)
    store: Any = Tight(disk)
    room = Room(store, disk)
    writer = Writer(store, VirtualClock(), Notices(), room)
    writer.start()
    result: Any = object()
    all_told = asyncio.Event()
    told: list[bool] = []

    def done(answer: Any, error: ThenceError | None) -> None:
        told.append(error is None)
        if len(told) == 300:
            all_told.set()

    for _ in range(300):
        writer.delivery_result(result, done)
    await asyncio.wait_for(all_told.wait(), 5)
    await writer.stop()
    assert told == [True] * 300
    assert store.failed == 1 and store.sizes[0] == 300, store.sizes


@pytest.mark.parametrize("idle", [False, True], ids=["a-commit", "another-write"])
async def test_a_lock_while_little_is_free_is_not_taken_for_a_full_disk(
    idle: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "BUSY_SECONDS", 0.05)
    disk, clock, store = Disk(4 * MIB, held=32 * MIB), VirtualClock(), SqliteStore(tmp_path / "db")
    await store.open()
    writer = Writer(store, clock, Notices(), Room(store, disk))
    store.on_unwritten(writer.outage.unwritten)
    writer.start()
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as visitor:
        visitor.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="holds the write lock"):
            if idle:
                await store.join("node", 0, 1000)
            else:
                await writer.wait(writer.claim, Claim(1, 1, 1, 0))
        assert not await store.healthy()  # after which the writer's own look has ended too
        assert disk.held == 32 * MIB
        assert idle or "holds the write lock" in writer.outage.refusal().detail
    await clock.advance(1)
    assert await store.healthy() and disk.held == 32 * MIB
    await asyncio.wait_for(writer.wait(writer.claim, Claim(1, 1, 1, 0)), 10)
    await writer.stop()
    await store.close()


@pytest.mark.parametrize("wanted", [32 * MIB, 0], ids=["reserve", "no-reserve"])
@pytest.mark.parametrize("known", [False, True], ids=["as-it-fills", "known-to-be-full"])
async def test_any_write_that_a_full_disk_stops_says_how_many_bytes_are_free_where(
    known: bool, wanted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the reserve's space is used up: by deleting, or by others."""
    disk, store = Disk(4096, wanted), SqliteStore(tmp_path / "db")
    await store.open()
    room = Room(store, disk)
    if known:
        room.lost(FAILED)
    store.on_unwritten(Writer(store, VirtualClock(), Notices(), room).outage.unwritten)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as while_full:
        while_full.setattr(work.Work, "_transaction", full)
        with pytest.raises(StoreUnavailable, match="4,096 bytes are free in /data") as told:
            await store.join("node", 0, 1000)
        assert "delete other files on that disk, or grow it" in told.value.detail
        assert not await store.healthy()
    assert room.full and told.value.fields["needed_bytes"] == (40 * MIB if wanted else MIB)
    await store.close()


@pytest.mark.parametrize(
    "code, full, says",
    [
        (sqlite3.SQLITE_BUSY, False, "holds the write lock"),
        (sqlite3.SQLITE_BUSY, True, "holds the write lock"),
        (sqlite3.SQLITE_IOERR, False, "does not answer: disk I/O error"),
    ],
)
async def test_a_write_that_fails_for_another_reason_is_not_told_as_a_full_disk(
    code: int, full: bool, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, store = Disk(60 * MIB), SqliteStore(tmp_path / "db")
    await store.open()
    room = Room(store, disk)
    room.full = full
    store.on_unwritten(Writer(store, VirtualClock(), Notices(), room).outage.unwritten)

    def fails(*_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        raise error

    with monkeypatch.context() as while_it_fails:
        while_it_fails.setattr(work.Work, "_transaction", fails)
        with pytest.raises(StoreUnavailable, match=says):
            await store.join("node", 0, 1000)
    assert room.full is full
    await store.close()


def test_a_reserve_is_of_real_blocks_and_gone_where_they_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = Reserve(tmp_path, MIB)
    assert reserve.take(MIB)
    found = (tmp_path / "reserve").stat()
    assert found.st_size == MIB and found.st_blocks * 512 >= MIB and found.st_mode & 0o777 == 0o600
    assert reserve.take(MIB // 2) and reserve.held_bytes() == MIB // 2

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    assert not reserve.take(MIB)
    assert reserve.held_bytes() == 0 and not (tmp_path / "reserve").exists()


async def test_a_disk_that_does_not_say_how_large_it_is_is_not_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((4096, 4096, *[0] * 6, 0, 255)))
    store: Any = Spare()
    room = Room(store, Reserve(tmp_path, MIB))
    room.opened()
    room.check()
    error = StoreUnavailable("no", errno=errno.ENOSPC)
    assert room.lost(FAILED) is FAILED and room.short(error) is error
    room.check()
    assert (room.free_bytes(), room.reserve_bytes()) == (None, 0)
    assert snapshot.free_bytes(tmp_path) > 1 << 60, "a backup there is not refused either"


async def test_the_disk_takes_at_most_a_quarter_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = os.statvfs(tmp_path)
    reserve = Reserve(tmp_path, 1 << 60)
    assert reserve.wanted_bytes() == disk.f_blocks * disk.f_frsize // 4


async def test_while_it_is_full_nothing_is_taken_and_what_runs_is_kept() -> None:
    async with Service() as s:
        disk = Disk(4096, held=32 * MIB)
        await s.function("f", answers=[Ok("done", seconds=5)])
        id = await s.invoke("f")
        await s.clock.advance(1)
        s.engine.parts.room.reserve = disk
        s.disk_full(20)
        with pytest.raises(StoreUnavailable, match="The disk is full"):
            await s.invoke("f")
        assert disk.held == 0
        await s.clock.advance(
            25
        )  # the store could write again, but there is no room beside the reserve
        assert s.engine.parts.writer.outage.down
        with pytest.raises(StoreUnavailable, match="33,558,528 bytes are free"):
            await s.invoke("f")
        assert (await s.show(id)).state == "running"
        disk.free += 8 * MIB
        await s.clock.advance(2)
        assert (await s.show(id)).state == "succeeded"
        await s.invoke("f")


async def test_who_asks_of_a_full_disk_is_told_what_is_free_now() -> None:
    async with Service() as s:
        s.engine.parts.room.reserve = disk = Disk(4096, held=32 * MIB)
        await s.function("f")
        id = await s.invoke("f", delay_seconds=3600)
        s.disk_full(20)
        with pytest.raises(StoreUnavailable, match="33,558,528 bytes are free"):
            await s.invoke("f")
        disk.free += MIB
        asking = asyncio.ensure_future(s.engine.stop(number(id)))
        await s.clock.advance(2)
        with pytest.raises(StoreUnavailable, match="34,607,104 bytes are free"):
            await asking


async def full(s: Service, disk: Disk, seconds: float = 1) -> None:
    """A disk that has given up its reserve, in whose space can be written after so long, and no more."""
    s.engine.parts.room.reserve = disk
    s.disk_full(seconds)
    with pytest.raises(StoreUnavailable, match="The disk is full"):
        await s.invoke("f")
    await s.clock.advance(seconds + 1)
    assert s.engine.parts.writer.outage.down and disk.held == 0


async def test_on_a_full_disk_what_runs_is_stopped_for_good_in_the_reserves_space() -> None:
    async with Service() as s:
        await s.function("f", answers=[Forever()] * 3, timeout_seconds=36_000, max_retries=3)
        ids = [await s.invoke("f") for _ in range(3)]
        await s.clock.advance(1)
        await full(s, disk := Disk(4096, held=32 * MIB))
        seen: list[str] = []
        s.notices.on(
            CommittedNotice, lambda item: seen.extend(o.state for o in item.entry.transitions)
        )
        (stopped,) = await gather_now(s, s.stop(ids[0]))
        assert stopped.state == "stopping" and seen == ["stopping"]
        await gather_now(
            s, s.engine.functions.put_control("f", Control(disabled="runaway"), abort=True)
        )
        assert s.runtime.occupancy().in_use == 0
        assert {(await s.show(id)).state for id in ids} == {"stopping"}
        assert s.engine.parts.writer.outage.down and disk.held == 0
        await s.crash()  # how they ended was not written
        await s.engine.functions.put_control("f", Control())
        await s.clock.advance(60)
        reasons = [(await s.show(id)).reason for id in ids]
        assert reasons == ["stopped_by_caller", "function_disabled", "function_disabled"]
        assert len(s.starts("f")) == 3


async def test_a_stop_that_finds_the_disk_full_is_made_too() -> None:
    async with Service() as s:
        await s.function("f", answers=[Forever()], timeout_seconds=36_000)
        running, waiting = await s.invoke("f"), await s.invoke("f", delay_seconds=60)
        await s.clock.advance(1)
        s.engine.parts.room.reserve = Disk(4096, held=32 * MIB)
        commit, failed = s.store.commit, []

        async def once_full(batch: Batch) -> object:
            if not failed:
                failed.append(batch)
                raise StoreUnavailable("database or disk is full")
            return await commit(batch)

        s.store.commit = once_full
        stops = await gather_now(s, s.stop(running), s.stop(waiting))
        assert [stop.state for stop in stops] == ["stopping", "stopped"] and failed
        assert s.engine.parts.room.full and s.runtime.occupancy().in_use == 0


async def test_on_a_full_disk_what_waits_is_stopped_in_the_reserves_space() -> None:
    async with Service() as s:
        await s.function("f", answers=["ok"] * 3)
        ids = [await s.invoke("f", delay_seconds=60) for _ in range(3)]
        await full(s, disk := Disk(4096, held=32 * MIB))
        assert (await s.stop(ids[0])).state == "stopped"
        assert (await s.show(ids[0])).state == "stopped"
        # Who stops a whole backlog leaves half of it to what deletes.
        disk.free = 16 * MIB - 1
        with pytest.raises(StoreUnavailable) as told:
            await s.stop(ids[1])
        assert told.value.detail.startswith(
            "The disk is full: 16,777,215 bytes are free in /data, and a stop needs 16,777,216 (half of "
            "the reserve), so it was not made. A restart of the service cuts off what runs"
        )
        assert told.value.fields["needed_bytes"] == 16 * MIB
        disk.free = 16 * MIB
        s.disk_full(5)  # others have taken that, too
        with pytest.raises(StoreUnavailable, match=r"16,777,216 bytes .* could not be written"):
            await s.stop(ids[1])
        await s.clock.advance(5)
        assert (await s.stop(ids[1])).state == "stopped"
        disk.free = 60 * MIB
        await s.clock.advance(60)
        assert (await s.show(ids[2])).state == "succeeded" and len(s.starts("f")) == 1


async def test_who_disables_and_aborts_where_too_little_is_left_for_stops_learns_the_way_out() -> (
    None
):
    async with Service() as s:
        await s.function("f", answers=[Forever()] * 2, timeout_seconds=36_000)
        for _ in range(2):
            await s.invoke("f")
        await s.clock.advance(1)
        await full(s, disk := Disk(4096, held=32 * MIB))
        disk.free = 16 * MIB - 1
        disable = s.engine.functions.put_control("f", Control(disabled="runaway"), abort=True)
        (told,) = await gather_now(s, disable)
        assert (
            s.engine.functions.control("f").disabled == "runaway"
            and s.runtime.occupancy().in_use == 2
        )
        says = told.detail
        assert "2 of what runs of it could not be stopped: The disk is full" in says
        assert "A restart of the service cuts off what runs" in says and "without --abort" in says
        assert "Nothing was stored" not in says and "anything new" not in says


async def test_a_stop_does_not_overtake_how_its_run_ended() -> None:
    async with Service() as s:
        await s.function("f", answers=[Error(seconds=5)] * 2, max_event_age_seconds=5)
        ids = [await s.invoke("f") for _ in range(2)]
        await s.clock.advance(1)
        await full(s, disk := Disk(4096, held=32 * MIB))
        await s.clock.advance(10)
        with pytest.raises(StoreUnavailable, match="The disk is full"):
            await s.stop(ids[0])
        await s.engine.functions.put_control("f", Control(disabled="broken"), abort=True)
        disk.free = 60 * MIB
        await s.clock.advance(2)
        assert {(await s.show(id)).state for id in ids} == {"expired"}


async def test_an_idle_node_finds_a_full_disk_by_its_lease() -> None:
    async with Service() as s:
        s.engine.parts.room.reserve = disk = Disk(4096, held=32 * MIB)
        s.disk_full(20)
        await s.clock.advance(19)
        assert disk.held == 0 and s.engine.parts.writer.outage.down
        disk.free = 60 * MIB
        await s.clock.advance(5)
        assert disk.held == 32 * MIB and not s.engine.parts.writer.outage.down


@pytest.mark.parametrize("full_for", [10, 40])
async def test_what_ended_before_a_shutdown_on_a_full_disk_is_written_in_the_reserves_space(
    full_for: int,
) -> None:
    async with Service() as s:
        await s.function("f", answers=[Ok("first", seconds=5), Ok("second", seconds=60)])
        ended, cut = await s.invoke("f"), await s.invoke("f")
        await s.clock.advance(1)
        s.engine.parts.room.reserve = disk = Disk(4096, held=32 * MIB)
        s.disk_full(full_for)
        with pytest.raises(StoreUnavailable, match="The disk is full"):
            await s.invoke("f")
        assert disk.held == 0
        await s.clock.advance(25)  # it has given up the reserve, and nothing more is free
        assert s.engine.parts.writer.outage.down
        await s.stop_service(30)
        assert disk.held == 0, "there is none to be kept"
        await s.start()
        view = await s.show(ended)
        assert (view.state, view.attempt) == ("succeeded", 1)
        assert (await s.show(cut)).attempts[0].outcome == "drained"


async def test_a_large_result_is_written_before_a_shutdown_on_a_full_disk_and_holds_up_no_other() -> (
    None
):
    async with Service() as s:
        await s.function("f", answers=[Ok("small", seconds=5), Ok("x" * 100_000, seconds=6)])
        ids = [await s.invoke("f"), await s.invoke("f")]
        await s.clock.advance(1)
        s.engine.parts.room.reserve = Disk(4096, held=32 * MIB)
        s.engine.parts.blobs.space = s.engine.parts.room.bodies
        s.disk_full(3)
        with pytest.raises(StoreUnavailable, match="The disk is full"):
            await s.invoke("f")
        await s.clock.advance(10)
        assert s.engine.parts.writer.outage.down
        await s.stop_service(30)
        await s.start()
        views = [await s.show(id) for id in ids]
        assert [(view.state, view.attempt) for view in views] == [("succeeded", 1)] * 2


async def test_a_shutdown_does_not_wait_for_a_damaged_store() -> None:
    async with Service() as s:
        await s.function("f", answers=[Ok("first", seconds=5)])
        await s.invoke("f")
        await s.clock.advance(1)
        s.engine.parts.writer.outage.condemn(damaged(Path("store.db"), "a page is broken"))
        await s.clock.advance(10)
        await asyncio.wait_for(s.engine.parts.writer.written(s.clock.now() + 30_000), 10)
        assert s.engine.parts.writer.outage.down


async def test_large_results_leave_the_last_of_the_reserves_space_to_what_is_small() -> None:
    async with Service() as s:
        s.engine.parts.room.reserve = disk = Disk(8 * MIB)
        s.engine.parts.room.full = s.engine.parts.room.leaving = True
        s.engine.parts.room.bodies.check()
        disk.free = 2 * MIB
        with pytest.raises(StoreUnavailable, match="The disk is full"):
            s.engine.parts.room.bodies.check()
        s.engine.parts.room.full = s.engine.parts.room.leaving = False


async def test_a_result_that_finds_no_room_does_not_keep_a_shutdown_from_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Service() as s:
        await s.function("f", answers=[Ok("small", seconds=5), Ok("x" * 100_000, seconds=5)])
        small, large = await s.invoke("f"), await s.invoke("f")
        await s.clock.advance(1)

        def refuse() -> None:
            raise StoreUnavailable("No file can be made.")

        s.engine.parts.blobs.space.check = refuse  # type: ignore[attr-defined]
        began = s.clock.now()
        await s.stop_service(30)
        assert s.clock.now() - began <= 33_000
        assert "1 large result was not written" in caplog.text
        await s.start()
        assert (await s.show(small)).state == "succeeded"
        assert (await s.show(large)).attempts[0].outcome == "lost"


async def test_a_tidied_store_gives_its_log_back_and_says_what_it_has(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    await store.open()
    try:
        log = tmp_path / "store.db-wal"
        assert log.stat().st_size > 0
        before = await store.tidy()
        assert log.stat().st_size == 0 and before >= 0
    finally:
        await store.close()


@pytest.mark.parametrize("jump", [0, 86_400], ids=["joins", "shifts-ages"])
async def test_a_start_that_opens_the_store_and_can_write_nothing_waits_for_room(
    jump: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Service() as s:
        await s.function("f", answers=["ok"])
        id = await s.invoke("f")
        await s.settle()
        await s.stop_service()
        s.set_wall(jump)
        s.clock.boot += "1"  # only the machine's clock says how long that took
        disk = Disk(45 * MIB)
        monkeypatch.setattr(
            incarnation,
            "Engine",
            lambda **given: Engine(room=Room(given["store"], disk), **given),  # type: ignore[arg-type]
        )
        s.disk_full(20)
        with monkeypatch.context() as while_it_starts:
            while_it_starts.setattr(s.clock, "settle", AsyncMock())  # time is moved here, not there
            start = asyncio.ensure_future(s.start())
            await s.clock.advance(10)
            assert not start.done() and disk.held == 0
            disk.free = 39 * MIB
            await s.clock.advance(15)
            await start
        assert (await s.show(id)).state == "succeeded"
        with pytest.raises(StoreUnavailable, match="The disk is full"):
            await s.invoke("f")
        disk.free += 2 * MIB
        await s.clock.advance(2)
        id = await s.invoke("f")
        await s.settle()
        assert (await s.show(id)).state == "succeeded"
