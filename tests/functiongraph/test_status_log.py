"""The status log: enabled once, one line for each change, none lost and none doubled, read again."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from typing import Any

import aiohttp.web
import msgspec
import pytest

from thence.api.functiongraph.log_files import LogFiles, Query
from thence.api.functiongraph.log_follow import Follower
from thence.api.functiongraph.log_line import Line, clean, parse
from thence.api.functiongraph.log_otlp import LogOtlp
from thence.api.functiongraph.log_sink import NotSent
from thence.api.functiongraph.logs import otlp_headers
from thence.api.functiongraph.section import FunctionGraphSettings
from thence.testing.answers import Error, Forever, Ok

from .conftest import FUNCTIONS, PROJECT, FgDoor, at, urn

ENABLE, DETAIL = f"{FUNCTIONS}/enable-async-status-logs", f"{FUNCTIONS}/async-status-log-detail"
START = 1_767_225_600_000


@pytest.fixture
async def followed(make_door: Any) -> AsyncIterator[FgDoor]:
    door = await make_door()
    await door.follow()
    yield door
    await door.state.logs.stop()


def lines(door: FgDoor) -> list[str]:
    folder = door.state.logs.folder
    return [
        text
        for path in sorted(folder.glob("status-*.log"))
        for text in path.read_text().splitlines()
    ]


async def query(door: Any, text: str = "") -> Any:
    found = await door.get(f"/v1/status-log?{text}")
    assert found.status == 200, found.body
    return found.json


# ---------------------------------------------------------------- group and stream


async def test_enabling_makes_a_group_and_a_stream_that_stay(door: Any) -> None:
    assert (await door.get(DETAIL)).error() == (404, "FSS.0404")
    assert (await door.post(ENABLE)).status == 200
    found = (await door.get(DETAIL)).json
    assert found["group_name"] == f"function-async-log-group-{PROJECT}"
    assert found["stream_name"] == f"function-async-log-stream-{PROJECT}"
    assert found["group_id"] != found["stream_id"]
    await door.clock.advance(60)
    await asyncio.gather(door.post(ENABLE), door.post(ENABLE))
    assert (await door.get(DETAIL)).json == found


async def test_settings_that_ask_for_it_enable_it(door: Any) -> None:
    await door.function()
    await door.settings_of(enable_async_status_log=True)
    assert (await door.get(DETAIL)).status == 200


# ---------------------------------------------------------------- lines


async def test_every_change_of_the_status_is_a_line_of_six_fields(followed: Any) -> None:
    await followed.function(answers=[Error("a|b\nc"), Ok(1, seconds=2)])
    await followed.settings_of(enable_async_status_log=True, max_async_retry_attempts=1)
    id = await followed.start()
    await followed.clock.advance(60)
    await followed.write_log()
    found = [text.split("|") for text in lines(followed)]
    assert all(len(entry) == 6 and entry[:2] == [urn(), id] for entry in found)
    why = "function invocation exception, error: a/b c"
    assert [(entry[2], entry[4], entry[5]) for entry in found] == [
        ("0", "0", ""),
        ("1", "0", ""),
        ("0", "4002", why),
        ("1", "0", ""),
        ("2", "0", ""),
    ]
    times = [int(entry[3]) for entry in found]
    assert times == sorted(times) and times[0] == START


async def test_a_cancel_and_an_expiry_are_lines_too(followed: Any) -> None:
    await followed.function(answers=[Forever()], concurrency=1)
    await followed.settings_of(enable_async_status_log=True, max_async_event_age_in_seconds=30)
    running, late = await followed.start(), await followed.start()
    await followed.clock.advance(31)
    await followed.post(at(urn(), "cancel"), json={"request_id": running})
    await followed.service.settle()
    await followed.write_log()
    by_id = {
        id: [text.split("|")[2] for text in lines(followed) if id in text] for id in (running, late)
    }
    assert by_id == {running: ["0", "1", "3"], late: ["0", "4"]}
    assert lines(followed)[-1].endswith("|4208|function invocation canceled")


async def test_only_the_qualifiers_that_ask_for_it_have_lines(followed: Any) -> None:
    await followed.function()
    await followed.function("g")
    await followed.engine.functions.publish_version("f", version="v1")
    await followed.settings_of(urn(version="v1"), enable_async_status_log=True)
    await followed.start()
    await followed.start(urn("g"))
    id = await followed.start(urn(version="v1"))
    await followed.write_log()
    assert {text.split("|")[1] for text in lines(followed)} == {id}
    assert {text.split("|")[0] for text in lines(followed)} == {urn(version="v1")}


async def test_the_last_lines_of_a_deleted_function_are_written(followed: Any) -> None:
    await followed.function(answers=[Forever()], concurrency=1)
    await followed.settings_of(enable_async_status_log=True)
    await followed.start()
    waits = await followed.start()
    await followed.service.delete("f")
    await followed.write_log()
    assert [line.split("|")[2] for line in lines(followed) if waits in line] == ["0", "4"]


async def test_nothing_is_written_where_nobody_asks(followed: Any) -> None:
    await followed.function()
    await followed.start()
    await followed.write_log()
    assert not followed.state.logs.folder.exists()


@pytest.mark.parametrize(
    "message", ["a|b", "a\nb", "a\r\nb", "a\u2028b", "a\x00b", "a\x85b", "|" * 9000, "é|\n" * 5000]
)
def test_no_message_breaks_the_line(message: str) -> None:
    one = Line(urn(), "id", "FAIL", 1, 4002, clean(message))
    assert one.text().count("|") == 5
    assert len(one.text().splitlines()) == 1
    assert parse(one.text()) == one


# ---------------------------------------------------------------- never lost, never doubled


async def test_its_files_belong_to_their_owner_alone(followed: Any) -> None:
    before = os.umask(0)
    try:
        await followed.function()
        await followed.settings_of(enable_async_status_log=True)
        await followed.start()
        await followed.write_log()
    finally:
        os.umask(before)
    folder = followed.state.logs.folder
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"files.position": 0o600, "status-00000001.log": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_restart_goes_on_where_it_was(followed: Any) -> None:
    await followed.function()
    await followed.settings_of(enable_async_status_log=True)
    first = await followed.start()
    await followed.write_log()
    await followed.state.logs.stop()
    second = await followed.start()
    await followed.follow()
    await followed.write_log()
    await followed.write_log()
    written = [text.split("|")[1:3] for text in lines(followed)]
    assert written == [[id, status] for id in (first, second) for status in "012"]


async def test_a_crash_before_the_lines_were_written_loses_none(followed: Any) -> None:
    await followed.function(answers=[Ok(1), Forever()])
    await followed.settings_of(enable_async_status_log=True)
    first = await followed.start()
    await followed.write_log()
    second = await followed.start()
    await followed.service.crash()
    after = FgDoor(followed.service, followed.settings)
    await after.follow()
    await after.write_log()
    written = [text.split("|")[1:3] for text in lines(after)]
    assert written[:3] == [[first, status] for status in "012"]
    # What ran when it crashed was lost, and begins again by itself.
    assert written[3:5] == [[second, "0"], [second, "1"]]
    assert written[5:7] in ([], [[second, "0"], [second, "1"]], [[second, "0"]])
    await after.state.logs.stop()


async def test_a_crash_before_the_position_was_kept_writes_the_last_group_again(
    followed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await followed.function()
    await followed.settings_of(enable_async_status_log=True)
    first = await followed.start()
    await followed.write_log()
    second = await followed.start()

    async def crash(_: Follower, position: int) -> None:
        raise OSError(f"killed before {position} was kept")

    with monkeypatch.context() as patched:
        patched.setattr(Follower, "_keep", crash)
        with pytest.raises(OSError, match="killed"):
            await followed.write_log()
    await followed.service.crash()
    after = FgDoor(followed.service, followed.settings)
    await after.follow()
    await after.write_log()
    written = [text.split("|")[1:3] for text in lines(after)]
    twice = [[second, status] for status in "012"] * 2
    assert written == [[first, status] for status in "012"] + twice
    await after.state.logs.stop()


async def test_what_happens_right_after_the_settings_were_put_is_written(followed: Any) -> None:
    """Not a round of the follower lies between."""
    await followed.function()
    before = await followed.start()
    await followed.settings_of(enable_async_status_log=True)
    id = await followed.start()
    await followed.write_log()
    assert {text.split("|")[1] for text in lines(followed)} == {id} != {before}


class Broken:
    """A sink that fails until it is mended."""

    name = "broken"
    lost = 0
    leave_seconds = None

    def __init__(self) -> None:
        self.fails = True
        self.lines: list[Line] = []

    async def write(self, lines: Any) -> None:
        if self.fails:
            raise OSError("no space left on device")
        self.lines += lines

    async def close(self) -> None: ...


async def test_a_sink_that_fails_for_a_while_loses_nothing(door: Any, tmp_path: Any) -> None:
    sink = Broken()
    place = tmp_path / "log" / "position"
    follower = Follower(sink, place, door.engine, door.service.notices, "local-1", PROJECT)
    await follower.start()
    await follower.loop.stop()
    await follower.begin()
    await door.function()
    await door.settings_of(enable_async_status_log=True)
    made = []
    for _ in range(3):
        made.append(await door.start())
        with pytest.raises(OSError, match="no space"):
            await follower.once()
    sink.fails = False
    while await follower.once() == 0:
        pass
    assert [(line.request_id, line.status) for line in sink.lines] == [
        (id, status) for id in made for status in ("WAIT", "RUNNING", "SUCCESS")
    ]
    await follower.once()
    assert len(sink.lines) == 9


async def test_a_gap_in_the_journal_is_said(make_door: Any, caplog: Any) -> None:
    door = await make_door(options={"events_retention_seconds": 60})
    await door.follow()
    await door.function()
    await door.settings_of(enable_async_status_log=True)
    await door.write_log()
    for _ in range(3):
        await door.start()
    await door.clock.advance(2 * 3600)  # nobody writes the log; the journal is pruned
    last = await door.start()
    await door.write_log()
    assert "the status log lacks the journal's entries" in caplog.text
    assert {text.split("|")[1] for text in lines(door)} >= {last}
    await door.state.logs.stop()


# ---------------------------------------------------------------- whatever is changed meanwhile


def seen(door: FgDoor) -> dict[str, str]:
    """The statuses of each request that has lines, in their order."""
    found: dict[str, str] = {}
    for text in lines(door):
        _, id, status, *_ = text.split("|")
        found[id] = found.get(id, "") + status
    return found


async def test_no_line_is_lost_when_a_round_comes_while_the_settings_are_saved(
    followed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await followed.function()
    await followed.start()
    put = followed.engine.functions.put_async_config

    async def slowly(*args: Any) -> Any:
        await followed.write_log()
        saved = await put(*args)
        made.append(await followed.start())
        await followed.write_log()
        return saved

    made: list[str] = []
    monkeypatch.setattr(followed.engine.functions, "put_async_config", slowly)
    await followed.settings_of(enable_async_status_log=True)
    made.append(await followed.start())
    await followed.write_log()
    assert seen(followed) == dict.fromkeys(made, "012")


async def test_what_was_accepted_before_the_log_was_on_has_no_line_at_all(followed: Any) -> None:
    await followed.function(answers=[Ok(1, seconds=5), Ok(2)])
    await followed.settings_of(enable_async_status_log=False)
    await followed.start()
    await followed.settings_of(enable_async_status_log=True)
    id = await followed.start()
    await followed.clock.advance(10)
    await followed.write_log()
    assert seen(followed) == {id: "012"}


async def replaced(door: Any) -> None:
    await door.settings_of(urn(version="!prod"), max_async_retry_attempts=0)


async def settings_deleted(door: Any) -> None:
    await door.delete(at(urn(version="!prod"), "async-invoke-config"))


async def alias_deleted(door: Any) -> None:
    found = await door.delete(at(urn(version=None), "aliases/prod"))
    assert found.status == 204


async def all_deleted(door: Any) -> None:
    await alias_deleted(door)
    await door.service.delete("f")


async def configured_at_the_native_door(door: Any) -> None:
    body = {"max_retries": 1}
    found = await door.put("/v1/functions/f/async-configs/prod", json=body)
    assert found.status == 200, found.body
    shown = await door.get(at(urn(version="!prod"), "async-invoke-config"))
    assert shown.json["enable_async_status_log"] is True


@pytest.mark.parametrize(
    "change",
    [replaced, settings_deleted, alias_deleted, all_deleted, configured_at_the_native_door],
)
async def test_every_line_comes_whatever_is_changed_before_the_request_has_ended(
    followed: Any, change: Any
) -> None:
    await followed.function(answers=[Ok(1, seconds=5)], concurrency=1)
    await followed.engine.functions.publish_version("f", version="v1")
    body = {"name": "prod", "version": "v1"}
    assert (await followed.post(at(urn(version=None), "aliases"), json=body)).status == 200
    which = urn(version="!prod")
    await followed.settings_of(which, enable_async_status_log=True)
    runs, waits = await followed.start(which), await followed.start(which)
    await followed.write_log()
    await change(followed)
    await followed.clock.advance(10)
    await followed.write_log()
    assert seen(followed) == {runs: "012", waits: "04" if change is all_deleted else "012"}
    assert {text.split("|")[0] for text in lines(followed)} == {which}


async def test_no_line_is_repeated_while_the_position_cannot_be_kept(
    followed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await followed.function()
    await followed.settings_of(enable_async_status_log=True)
    [follower] = followed.state.logs.followers
    made = []

    def full(_position: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(follower, "_save", full)
        for _ in range(3):
            made.append(await followed.start())
            for _ in range(2):
                with pytest.raises(OSError, match="no space"):
                    await follower.once()
    assert seen(followed) == dict.fromkeys(made, "012")
    await followed.write_log()
    await followed.state.logs.stop()
    await followed.follow()
    await followed.write_log()
    assert seen(followed) == dict.fromkeys(made, "012")


async def test_settings_of_an_earlier_version_go_on_and_so_do_its_requests(door: Any) -> None:
    """There what was asked for stood among what the door keeps, and requests were not marked."""
    await door.function(answers=[Ok(1, seconds=5)])
    await door.settings_of(enable_async_status_log=False)
    config = door.engine.functions.async_config("f", "latest")
    old = msgspec.structs.replace(config, attributes={"functiongraph": {"status_log": True}})
    await door.engine.functions.put_async_config("f", "latest", old)
    under_way = await door.start()
    place = door.state.logs.folder / "files.position"
    place.parent.mkdir()
    place.write_text(str((await door.engine.parts.store.journal_bounds())[1]))
    await door.clock.advance(1)
    await door.follow()
    found = await door.get(at(urn(), "async-invoke-config"))
    assert found.json["enable_async_status_log"] is True
    id = await door.start()
    await door.clock.advance(10)
    await door.write_log()
    assert seen(door) == {under_way: "2", id: "012"}
    await door.state.logs.stop()


async def test_a_log_that_cannot_be_written_is_not_turned_on(followed: Any) -> None:
    await followed.function()
    followed.state.logs.folder.write_text("a file stands in the way")
    found = await followed.put(
        at(urn(), "async-invoke-config"), json={"enable_async_status_log": True}
    )
    assert found.error() == (503, "FSS.0503")
    assert followed.engine.functions.async_config("f", "latest") is None


# ---------------------------------------------------------------- files


def some(number: int, at: int = START, message: str = "") -> Line:
    return Line(urn(), f"id-{number}", "WAIT", at, 0, message)


async def test_files_are_followed_by_the_next_and_the_oldest_go(tmp_path: Any) -> None:
    files = LogFiles(tmp_path / "log", bytes_max=200, files_max=3)
    for number in range(12):
        await files.write([some(number, message="x" * 60)])
    names = sorted(path.name for path in files.folder.iterdir())
    assert names == [f"status-{number:08d}.log" for number in (4, 5, 6)]
    found, _ = await files.read(Query(), 100, None)
    assert [item.request_id for item in found] == [f"id-{number}" for number in range(11, 5, -1)]


async def test_a_line_that_a_crash_cut_off_is_removed(tmp_path: Any) -> None:
    files = LogFiles(tmp_path, 1 << 20, 3)
    await files.write([some(1), some(2)])
    path = tmp_path / "status-00000001.log"
    whole = path.read_bytes()
    for cut in (whole + b"urn:fss|half", b"urn:fss|half"):
        path.write_bytes(cut)
        await files.write([some(3)])
        assert path.read_text().splitlines()[-1] == some(3).text()
        assert "half" not in path.read_text()


async def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Any, monkeypatch: Any) -> None:
    files = LogFiles(tmp_path, 1 << 20, 3)
    await files.write([some(1)])

    def full(_: int) -> None:
        raise OSError(28, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("thence.api.functiongraph.log_files.os.fsync", full)
        with pytest.raises(OSError, match="no space"):
            await files.write([some(2)])
    await files.write([some(3)])
    found, _ = await files.read(Query(), 100, None)
    assert [item.request_id for item in found] == ["id-3", "id-1"]


async def test_the_log_is_read_in_pages_over_all_files(tmp_path: Any) -> None:
    files = LogFiles(tmp_path, 500, 100)
    for number in range(25):
        await files.write([some(number)])
    seen: list[str] = []
    place = None
    for _ in range(20):
        found, place = await files.read(Query(), 4, place)
        seen += [item.request_id for item in found]
        if place is None:
            break
        await files.write([some(100)])  # what comes meanwhile does not shift the pages
    assert seen == [f"id-{number}" for number in range(24, -1, -1)]


# ---------------------------------------------------------------- asking


async def test_the_log_is_asked_by_request_function_status_and_time(followed: Any) -> None:
    for name in ("f", "g"):
        await followed.function(name)
        await followed.settings_of(urn(name), enable_async_status_log=True)
    one = await followed.start(urn("f"))
    await followed.clock.advance(60)
    other = await followed.start(urn("g"))
    await followed.write_log()
    whole = (await query(followed))["items"]
    assert [item["status"] for item in whole] == ["SUCCESS", "RUNNING", "WAIT"] * 2
    assert whole[-1] == {
        "function_urn": urn(),
        "request_id": one,
        "status": "WAIT",
        "seq_status": 0,
        "at": "2026-01-01T00:00:00.000Z",
        "operation_timestamp": START,
        "error_code": 0,
        "error_message": "",
    }
    for asked, ids in (
        (f"request_id={one}", {one}),
        ("function=g", {other}),
        (f"function={urn('g')}", {other}),
        (f"function={urn('g', None)}", {other}),
        ("function=none", set()),
        ("since=2026-01-01T00:00:30Z", {other}),
        ("until=2026-01-01T00:00:30Z", {one}),
    ):
        assert {item["request_id"] for item in (await query(followed, asked))["items"]} == ids
    succeeded = (await query(followed, "status=SUCCESS"))["items"]
    assert [item["request_id"] for item in succeeded] == [other, one]
    first = await query(followed, "limit=4")
    rest = await query(followed, f"limit=4&cursor={first['cursor']}")
    assert first["items"] + rest["items"] == whole and rest["cursor"] is None


async def test_a_bad_question_is_refused(followed: Any) -> None:
    for text in ("cursor=x", "status=DONE", "limit=0", "more=1"):
        assert (await followed.get(f"/v1/status-log?{text}")).status == 400


# ---------------------------------------------------------------- OpenTelemetry


class Collector:
    """A receiver of OTLP over HTTP whose answers the test sets."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answer: Any = {}
        self.poison = ""  # a line that holds it is refused with all that come with it
        self.silent: asyncio.Event | None = None  # set when asked; it answers only at its end then
        self._ends = asyncio.Event()
        self.asked = 0
        self.connections: set[Any] = set()
        self.requests: list[tuple[Any, Any]] = []

    async def start(self) -> str:
        app = aiohttp.web.Application()
        app.router.add_post("/v1/logs", self._take)
        self._runner = aiohttp.web.AppRunner(app)
        await self._runner.setup()
        site = aiohttp.web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        return f"http://127.0.0.1:{port}/v1/logs"

    async def stop(self) -> None:
        self._ends.set()
        await self._runner.cleanup()

    async def _take(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        self.asked += 1
        self.connections.add(request.transport)
        body = await request.read()
        if self.silent is not None:
            self.silent.set()
            await self._ends.wait()
        if self.poison and self.poison.encode() in body:
            return aiohttp.web.json_response({}, status=400)
        if self.status == 200:
            self.requests.append((dict(request.headers), json.loads(body)))
        return aiohttp.web.json_response(self.answer, status=self.status, headers=self.headers)


@pytest.fixture
async def collector() -> AsyncIterator[tuple[Collector, str]]:
    made = Collector()
    yield made, await made.start()
    await made.stop()


def sent(collector: Collector) -> list[Any]:
    return [
        record
        for _, body in collector.requests
        for resource in body["resourceLogs"]
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]


async def test_lines_are_sent_as_opentelemetry_logs(make_door: Any, collector: Any) -> None:
    receiver, endpoint = collector
    door = await make_door(functiongraph=FunctionGraphSettings(status_log_otlp_endpoint=endpoint))
    await door.follow()
    await door.function(answers=[Error("no")])
    await door.settings_of(enable_async_status_log=True, max_async_retry_attempts=0)
    id = await door.start()
    await door.write_log()
    assert [entry["body"]["stringValue"] for entry in sent(receiver)] == lines(door)
    last = sent(receiver)[-1]
    assert (last["severityText"], last["timeUnixNano"]) == ("ERROR", f"{START}000000")
    assert {
        attribute["key"]: next(iter(attribute["value"].values()))
        for attribute in last["attributes"]
    } == {
        "function_urn": urn(),
        "request_id": id,
        "seq_status": "3",
        "operation_timestamp": str(START),
        "error_code": "4002",
        "error_message": "function invocation exception, error: no",
    }
    [resource] = [
        resourcelog["resource"] for resourcelog in receiver.requests[0][1]["resourceLogs"]
    ]
    named = {
        attribute["key"]: attribute["value"]["stringValue"] for attribute in resource["attributes"]
    }
    assert named["service.name"] == "thence"
    assert named["log.group"] == f"function-async-log-group-{PROJECT}"
    await door.state.logs.stop()


async def test_a_collector_that_is_away_gets_all_later_and_holds_up_no_file(
    make_door: Any, collector: Any
) -> None:
    receiver, endpoint = collector
    door = await make_door(functiongraph=FunctionGraphSettings(status_log_otlp_endpoint=endpoint))
    await door.follow()
    await door.function()
    await door.settings_of(enable_async_status_log=True)
    receiver.status = 503
    await door.start()
    files, otlp = door.state.logs.followers
    await files.once()
    with pytest.raises(NotSent, match="answered 503"):
        await otlp.once()
    assert len(lines(door)) == 3 and sent(receiver) == []
    receiver.status = 200
    await otlp.once()
    assert [entry["body"]["stringValue"] for entry in sent(receiver)] == lines(door)
    await door.state.logs.stop()


async def test_nobody_there_is_not_sent_and_headers_are() -> None:
    made = Collector()
    endpoint = await made.start()
    sink = LogOtlp(
        endpoint, otlp_headers("Authorization=Bearer a=b, x-scope = one"), {}, lambda: START
    )
    await sink.write([some(1)])
    headers = {name.lower(): value for name, value in made.requests[0][0].items()}
    assert (headers["authorization"], headers["x-scope"]) == ("Bearer a=b", "one")
    assert headers["content-type"] == "application/json"
    await made.stop()
    with pytest.raises(NotSent, match="does not answer"):
        await sink.write([some(2)])
    await sink.close()


@pytest.fixture
async def sink(collector: Any) -> AsyncIterator[LogOtlp]:
    made = LogOtlp(collector[1], {}, {}, lambda: START)
    yield made
    await made.close()


async def test_one_connection_takes_all_groups_of_lines(collector: Any, sink: LogOtlp) -> None:
    for number in range(5):
        await sink.write([some(number)])
    assert (collector[0].asked, len(collector[0].connections)) == (5, 1)


def texts(receiver: Collector) -> list[str]:
    return [entry["body"]["stringValue"] for entry in sent(receiver)]


async def test_a_line_that_a_collector_refuses_is_lost_alone_with_a_word(
    collector: Any, sink: LogOtlp, caplog: Any
) -> None:
    receiver, endpoint = collector
    receiver.poison = "id-777|"
    given = [some(number) for number in range(1200)]
    await sink.write(given)
    assert texts(receiver) == [item.text() for item in given if item.request_id != "id-777"]
    assert sink.lost == 1 and receiver.asked < 30
    assert f"{endpoint} refused 1 lines" in caplog.text and "it answered 400" in caplog.text


@pytest.mark.parametrize("status", [302, 401, 404])
async def test_where_an_address_is_refused_the_group_is_lost_and_not_what_follows(
    collector: Any, sink: LogOtlp, status: int, caplog: Any
) -> None:
    receiver, _ = collector
    receiver.status = status
    await sink.write([some(number) for number in range(100)])
    assert (sink.lost, receiver.asked) == (100, 1) and f"answered {status}" in caplog.text
    receiver.status = 200
    await sink.write([some(100)])
    assert texts(receiver) == [some(100).text()] and sink.lost == 100


@pytest.mark.parametrize("number", ["2", 2])
async def test_a_partial_success_is_said_and_counted_and_not_sent_again(
    collector: Any, sink: LogOtlp, number: Any, caplog: Any
) -> None:
    receiver, _ = collector
    receiver.answer = {"partialSuccess": {"rejectedLogRecords": number, "errorMessage": "too old"}}
    await sink.write([some(1), some(2), some(3)])
    assert (sink.lost, receiver.asked) == (2, 1) and "too old" in caplog.text
    receiver.answer = {"partialSuccess": {"errorMessage": "only a warning"}}
    await sink.write([some(4)])
    assert sink.lost == 2


async def test_what_was_taken_before_a_collector_went_away_is_not_sent_again(
    make_door: Any, collector: Any
) -> None:
    receiver, endpoint = collector
    door = await make_door(functiongraph=FunctionGraphSettings(status_log_otlp_endpoint=endpoint))
    await door.follow()
    await door.function()
    await door.settings_of(enable_async_status_log=True)
    ids = [await door.start() for _ in range(2)]
    receiver.poison = ids[0]
    _, otlp = door.state.logs.followers
    send, calls = otlp.sink._send, 0

    async def away(lines: Any, done: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise NotSent("away", done=done)
        return int(await send(lines, done))

    otlp.sink._send = away
    with pytest.raises(NotSent):
        await otlp.once()
    while await otlp.once() == 0:
        pass
    await door.write_log()
    assert texts(receiver) == [text for text in lines(door) if ids[0] not in text]
    assert otlp.sink.lost == 3
    metrics = (await door.context.metrics.exposition()).decode()
    assert 'thence_status_log_lines_lost_total{sink="otlp"} 3.0' in metrics
    assert 'thence_status_log_lines_lost_total{sink="files"} 0.0' in metrics
    await door.state.logs.stop()


async def test_a_collector_is_not_asked_before_it_wants_to_be(
    make_door: Any, collector: Any
) -> None:
    receiver, endpoint = collector
    door = await make_door(functiongraph=FunctionGraphSettings(status_log_otlp_endpoint=endpoint))
    await door.follow()
    await door.function()
    await door.settings_of(enable_async_status_log=True)
    await door.start()
    _, otlp = door.state.logs.followers
    receiver.status, receiver.headers = 429, {"retry-after": "30"}
    with pytest.raises(NotSent):
        await otlp.once()
    receiver.status = 200
    await door.clock.advance(29)
    assert await otlp.once() == 1.0 and texts(receiver) == []
    await door.clock.advance(1)
    await otlp.once()
    assert len(texts(receiver)) == 3
    await door.state.logs.stop()


async def test_a_place_that_was_kept_before_anybody_asked_for_lines_is_not_gone_back_to(
    make_door: Any, caplog: Any
) -> None:
    """The settings that were to follow it were never saved."""
    door = await make_door(options={"events_retention_seconds": 60})
    await door.follow()
    await door.function()
    await door.state.logs.begin()
    for _ in range(3):
        await door.start()
    await door.clock.advance(2 * 3600)  # the journal is pruned behind it
    await door.settings_of(enable_async_status_log=True)
    id = await door.start()
    await door.write_log()
    assert seen(door) == {id: "012"} and "lacks" not in caplog.text
    await door.state.logs.stop()


async def test_a_collector_may_not_say_that_it_refused_more_than_it_got(
    collector: Any, sink: LogOtlp, caplog: Any
) -> None:
    receiver, _ = collector
    receiver.answer = {"partialSuccess": {"rejectedLogRecords": "9" * 40}}
    await sink.write([some(1), some(2)])
    assert (sink.lost, receiver.asked) == (2, 1) and "refused 2 lines" in caplog.text


async def test_lines_that_were_taken_are_not_sent_again_for_an_answer_that_cannot_be_read(
    collector: Any, sink: LogOtlp
) -> None:
    receiver, _ = collector
    receiver.headers = {"content-encoding": "gzip"}  # which it is not
    await sink.write([some(1)])
    assert texts(receiver) == [some(1).text()] and sink.lost == 0


async def test_what_is_refused_line_by_line_is_said_once(
    collector: Any, sink: LogOtlp, caplog: Any
) -> None:
    receiver, endpoint = collector
    receiver.poison = "|"
    await sink.write([some(number) for number in range(100)])
    assert sink.lost == 100 and receiver.requests == []
    assert caplog.text.count(endpoint) == 1 and "refused 100 lines" in caplog.text


async def test_a_shutdown_does_not_wait_for_a_collector_that_does_not_answer(
    make_door: Any, collector: Any
) -> None:
    receiver, endpoint = collector
    door = await make_door(functiongraph=FunctionGraphSettings(status_log_otlp_endpoint=endpoint))
    await door.follow()
    await door.function()
    await door.settings_of(enable_async_status_log=True)
    await door.start()
    place = door.state.logs.folder / "otlp.position"
    before = place.read_text()
    _, otlp = door.state.logs.followers
    otlp.sink.leave_seconds = 0.01
    receiver.silent = asyncio.Event()
    otlp.loop.start()
    await receiver.silent.wait()  # it is in a round
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await door.state.logs.stop()
    assert loop.time() - begun < 5  # a try has 10 s
    assert place.read_text() == before  # so the next start sends them


async def test_a_place_behind_the_end_of_the_journal_passes_over_nothing_that_comes(
    followed: Any, caplog: Any
) -> None:
    """An older copy of the store was put in the place of the one that it was kept for."""
    await followed.function()
    await followed.settings_of(enable_async_status_log=True)
    await followed.start()
    await followed.write_log()
    logs = followed.state.logs
    await logs.stop()
    (logs.folder / "files.position").write_text("1000000")
    await followed.follow()
    await followed.write_log()
    assert "an older copy" in caplog.text
    id = await followed.start()
    await followed.write_log()
    assert seen(followed)[id] == "012"
