"""Two doors change the same thing at once. The second change is held until the first has been made:
after its own look at what is there, before its write."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.doors.virtual import VirtualDoor, virtual_doors
from tests.engine.nodes import Node

from thence.catalog.function import FunctionSpec
from thence.engine import catalogue
from thence.settings import Settings

PROJECT, REGION = "6f1d2c3b4a5968778695a4b3c2d1e0f0", "local-1"
FC = "/2023-03-30/functions/f"
FG = f"/v2/{PROJECT}/fgs/functions/f"
NATIVE = "/v1/functions/f"
JSON = {"content-type": "application/json"}


class Doors(VirtualDoor):
    settings_of_all = {"region": REGION, "account_id": PROJECT}

    def hold_the_next(self, work: Callable[[], Awaitable[Any]]) -> None:
        """`work` is done in the instant in which the next change is about to be written."""
        store = self.service.store
        change = store.change

        async def after_work(*args: Any, **named: Any) -> Any:
            store.change = change
            await work()
            return await change(*args, **named)

        store.change = after_work


@pytest.fixture
async def doors(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doors]:
    # Changes of one node take turns, as those of several do not; nothing may rest on that.
    monkeypatch.setattr(catalogue, "AT_ONCE", 100)
    async with virtual_doors(Doors) as make:
        made = await make()
        await made.service.function("f", contract="functiongraph", description="first")
        await made.engine.functions.publish_version("f", version="v1")
        await made.engine.functions.publish_version("f", version="v2")
        yield made


async def fine(asked: Awaitable[Any]) -> Any:
    answer = await asked
    assert answer.status < 300, answer
    return answer


# ---------------------------------------------------------------- If-Match

KEPT = {"runtime": "python", "handler": "main.handler"}

OTHERS: dict[str, Callable[[Doors], Awaitable[Any]]] = {
    "native": lambda doors: doors.put(NATIVE, json={**KEPT, "memory_mb": 512}),
    "functiongraph": lambda doors: doors.put(
        f"{FG}/config", json={"memory_size": 512}, headers=JSON
    ),
    "fc": lambda doors: doors.put(FC, json={"memorySize": 512}),
}


@pytest.mark.parametrize("other", OTHERS)
async def test_a_function_that_another_door_changed_meanwhile_is_not_the_one_that_was_meant(
    doors: Doors, other: str
) -> None:
    seen = {"if-match": (await fine(doors.get(FC))).headers["etag"]}
    doors.hold_the_next(lambda: fine(OTHERS[other](doors)))
    refused = await doors.put(FC, json={"description": "second"}, headers=seen)
    assert (refused.status, refused.json["Code"]) == (412, "PreconditionFailed")
    spec = doors.engine.functions.get("f").spec
    assert spec.memory_mb == 512 and spec.description != "second"
    now = {"if-match": (await fine(doors.get(FC))).headers["etag"]}
    await fine(doors.put(FC, json={"description": "second"}, headers=now))
    spec = doors.engine.functions.get("f").spec
    assert (spec.memory_mb, spec.description) == (512, "second")


@pytest.mark.parametrize("other", OTHERS)
async def test_a_function_that_was_meant_is_deleted_only_as_it_was_seen(
    doors: Doors, other: str
) -> None:
    seen = {"if-match": (await fine(doors.get(FC))).headers["etag"]}
    doors.hold_the_next(lambda: fine(OTHERS[other](doors)))
    refused = await doors.delete(FC, headers=seen)
    assert refused.status == 412
    assert doors.engine.functions.get("f").spec.memory_mb == 512


async def test_an_alias_that_another_door_moved_is_not_the_one_that_was_meant(doors: Doors) -> None:
    await fine(doors.put(f"{NATIVE}/aliases/live", json={"version": "v1"}))
    seen = {"if-match": (await fine(doors.get(f"{FC}/aliases/live"))).headers["etag"]}
    moved = lambda: fine(  # noqa: E731
        doors.put(f"{FG}/aliases/live", json={"version": "v2"}, headers=JSON)
    )
    doors.hold_the_next(moved)
    refused = await doors.put(f"{FC}/aliases/live", json={"description": "x"}, headers=seen)
    assert refused.status == 412
    alias = doors.engine.functions.alias("f", "live")
    assert (alias.version, alias.description) == ("v2", "")


async def test_a_configuration_that_another_door_changed_is_not_the_one_that_was_meant(
    doors: Doors,
) -> None:
    path = f"{NATIVE}/async-configs/latest"
    await fine(doors.put(path, json={"max_retries": 1}))
    seen = {"if-match": (await fine(doors.get(f"{FC}/async-invoke-config"))).headers["etag"]}
    other = {"max_async_retry_attempts": 2}
    for method, body in (("PUT", {"maxAsyncRetryAttempts": 0}), ("DELETE", None)):
        doors.hold_the_next(
            lambda: fine(doors.put(f"{FG}/async-invoke-config", json=other, headers=JSON))
        )
        refused = await doors.request(method, f"{FC}/async-invoke-config", json=body, headers=seen)
        assert refused.status == 412
        config = doors.engine.functions.async_config("f", "latest")
        assert config is not None and config.max_retries == 2


async def test_a_limit_that_another_door_changed_is_not_the_one_that_was_meant(
    doors: Doors,
) -> None:
    await fine(doors.put(f"{NATIVE}/control", json={"limit": 3, "disabled": None}))
    seen = {"if-match": (await fine(doors.get(f"{FC}/concurrency"))).headers["etag"]}
    body = {"max_instance_num": 7}
    doors.hold_the_next(
        lambda: fine(doors.put(f"{FG}/config-max-instance", json=body, headers=JSON))
    )
    refused = await doors.put(f"{FC}/concurrency", json={"reservedConcurrency": 1}, headers=seen)
    assert refused.status == 412
    assert doors.engine.functions.control("f").limit == 7


async def test_a_function_that_another_node_changed_meanwhile_is_not_the_one_that_was_meant() -> (
    None
):
    async with Node("first") as first, Node("second", first) as second:
        here, there = (Doors(node, Settings(**Doors.settings_of_all)) for node in (first, second))
        await first.function("f", contract="functiongraph")
        await second.clock.advance(2)
        seen = {"if-match": (await fine(here.get(FC))).headers["etag"]}
        here.hold_the_next(lambda: fine(OTHERS["functiongraph"](there)))
        refused = await here.put(FC, json={"description": "second"}, headers=seen)
        assert (refused.status, refused.json["Code"]) == (412, "PreconditionFailed")
        here.hold_the_next(
            lambda: fine(there.put(f"{FG}/config", json={"timeout": 9}, headers=JSON))
        )
        await fine(here.put(FC, json={"description": "third"}))
        await second.clock.advance(2)
        for node in (first, second):
            spec = node.engine.functions.get("f").spec
            assert (spec.memory_mb, spec.timeout_seconds, spec.description) == (512, 9, "third")


# ---------------------------------------------------------------- updates of some fields


async def test_updates_of_different_fields_at_different_doors_are_both_made(doors: Doors) -> None:
    doors.hold_the_next(lambda: fine(doors.put(FC, json={"memorySize": 512})))
    await fine(doors.put(f"{FG}/config", json={"description": "theirs"}, headers=JSON))
    doors.hold_the_next(lambda: fine(doors.put(f"{FG}/config", json={"timeout": 9}, headers=JSON)))
    await fine(doors.put(FC, json={"environmentVariables": {"A": "1"}}))
    spec = doors.engine.functions.get("f").spec
    assert (spec.memory_mb, spec.description, spec.timeout_seconds, spec.environment) == (
        512, "theirs", 9, {"A": "1"},
    )  # fmt: skip


async def test_an_alias_keeps_what_one_door_says_and_what_the_other_does(doors: Doors) -> None:
    await fine(doors.put(f"{NATIVE}/aliases/live", json={"version": "v1"}))
    doors.hold_the_next(lambda: fine(doors.put(f"{FC}/aliases/live", json={"description": "fc"})))
    body = {"additional_version_weights": {"v2": 25}}
    await fine(doors.put(f"{FG}/aliases/live", json=body, headers=JSON))
    alias = doors.engine.functions.alias("f", "live")
    assert (alias.version, alias.weights, alias.description) == ("v1", {"v2": 0.25}, "fc")


async def test_a_switch_at_one_door_survives_a_limit_at_the_other(doors: Doors) -> None:
    doors.hold_the_next(lambda: fine(doors.post(f"{FC}/invoke/disable", json={"reason": "broken"})))
    await fine(doors.put(f"{FC}/concurrency", json={"reservedConcurrency": 4}))
    control = doors.engine.functions.control("f")
    assert (control.limit, control.disabled) == (4, "broken")


async def test_of_two_doors_that_create_a_function_one_does(doors: Doors) -> None:
    code = (await fine(doors.get(f"{FC}/code"))).json
    assert code["checksum"]
    body = {
        "func_name": "g", "package": "default", "runtime": "Python3.12", "handler": "a.b",
        "timeout": 3, "memory_size": 128, "code_type": "inline",
        "func_code": {"file": "cGFzcw=="},
    }  # fmt: skip
    path = FG.removesuffix("/f")
    doors.hold_the_next(lambda: doors.engine.functions.put("g", FunctionSpec(), _empty()))
    refused = await doors.post(path, json=body, headers=JSON)
    assert (refused.status, refused.json["error_code"]) == (409, "FSS.1061")
    assert doors.engine.functions.get("g").spec == FunctionSpec()
    assert doors.engine.functions.control("g").limit is None


def _empty() -> bytes:
    from thence.catalog.code import pack

    return pack([("main.py", b"")])


# ---------------------------------------------------------------- many


@pytest.mark.parametrize("seed", range(3))
async def test_of_many_updates_at_all_doors_none_is_lost(doors: Doors, seed: int) -> None:
    """Each update says one thing that nobody else says; in the end all of them must hold."""
    rng = random.Random(seed)
    await fine(doors.put(f"{NATIVE}/aliases/live", json={"version": "v1"}))
    last: dict[str, Any] = {}

    async def fc(number: int) -> None:
        last["memory"] = 128 + 64 * number
        await fine(doors.put(FC, json={"memorySize": last["memory"]}))

    async def functiongraph(number: int) -> None:
        last["timeout"] = 10 + number
        await fine(doors.put(f"{FG}/config", json={"timeout": 10 + number}, headers=JSON))

    async def fc_alias(number: int) -> None:
        last["text"] = f"text {number}"
        await fine(doors.put(f"{FC}/aliases/live", json={"description": last["text"]}))

    async def functiongraph_alias(number: int) -> None:
        last["percent"] = number
        body = {"additional_version_weights": {"v2": number}}
        await fine(doors.put(f"{FG}/aliases/live", json=body, headers=JSON))

    async def native(number: int) -> None:
        last["retries"] = number % 9
        body = {"max_retries": number % 9}
        await fine(doors.put(f"{NATIVE}/async-configs/live", json=body))

    async def matched(number: int) -> None:
        """As a careful client: looks, says what it saw, and looks again where that is refused."""
        while True:
            got = await fine(doors.get(FC))
            there = got.json.get("environmentVariables") or {}
            for _ in range(rng.randrange(3)):
                await asyncio.sleep(0)
            body = {"environmentVariables": {**there, f"M{number}": "1"}}
            answer = await doors.put(FC, json=body, headers={"if-match": got.headers["etag"]})
            if answer.status != 412:
                await fine(asyncio.sleep(0, answer))
                return

    async def one_after_another(kind: Callable[[int], Awaitable[None]]) -> None:
        for number in range(1, 6):
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            await kind(number)

    kinds = [fc, functiongraph, fc_alias, functiongraph_alias, native]
    rng.shuffle(kinds)
    work = [one_after_another(kind) for kind in kinds] + [matched(number) for number in range(6)]
    await asyncio.gather(*work)
    spec, alias = doors.engine.functions.get("f").spec, doors.engine.functions.alias("f", "live")
    config = doors.engine.functions.async_config("f", "live")
    assert (spec.memory_mb, spec.timeout_seconds) == (last["memory"], last["timeout"])
    assert spec.environment == {f"M{number}": "1" for number in range(6)}
    assert (alias.description, alias.weights) == (last["text"], {"v2": last["percent"] / 100})
    assert config is not None and config.max_retries == last["retries"]
