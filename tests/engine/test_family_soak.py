"""Versions, aliases, limits, the switch, stops and crashes in any order: the promises hold."""

from __future__ import annotations

import random

import pytest

from thence.catalog.alias import Alias
from thence.catalog.async_config import AsyncConfig
from thence.catalog.control import Control
from thence.errors import Conflict, ThenceError
from thence.lifecycle.ids import format_id
from thence.lifecycle.states import FINAL
from thence.testing import Crash, Error, Ok, Service

LIMIT = 3


async def step(s: Service, rng: random.Random, ids: list[str], number: int) -> None:
    match rng.randrange(12):
        case 0:
            await s.engine.functions.publish_version("f")
        case 1:
            versions = [version.version for version in s.engine.functions.versions("f")]
            main, *others = rng.sample(versions, min(2, len(versions)))
            weights = dict.fromkeys(others, 0.5)
            await s.engine.functions.put_alias("f", Alias("prod", main, weights), create=False)
        case 2:
            await s.engine.functions.delete_version(
                "f", rng.choice(s.engine.functions.versions("f")).version
            )
        case 3:
            reason = rng.choice([None, None, None, None, "off"])
            control = Control(limit=LIMIT, disabled=reason)
            await s.engine.functions.put_control("f", control, abort=rng.random() < 0.5)
        case 4:
            config = AsyncConfig(max_retries=rng.randrange(4), stop_notifies=True, listed=True)
            await s.engine.functions.put_async_config("f", rng.choice(["prod", "latest"]), config)
        case 5 if ids:
            await s.stop(rng.choice(ids))
        case 6:
            await s.crash()
        case 7:
            await s.clock.advance(rng.random() * 5)
        case _:
            chosen = [version.version for version in s.engine.functions.versions("f")]
            qualifier = rng.choice(["prod", "latest", *chosen])
            settings = {"caller_id": f"id{number}"} if rng.random() < 0.5 else {}
            ids.append(await s.invoke("f", number, qualifier=qualifier, **settings))


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_the_limit_and_the_promises_hold(seed: int) -> None:
    rng = random.Random(seed)
    async with Service(seed=seed, ahead=rng.choice([0, 3])) as s:
        answers = [Ok(seconds=1), Error(seconds=0.5), Crash(seconds=0.2), Ok(seconds=3)]
        await s.function("f", answers=lambda run: rng.choice(answers), concurrency=4)
        await s.engine.functions.publish_version("f")
        await s.engine.functions.put_alias("f", Alias("prod", "1"), create=True)
        await s.engine.functions.put_control("f", Control(limit=LIMIT))
        ids: list[str] = []
        for number in range(150):
            try:
                await step(s, rng, ids, number)
            except (Conflict, ConnectionResetError):
                pass  # an alias names that version; the function is disabled
            except ThenceError as error:
                raise AssertionError(f"seed {seed}, step {number}: {error.detail}") from error
        await s.engine.functions.put_control("f", Control(limit=LIMIT))
        await s.clock.advance(900)
        assert s.scripts.at_once["f"] == LIMIT, f"seed {seed}"
        views = [await s.show(id) for id in ids]
        assert all(view.state in FINAL for view in views) and len(ids) > 10
        # All attempts of one ran by the version that was chosen when it was accepted.
        for view in views:
            ran = {start.version for start in s.scripts.starts if start.id == view.id}
            assert ran <= {view.version}, format_id(view.id)
        assert await s.verify() == []
        family = s.engine.parts.catalogue.family("f")
        assert family.used == 0 and all(lane.under_way == 0 for lane in family.lanes)
