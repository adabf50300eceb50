"""The engine with real instances: one node's few slots shared by functions that want them all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from thence.catalog.control import Control
from thence.catalog.function import Function
from thence.engine.engine import Engine
from thence.engine.lanes import Lane
from thence.lifecycle.outcome import Outcome
from thence.lifecycle.states import State

from .processes import deploy, running

SLOW = "import time\ndef handler(event, context):\n    time.sleep(0.01)\n"
FAST = "def handler(event, context):\n    return event\n"


async def accept_many(engine: Engine, name: str, number: int) -> None:
    await asyncio.gather(*(engine.accepted(name, b"1") for _ in range(number)))


@pytest.mark.parametrize(("code", "backlog"), [(SLOW, 300), (FAST, 20_000)])
async def test_a_backlog_on_a_full_node_keeps_no_other_function_waiting(
    tmp_path: Path, code: str, backlog: int
) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        await deploy(engine, "busy", code, concurrency=10)
        await deploy(engine, "other", FAST, concurrency=10)
        await accept_many(engine, "busy", 50)
        await accept_many(engine, "busy", backlog)
        for _ in range(3):
            accepted = await engine.accepted("other", b"1")
            assert (await engine.invocations.wait(accepted.id, 30)).state is State.SUCCEEDED
        _, ended = await engine.invoke("other", b"1")
        assert ended.outcome is Outcome.OK
        assert (await engine.stats()).waiting > 0


async def test_a_slot_of_the_node_is_promised_once(tmp_path: Path) -> None:
    """Two functions that want the same last slot: neither claims what it cannot run."""
    async with running(tmp_path, instances_max=1) as engine:
        given_back: list[Any] = []
        settle = engine.parts.settle.settle

        def settle_and_see(run: Any, ended: Any) -> None:
            if ended.outcome is Outcome.NOT_STARTED:
                given_back.append(run.id)
            settle(run, ended)

        engine.parts.settle.settle = settle_and_see  # type: ignore[method-assign]
        for name in ("a", "b", "c"):
            await deploy(engine, name, SLOW, concurrency=10)
        await asyncio.gather(*(accept_many(engine, name, 20) for name in ("a", "b", "c")))
        while (await engine.stats()).succeeded < 60:
            assert not given_back
        assert not given_back


async def test_it_is_the_node_that_is_full_and_not_the_function_that_is_paused(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, instances_max=1) as engine:
        await deploy(engine, "busy", "import time\ndef handler(e, c):\n    time.sleep(60)\n")
        await deploy(engine, "other", FAST)
        await engine.accepted("busy", b"1")
        view = await engine.invocations.get((await engine.accepted("other", b"1")).id)
        why = engine.invocations.why(view)
        assert why is not None and why.code == "node_limit"


async def test_the_runtime_forgets_a_deleted_function_that_was_asked_for_again(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, instances_max=2) as engine:
        await deploy(engine, "f", SLOW)
        function = engine.functions.get("f")
        _, ended = await engine.invoke("f", b"1")
        live, forget = engine.parts.store.live, engine.parts.retire._forget
        forgotten = asyncio.Event()

        async def asked_meanwhile(ids: list[int]) -> set[int]:
            engine.parts.runtime.limits(function)  # as `why` does, of one that ends in this instant
            return await live(ids)

        async def told(lane: Lane) -> None:
            await forget(lane)
            forgotten.set()

        engine.parts.retire._store.live = asked_meanwhile  # type: ignore[method-assign]
        engine.parts.retire._forget = told
        await engine.functions.delete("f")
        await asyncio.wait_for(forgotten.wait(), 60)
        assert function.id not in engine.parts.runtime._lanes  # type: ignore[attr-defined]
        assert not engine.parts.runtime._slots._holders  # type: ignore[attr-defined]
        assert ended.outcome is Outcome.OK


async def test_a_version_that_cannot_start_keeps_no_other_from_the_limit_of_all(
    tmp_path: Path,
) -> None:
    """Of what did not even begin the runtime tells no end."""
    async with running(tmp_path, instances_max=4) as engine:
        await deploy(engine, "f", FAST, concurrency=4)
        for version in ("1", "2"):
            await engine.functions.publish_version("f", version=version)
        code_path = engine.parts.runtime._placing._code_path  # type: ignore[attr-defined]

        def lost(function: Function) -> Path:
            if function.version == "1":
                raise FileNotFoundError("its folder is gone")
            found: Path = code_path(function)
            return found

        engine.parts.runtime._placing._code_path = lost  # type: ignore[attr-defined]
        await engine.functions.put_control("f", Control(limit=0))
        for _ in range(200):
            await engine.accepted("f", b"1", qualifier="1")
        ids = [(await engine.accepted("f", b"1", qualifier="2")).id for _ in range(3)]
        await engine.functions.put_control("f", Control(limit=1))
        for id in ids:
            assert (await engine.invocations.wait(id, 30)).state is State.SUCCEEDED
