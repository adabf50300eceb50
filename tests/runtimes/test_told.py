"""What the runtime tells beside how a run ended: whether it has begun, and its memory."""

from __future__ import annotations

import json

from thence.lifecycle.outcome import Outcome
from thence.runtimes.wire import frames

GATED = """
    def handler(event, context):
        if not event: return
        with open(event["says"], "w") as says: says.write("here")
        open(event["barrier"]).readline()
"""
KEEPS = "def handler(event, context):\n    keep = bytearray(b'x') * {}\n    {}"


def mib(bytes):
    return bytes >> 20


async def gated(house):
    barrier, says = house.pipe("barrier"), house.pipe("says")
    return barrier, says, json.dumps({"says": says.path, "barrier": barrier.path}).encode()


async def test_a_run_has_begun_when_the_functions_code_has(house):
    barrier, says, payload = await gated(house)
    function = house.deploy(GATED)
    id, future = house.submit(function, payload)
    assert not house.runtime.begun(id), "its instance is not even there"
    await says.read()
    assert house.runtime.begun(id)
    barrier.write()
    await house.end(future)
    assert not house.runtime.begun(id) and not house.runtime.begun(12345)


async def test_a_run_that_waits_behind_another_has_not_begun(house):
    barrier, says, payload = await gated(house)
    function = house.deploy(GATED, concurrency=1)
    await house.make_fast(function)
    first, second = house.submit(function, payload), house.submit(function)
    await says.read()
    assert house.runtime.begun(first[0]) and not house.runtime.begun(second[0])
    barrier.write()
    await house.end(second[1])


async def test_memory_is_told_where_it_was_asked_for(house):
    function = house.deploy(KEEPS.format(0, "return"))
    assert (await house.run(function)).memory_bytes == 0
    small = (await house.run(function, measure=True)).memory_bytes
    assert 1 < mib(small) < 100
    function = house.deploy(KEEPS.format("(100 << 20)", "return"), id=2)
    large = (await house.run(function, measure=True)).memory_bytes
    assert 95 < mib(large - small) < 130


async def test_memory_is_told_of_an_instance_that_ended(house):
    function = house.deploy(KEEPS.format("(100 << 20)", "import os; os._exit(1)"))
    ended = await house.run(function, measure=True)
    assert ended.outcome is Outcome.CRASHED and mib(ended.memory_bytes) > 100


async def test_a_version_has_instances_of_its_own_and_knows_its_name(house):
    source = "def handler(event, context): return [context.function_version, context.qualifier]"
    latest, first = house.deploy(source), house.deploy(source, id=2, name="f1", version="1")
    told, other = await house.run(latest), await house.run(first, qualifier="prod")
    assert json.loads(told.result) == ["latest", "latest"]
    assert json.loads(other.result) == ["1", "prod"]
    assert told.instance != other.instance


async def test_a_long_qualifier_does_not_break_the_frame(house):
    function = house.deploy("def handler(event, context): return [event, context.qualifier]")
    ended = await house.run(function, b"1", qualifier="q" * 128, content_type="a", traceparent="b")
    assert json.loads(ended.result) == [1, "q" * 128]


async def test_a_long_message_is_cut_with_a_mark_and_does_not_push_out_the_frames(house):
    code = "def deep(n):\n    if n: deep(n - 1)\n    raise ValueError('first\\n' + 'ü☃' * 50_000)\n"
    ended = await house.run(house.deploy(f"{code}def handler(event, context): deep(2)"))
    assert len(ended.error_message.encode()) <= frames.ERROR_MESSAGE_BYTES_MAX
    assert ended.error_message.startswith("first\nü☃") and ended.error_message.endswith("☃…")
    assert "in handler" in ended.error_stack and "in deep" in ended.error_stack
    assert "ValueError: first" in ended.error_stack and ended.error_stack.endswith("…\n")


async def test_a_message_that_fits_has_no_mark(house):
    ended = await house.run(
        house.deploy("def handler(event, context): raise ValueError('x' * 1024)")
    )
    assert ended.error_message == "x" * 1024
