"""Credentials, routing, health, numbers, the description, the program itself."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from tests.doors.routes import ROUTES

from thence import serve as program
from thence import server as building
from thence.api.listener import Listener, bind
from thence.api.shared import problems
from thence.catalog.code import pack
from thence.config import Secret, Settings
from thence.errors import StartupError, StoreUnavailable
from thence.notices import AttemptStarted, DeliveryEnded
from thence.store.reserve import Reserve
from thence.testing.answers import Error, Forever
from thence.testing.runtime import ScriptedRuntime, Scripts

DOCS = Path(__file__).parents[2] / "docs" / "reference"
ROOT = {"root_access_key_id": "root", "root_access_key_secret": Secret("s3cret")}


# ---------------------------------------------------------------- credentials


@pytest.mark.parametrize("path", sorted({(r.method, r.path) for r in ROUTES if not r.open}))
async def test_every_route_wants_the_credentials(make_server: Any, path: tuple[str, str]) -> None:
    server = await make_server(**ROOT)
    method, target = path[0], path[1].replace("{", "").replace("}", "")
    for given in (
        {},
        {"Authorization": "Bearer root:wrong"},
        {"Authorization": "Basic root:s3cret"},
    ):
        answer = await server.request(method, target, headers=given)
        assert answer.status == 401 and answer.problem()["code"] == "unauthorized", given
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert b"s3cret" not in answer.body


async def test_with_the_credentials_it_is_answered(make_server: Any) -> None:
    server = await make_server(**ROOT)
    right = {"Authorization": "bearer root:s3cret"}
    code = base64.b64encode(pack([("main.py", b"")])).decode()
    put = await server.request("PUT", "/v1/functions/f", json={"code": code}, headers=right)
    assert put.status == 201
    for wrong in ({}, {"Authorization": "Bearer root:s3cre"}, {"Authorization": "Bearer :s3cret"}):
        answer = await server.post("/v1/functions/f/invocations", data=b"{}", headers=wrong)
        assert answer.status == 401 and answer.headers["www-authenticate"]
    assert await server.accepted() == 0
    assert (
        await server.post("/v1/functions/f/invocations", data=b"{}", headers=right)
    ).status == 202
    assert (await server.get("/livez")).status == (await server.get("/readyz")).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example:7411"}, 403),
        ({"Host": "localhost:7411", "Origin": "http://localhost:7411"}, 200),
        ({"Host": "[::1]:7411"}, 200),
    ],
)
async def test_pages_of_other_sites_are_kept_out(server: Any, headers: Any, status: int) -> None:
    answer = await server.get("/v1/stats", headers=headers)
    assert answer.status == status
    assert "access-control-allow-origin" not in answer.headers
    if "Origin" in headers and status == 403:
        await server.deploy()
        fast = await server.post("/v1/functions/f/invocations", data=b"{}", headers=headers)
        assert fast.status == 403 and await server.accepted() == 0


# ---------------------------------------------------------------- routing


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v9/functions", "/v1/functions/", "/v1/functions/a/b/c", "/%ff"]
)
async def test_what_is_not_there_is_a_problem(server: Any, path: str) -> None:
    answer = await server.get(path)
    assert answer.status == 404 and answer.problem()["code"] == "route_not_found"


@pytest.mark.parametrize("path", sorted({r.path for r in ROUTES}))
async def test_another_method_is_answered_with_those_allowed(server: Any, path: str) -> None:
    answer = await server.request("PATCH", path.replace("{", "").replace("}", ""))
    known = {r.method for r in ROUTES if r.path == path}
    assert answer.status == 405 and answer.problem()["code"] == "method_not_allowed"
    assert known <= set(answer.headers["allow"].split(", "))
    options = await server.request("OPTIONS", path.replace("{", "").replace("}", ""))
    assert options.status == 204 and options.headers["allow"] == answer.headers["allow"]


async def test_every_route_refuses_unknown_parameters(server: Any) -> None:
    for route in ROUTES:
        path = re.sub(r"{(\w+)}", "queue", route.path)
        answer = await server.request(route.method, f"{path}?colour=red")
        assert answer.status == 400 and answer.problem()["field"] == "colour", route.path


async def test_head_is_answered_without_a_body(server: Any) -> None:
    answer = await server.request("HEAD", "/v1/stats")
    assert answer.status == 200 and answer.body == b""


async def test_a_mistake_in_a_handler_is_a_500_that_tells_nothing(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise KeyError("secret")

    monkeypatch.setattr(server.engine, "stats", broken)
    answer = await server.get("/v1/stats")
    assert answer.status == 500 and answer.problem()["code"] == "internal"
    assert b"secret" not in answer.body


# ---------------------------------------------------------------- numbers


async def test_stats_add_up(server: Any) -> None:
    await server.deploy("good", answers=["x"])
    await server.deploy("bad", answers=[Error()], max_retries=0)
    await server.deploy("idle", concurrency=0)
    for name in ("good", "good", "bad"):
        await server.ended(await server.accept(name))
    await server.accept("idle")
    stats = (await server.get("/v1/stats")).json
    assert (stats["accepted"], stats["succeeded"], stats["failed"], stats["waiting"]) == (
        4,
        2,
        1,
        1,
    )
    assert stats["conservation_difference"] == 0 and stats["oldest_age_seconds"] >= 0
    by_name = {function["function"]: function for function in stats["functions"]}
    assert by_name["idle"]["waiting"] == 1 and by_name["good"]["oldest_age_seconds"] is None


async def test_deliveries_are_counted_by_function_and_minute(server: Any) -> None:
    await server.deploy(answers=["x"], on_success="queue:q")
    await server.deploy("g", answers=["x"], on_success="function:nobody")
    for name in ("f", "f", "g"):
        ended = server.next(DeliveryEnded)
        await server.accept(name)
        await ended
    items = (await server.get("/v1/stats/deliveries")).json["items"]
    assert sum(item["delivered"] for item in items if item["function"] == "f") == 2
    assert sum(item["dead"] for item in items if item["function"] == "g") == 1
    assert all(item["minute"].endswith(":00.000Z") for item in items)
    only = (await server.get("/v1/stats/deliveries?function=g&since=946684800000")).json["items"]
    assert {entry["function"] for entry in only} == {"g"}
    assert (await server.get("/v1/stats/deliveries?since=2100-01-01T00:00:00Z")).json["items"] == []


async def test_deliveries_are_told_of_a_range_of_minutes(server: Any) -> None:
    await server.deploy(answers=["x"], on_success="queue:q")
    ended = server.next(DeliveryEnded)
    await server.accept()
    await ended
    [one] = (await server.get("/v1/stats/deliveries")).json["items"]
    assert one["function"] == "f" and (one["delivered"], one["dead"]) == (1, 0)
    start = one["minute"]
    inside = f"since={start.replace(':00.000Z', ':59Z')}"
    assert (await server.get(f"/v1/stats/deliveries?{inside}")).json["items"] == [one]
    assert (await server.get(f"/v1/stats/deliveries?until={start}&since=946684800000")).json[
        "items"
    ] == []


async def test_metrics_count_what_happened_and_are_documented(server: Any) -> None:
    await server.deploy(
        answers=[Error(), "x"], on_success="queue:q", retry_wait={"first_seconds": 0}
    )
    ended = server.next(DeliveryEnded)
    await server.ended(await server.accept())
    await ended
    answer = await server.get("/metrics")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain")
    families = {item.name: item for item in text_string_to_metric_families(answer.body.decode())}
    samples = {
        (s.name, *sorted(s.labels.items())): s.value
        for item in families.values()
        for s in item.samples
    }
    f = ("function", "f")
    assert samples["thence_conservation_difference",] == 0
    assert samples["thence_invocations_accepted_total", f] == 1
    assert samples["thence_invocations_ended_total", f, ("state", "succeeded")] == 1
    assert samples["thence_attempts_total", f, ("outcome", "function_error")] == 1
    assert samples["thence_attempts_total", f, ("outcome", "ok")] == 1
    assert samples["thence_attempt_duration_seconds_count", f] == 2
    assert samples["thence_start_latency_seconds_count", f] == 2
    assert samples["thence_invocations_begun_total", f] == 1
    assert samples["thence_deliveries_ended_total", f, ("state", "delivered")] == 1
    assert samples["thence_delivery_attempts_total", f, ("result", "answered")] == 1
    assert samples["thence_commit_seconds_count",] > 0
    page = (DOCS / "metrics.md").read_text("utf-8")
    for name, family in families.items():
        shown = f"{name}_total" if family.type == "counter" else name
        assert f"`{shown}`" in page, shown
    for shown in re.findall(r"^\| `(thence_\w+)`", page, re.MULTILINE):
        assert shown.removesuffix("_total") in families, shown


async def test_metrics_tell_of_a_store_that_cannot_be_read(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise StoreUnavailable("gone.")

    monkeypatch.setattr(server.engine, "stats", broken)
    answer = await server.get("/metrics")
    assert answer.status == 200 and b"thence_store_up 0.0" in answer.body
    assert b"conservation" not in answer.body


# ---------------------------------------------------------------- the description


async def test_every_route_is_in_the_description(server: Any) -> None:
    document = (await server.get("/v1/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert described == {(r.method, r.path) for r in ROUTES}
    ids = [op["operationId"] for item in document["paths"].values() for op in item.values()]
    assert len(set(ids)) == len(ids)


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for item in value.values() for ref in references(item)]
    return [ref for item in value for ref in references(item)] if isinstance(value, list) else []


async def test_every_reference_of_the_description_leads_somewhere(server: Any) -> None:
    document = (await server.get("/v1/openapi.json")).json
    for ref in references(document):
        place = document
        for part in ref.removeprefix("#/").split("/"):
            place = place[part]


@pytest.mark.parametrize(
    "route",
    [r for r in ROUTES if r.body and not isinstance(r.body, str)],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_every_example_is_of_its_type(route: Any) -> None:
    msgspec.convert(route.example, route.body)


def test_every_route_and_problem_is_documented() -> None:
    page = (DOCS / "api.md").read_text("utf-8")
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in page, route.path
        for parameter in route.parameters:
            assert f"`{parameter.name}`" in page, (route.path, parameter.name)
    codes = set(
        re.findall(r'code(?:, title)? = (?:\d+, )?"(\w+)"', Path(problems.__file__).read_text())
    )
    assert codes
    for code in codes:
        assert f"`{code}`" in page, code


# ---------------------------------------------------------------- the program


async def serving(
    folder: Path, scripts: Scripts | None = None, **more: Any
) -> tuple[Any, str, Any]:
    stop, url = asyncio.Event(), asyncio.get_running_loop().create_future()
    scripts = scripts or Scripts()
    task = asyncio.ensure_future(
        program.serve(
            Settings(data_dir=str(folder), listen="127.0.0.1:0", **more),
            make_runtime=lambda code, notices, clock: ScriptedRuntime(clock, scripts),
            stop=stop,
            listening=url.set_result,
        )
    )
    await asyncio.wait({task, url}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    return task, url.result(), stop


async def test_the_data_directory_is_closed_to_others(tmp_path: Path) -> None:
    task, _, stop = await serving(tmp_path / "d")
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    assert {"store.db"} <= set(os.listdir(tmp_path / "d"))
    stop.set()
    assert await task == 0


@pytest.mark.parametrize("free", [1 << 40, 4 << 20, 0])
async def test_a_second_server_on_the_same_data_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    """Where the disk had little room it took the first one's reserve away, for good."""
    task, _, stop = await serving(tmp_path / "d")
    reserve = (tmp_path / "d" / "reserve").stat()
    monkeypatch.setattr(Reserve, "free_bytes", lambda _: free)
    with pytest.raises(StartupError, match=r"in use|another server|holds"):
        await serving(tmp_path / "d")
    assert (tmp_path / "d" / "reserve").stat() == reserve
    stop.set()
    assert await task == 0


async def test_who_reads_nothing_is_no_failure_of_a_shutdown(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()

    async def endless(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            while True:
                begun.set()
                yield b"x" * (1 << 20)
                await asyncio.sleep(0)  # nothing is waited for once the connection is closed

        return StreamingResponse(chunks())

    app = Starlette(routes=[Route("/endless", endless)])
    listener = Listener(
        server.service.context, server.service.doors, app, await bind("127.0.0.1", 0)
    )
    await listener.start()
    host, port = listener.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.write(f"GET /endless HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    await asyncio.wait_for(begun.wait(), 20)
    with caplog.at_level(logging.ERROR, "uvicorn.error"):
        await listener.stop(0)
    writer.close()
    assert not caplog.records


async def test_a_port_that_is_taken_is_refused_with_a_sentence(tmp_path: Path) -> None:
    task, url, stop = await serving(tmp_path / "d")
    with pytest.raises(StartupError, match="Cannot listen"):
        await program.serve(
            Settings(data_dir=str(tmp_path / "e"), listen=url.removeprefix("http://"))
        )
    stop.set()
    assert await task == 0


async def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StartupError, match="data_dir"):
        await program.serve(Settings(data_dir=str(tmp_path / "file" / "d"), listen="127.0.0.1:0"))


async def test_while_it_starts_nothing_is_said_of_what_is_deployed(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.deploy()
    monkeypatch.setattr(server.service.context, "started_at", None)
    for way in ({}, {"Prefer": "respond-async"}):
        answer = await server.post("/v1/functions/nobody/invocations", data=b"{}", headers=way)
        assert answer.status == 503 and answer.problem()["code"] == "not_ready"
        assert answer.headers["retry-after"]
    assert (await server.get("/readyz")).status == 503 and (
        await server.get("/livez")
    ).status == 200


@pytest.mark.parametrize("full", [False, True], ids=["starts", "waits-for-room"])
async def test_a_start_says_at_every_door_what_it_waits_for(
    full: bool, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = server.service.context
    disk = StoreUnavailable("The disk is full: 7 bytes are free in /data.")
    monkeypatch.setattr(door, "started_at", None)
    monkeypatch.setattr(door.engine.parts.room, "full", full)
    monkeypatch.setattr(door.engine.parts.room, "refusal", lambda: disk)
    ready = (await server.get("/readyz")).problem()["detail"]
    assert ready == (disk.detail if full else "The service is starting. Try again.")
    project = door.settings.account_id
    for path in (
        "/v1/functions",
        "/v1/nothing",
        "/2023-03-30/functions",
        f"/v2/{project}/fgs/functions",
    ):
        answer = await server.get(path)
        assert answer.status == 503 and ready in answer.body.decode(), path


async def test_while_it_drains_it_is_not_ready_and_accepts_nothing(server: Any) -> None:
    await server.deploy(answers=[Forever()])
    started = server.next(AttemptStarted)
    await server.accept()
    await started
    draining = asyncio.ensure_future(server.service.stop(30))
    await server.service.context.closing.wait()
    ready = await server.get("/readyz")
    assert ready.status == 503 and "shutting down" in ready.problem()["detail"]
    refused = await server.post("/v1/functions/f/invocations", data=b"{}")
    assert refused.status == 503 and refused.headers["retry-after"]
    assert (await server.get("/livez")).status == 200
    draining.cancel()


PROGRAM = """
import sys
from thence.config import Settings
from thence.serve import run
sys.exit(run(Settings(data_dir=sys.argv[1], listen="127.0.0.1:0", grace_seconds=10)))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_the_program_says_where_it_listens_and_ends_on_a_signal(
    tmp_path: Path, number: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        # Whoever runs the tests may ignore SIGHUP (nohup), and a child would too.
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n" + PROGRAM,
        str(tmp_path / "d"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(program.__file__).parents[1])},
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    match = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)
    assert match and int(match[1]) > 0
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert await process.stdout.read() == b""


async def test_memory_is_looked_after_while_the_service_runs(
    make_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()

    class Looks:
        async def once(self) -> float:
            looked.set()
            return 60.0

    monkeypatch.setattr(building, "GiveBack", Looks)
    await make_server()
    await asyncio.wait_for(looked.wait(), 20)


@pytest.mark.parametrize("grace", [0.0, 3.0, 25.0])
async def test_what_runs_has_the_whole_grace_period(
    grace: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []
    limits: list[float | None] = []

    class Ending:
        end_runs = AsyncMock()

        async def stop(self, seconds: float) -> None:
            given.append(seconds)

    async def watched(tasks: Any, **limit: Any) -> Any:
        limits.append(limit["timeout"])
        return await waits(tasks, **limit)

    waits = asyncio.wait
    monkeypatch.setattr(program.asyncio, "wait", watched)
    listener = SimpleNamespace(stop=AsyncMock())
    assert await program._shut_down(Ending(), listener, grace, asyncio.Event()) == 0  # type: ignore[arg-type]
    assert given == [grace]
    assert limits == [grace + program.CLOSE_SECONDS], "what is cut off is still settled"


@pytest.mark.parametrize("hurried", [True, False])
async def test_an_end_before_it_has_drained_says_which_of_two_causes_it_was(
    hurried: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck:
        end_runs = AsyncMock()

        async def stop(self, seconds: float) -> None:
            await asyncio.Event().wait()

    hurry = asyncio.Event()
    if hurried:
        hurry.set()
    else:
        monkeypatch.setattr(program, "CLOSE_SECONDS", 0.0)
    listener = SimpleNamespace(stop=AsyncMock())
    status = await program._shut_down(Stuck(), listener, 25.0 * hurried, hurry)  # type: ignore[arg-type]
    assert status == (1 if hurried else 0)
    said = [record.getMessage() for record in caplog.records if record.name == "thence.server"]
    assert len(said) == 1 and "cut off (drained)" in said[0], "as it is kept"
    assert ("a second signal" in said[0]) == hurried
    assert ("did not drain within grace_seconds (0 s)" in said[0]) == (not hurried)


async def test_a_start_that_was_held_up_earlier_ends_in_order_when_it_is_told_to_stop() -> None:
    """Held up by a full disk, which then had room: what has begun since may not be torn off."""
    held_up, stop, hurry, goes_on, begun = (asyncio.Event() for _ in range(5))

    async def start() -> None:
        held_up.set()
        await goes_on.wait()
        held_up.clear()
        stop.set()
        for _ in range(10):  # it loads what is in the store
            await asyncio.sleep(0)
        begun.set()

    service: Any = SimpleNamespace(start=start, engine=SimpleNamespace(held_up=held_up))
    starting = asyncio.ensure_future(program._start(service, stop, hurry, 30))
    await asyncio.wait_for(held_up.wait(), 20)
    goes_on.set()
    assert await asyncio.wait_for(starting, 20)
    assert begun.is_set()


async def test_sighup_that_was_ignored_stays_ignored_as_under_nohup(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + PROGRAM,
        str(tmp_path / "d"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(program.__file__).parents[1])},
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    url = line.removeprefix("listening on ").strip()
    process.send_signal(signal.SIGHUP)
    async with aiohttp.ClientSession(url) as session, session.get("/readyz") as ready:
        assert ready.status == 200
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_a_second_signal_ends_the_program_at_once(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM.replace("grace_seconds=10", "grace_seconds=600"),
        str(tmp_path / "d"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(program.__file__).parents[1])},
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    url = line.removeprefix("listening on ").strip()
    source = b"import time\ndef handler(event, context):\n    time.sleep(600)\n"
    code = base64.b64encode(pack([("main.py", source)])).decode()
    async with aiohttp.ClientSession(url) as session:
        body = {"code": code, "timeout_seconds": 3600}
        async with session.put("/v1/functions/f", json=body) as deployed:
            assert deployed.status == 201
        async with session.post("/v1/functions/f/invocations", data=b"{}") as accepted:
            id = (await accepted.json())["id"]
        state = ""
        while state != "running":
            async with session.get(f"/v1/invocations/{id}?wait=0.05") as shown:
                state = (await shown.json())["state"]
        process.send_signal(signal.SIGTERM)
        ready = 200
        while ready == 200:
            async with session.get("/readyz") as answer:
                ready = answer.status
        assert ready == 503 and process.returncode is None
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 1


def test_a_thread_that_waits_for_ever_does_not_hold_the_end(tmp_path: Path) -> None:
    """As one does that waits for the lock of a store that another program holds."""
    program = (
        "import asyncio, threading\n"
        "from thence import serve as program\n"
        "from thence.config import Settings\n"
        "async def serve(*_, **__):\n"
        "    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)\n"
        "    return 3\n"
        "program.serve = serve\n"
        "program.run(Settings())\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=60, check=False)
    assert ran.returncode == 3


LEFT = """
import os, signal, sys
from pathlib import Path
from thence import serve
from thence.config import Settings
from thence.errors import StoreInUse
from thence.store.sqlite.connection import hold
serve._say = lambda url: os.kill(os.getpid(), signal.SIGTERM)
status = serve.run(Settings(data_dir=sys.argv[1], listen="127.0.0.1:0", grace_seconds=10))
try:
    hold(Path(sys.argv[1]) / "store.db")
except StoreInUse:
    print("in use")
sys.exit(status)
"""


def test_the_data_directory_is_held_until_the_process_has_ended(tmp_path: Path) -> None:
    """Its threads may still write there when the service has left: of a deploy that was cut off."""
    for _ in range(2):  # and then it is free
        ran = subprocess.run(
            [sys.executable, "-c", LEFT, str(tmp_path / "d")],
            stdout=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (0, b"in use\n")


HANGING = """
import sys, threading
from thence import serve
from thence.config import Settings
from thence.store.sqlite import store
def hang(*_, **__):
    print("hangs", flush=True)
    threading.Event().wait()
serve.CLOSE_SECONDS, serve.STUCK_SECONDS, serve.EXIT_SECONDS = {close}, 0.3, {leave}
{patch} = hang
sys.exit(serve.run(Settings(data_dir=sys.argv[1], listen="127.0.0.1:0", grace_seconds=0)))
"""
OPENING, LEAVING = "store._take", "store.SqliteStore.close"


@pytest.mark.parametrize(
    ("patch", "line", "signals", "status"),
    [
        (OPENING, b"hangs\n", 1, 0),
        (OPENING, b"hangs\n", 2, 1),
        (LEAVING, b"listening on", 1, 0),
    ],
)
async def test_a_disk_that_hangs_does_not_keep_a_signal_from_ending_the_program(
    tmp_path: Path, patch: str, line: bytes, signals: int, status: int
) -> None:
    """It may hang where the event loop itself waits."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        # Long enough for the second signal to come in time, and for what is said at the end.
        HANGING.format(
            patch=patch, close=0.3 if signals == 1 else 60, leave=60 if patch == LEAVING else 0.3
        ),
        str(tmp_path / "d"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(program.__file__).parents[1])},
    )
    assert process.stdout is not None
    said = b""
    while line not in said:
        said = await asyncio.wait_for(process.stdout.readline(), 100)
        assert said, "it has ended"
    process.send_signal(signal.SIGTERM)
    if signals == 2:
        process.send_signal(signal.SIGINT)
    try:
        _, error = await asyncio.wait_for(process.communicate(), 100)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == status, error
    assert patch == OPENING or b"what is closed at the end hangs" in error
