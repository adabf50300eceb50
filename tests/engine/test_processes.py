"""The engine with real instances: one node's few slots shared by functions that want them all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from thence.engine.engine import Engine
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
            assert (await engine.wait(accepted.id, 30)).state is State.SUCCEEDED
        _, ended = await engine.invoke("other", b"1")
        assert ended.outcome is Outcome.OK
        assert (await engine.stats()).waiting > 0


async def test_a_slot_of_the_node_is_promised_once(tmp_path: Path) -> None:
    """Two functions that want the same last slot: neither claims what it cannot run."""
    async with running(tmp_path, instances_max=1) as engine:
        given_back: list[Any] = []
        settle = engine.settle.settle

        def settle_and_see(run: Any, ended: Any) -> None:
            if ended.outcome is Outcome.NOT_STARTED:
                given_back.append(run.id)
            settle(run, ended)

        engine.settle.settle = settle_and_see  # type: ignore[method-assign]
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
        view = await engine.show((await engine.accepted("other", b"1")).id)
        why = engine.why(view)
        assert why is not None and why.code == "node_limit"
