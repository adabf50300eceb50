"""A trial loads code once, as its first call would, and what it finds is told apart by what it is."""

from __future__ import annotations

import asyncio

import pytest

from thence.lifecycle.outcome import Outcome
from thence.notices import InstanceEnded
from thence.runtimes.pool.trials import LOAD_SECONDS_MAX

GOOD = "def handler(event, context): ..."


@pytest.mark.parametrize("contract", ["native", "fc", "functiongraph"])
async def test_code_that_can_be_loaded_is_ok_and_its_handler_is_not_called(house, contract):
    code = "def handler(event, context):\n    raise SystemExit(1)"
    function = house.deploy(code, contract=contract)
    assert (await house.runtime.trial(function)).found == "ok"


@pytest.mark.parametrize(
    ("code", "spec", "found", "setting", "missing"),
    [
        ("import no_such_thing\n" + GOOD, {}, "dependency", "handler", "no_such_thing"),
        ("import json.no_such\n" + GOOD, {}, "dependency", "handler", "json.no_such"),
        ("def handler(:\n", {}, "syntax", "handler", ""),
        ("from json import no_such\n" + GOOD, {}, "import", "handler", ""),
        ("other = 1", {}, "no_function", "handler", ""),
        ("handler = 1", {}, "no_function", "handler", ""),
        (GOOD, {"handler": "elsewhere.handler"}, "no_module", "handler", ""),
        (GOOD, {"initializer": "main.begin"}, "no_function", "initializer", ""),
        (GOOD, {"pre_stop": "main.end"}, "no_function", "pre_stop", ""),
        ("import os\nos.environ['DATABASE']\n" + GOOD, {}, "raised", "handler", ""),
        ("raise ModuleNotFoundError('mine')", {}, "dependency", "handler", ""),
    ],
)
async def test_what_cannot_be_loaded_is_named(house, code, spec, found, setting, missing):
    trial = await house.runtime.trial(house.deploy(code, **spec))
    assert (trial.found, trial.setting, trial.missing) == (found, setting, missing)
    assert trial.error_type and trial.error_message


@pytest.mark.parametrize("code", ["import os\nos._exit(3)", "raise SystemExit(3)"])
async def test_code_that_ends_its_process_is_told_as_raised(house, code):
    trial = await house.runtime.trial(house.deploy(code))
    assert trial.found == "raised" and "3" in trial.error_message


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def handler(event): ...", "arguments"),
        ("def handler(): ...", "arguments"),
        ("def handler(event, context, db): ...", "arguments"),
        ("def handler(event, *, context): ...", "arguments"),
        ("async def handler(event): ...", "arguments"),
        ("def handler(*all): ...", "ok"),
        ("def handler(event, context, db=None): ...", "ok"),
        ("handler = print", "ok"),
        ("handler = dict.get", "ok"),
        (
            "import functools\ndef real(event, context, db): ...\n"
            "@functools.wraps(real)\ndef handler(event, context): return real(event, context, 1)",
            "ok",
        ),
    ],
)
async def test_a_handler_of_other_arguments_is_told(house, code, found):
    trial = await house.runtime.trial(house.deploy(code))
    assert trial.found == found
    assert ("two arguments, (event, context)" in trial.error_message) == (found == "arguments")


async def test_a_trial_has_an_end(house):
    pipe = house.pipe("loading")
    function = house.deploy(
        f"open({pipe.path!r}, 'w').write('here')\nimport time\ntime.sleep(1e6)\n{GOOD}"
    )
    trial = asyncio.ensure_future(house.runtime.trial(function))
    assert await pipe.read() == "here"
    house.clock.advance(LOAD_SECONDS_MAX + 1)
    found = await trial
    assert found.found == "unknown" and "20 s" in found.error_message


async def test_a_full_node_can_still_try_and_no_slot_is_taken(house):
    await house.open(instances_max=1)
    pipe = house.pipe("running")
    busy = house.deploy(
        f"def handler(e, c):\n    open({pipe.path!r}, 'w').write('x')\n    import time\n    time.sleep(1e6)"
    )
    id, _ = house.submit(busy)
    assert await pipe.read() == "x"
    other = house.deploy(GOOD, id=2, name="other")
    ended = asyncio.ensure_future(
        house.notices.wait_for(InstanceEnded, lambda item: item.function == "other")
    )
    assert (await house.runtime.trial(other)).found == "ok"
    assert house.runtime.limits(busy) == (1, 1)
    await ended
    assert house.runtime.stop(id)


async def test_a_hook_is_looked_up_and_not_run(house):
    function = house.deploy(
        f"def begin(context):\n    raise SystemExit(1)\n{GOOD}", initializer="main.begin"
    )
    assert (await house.runtime.trial(function)).found == "ok"


# ---------------------------------------------------------------- what no retry helps


@pytest.mark.parametrize(
    ("code", "payload", "spec", "hopeless"),
    [
        (GOOD, b"{not json", {}, True),
        ("import no_such_thing\n" + GOOD, b"", {}, True),
        ("def handler(:\n", b"", {}, True),
        ("other = 1", b"", {}, True),
        (GOOD, b"", {"initializer": "main.begin"}, True),
        ("raise KeyError('DATABASE')", b"", {}, False),
        ("def handler(e, c):\n    import no_such_thing", b"", {}, False),
        ("def handler(e, c):\n    raise ImportError('mine')", b"", {}, False),
        ("def begin(c):\n    raise ImportError('mine')\n" + GOOD, b"",
         {"initializer": "main.begin"}, False),
        ("def handler(e, c):\n    return object()", b"", {}, False),
        ("import no_such_thing\n" + GOOD, b"", {"contract": "fc"}, False),
        ("other = 1", b"", {"contract": "functiongraph"}, False),
        (GOOD, b"{not json", {"contract": "functiongraph"}, False),
    ],
)  # fmt: skip
async def test_what_every_attempt_would_end_with_is_said_by_the_native_contract(
    house, code, payload, spec, hopeless
):
    ended = await house.run(house.deploy(code, **spec), payload)
    assert ended.outcome is Outcome.FUNCTION_ERROR
    assert ended.hopeless is hopeless


async def test_a_failed_load_says_nothing_of_the_next_run_of_its_instance(house):
    function = house.deploy(
        """
        import os
        if not os.path.exists(os.environ["HOME"] + "/second"):
            open(os.environ["HOME"] + "/second", "w").close()
            raise ImportError("not yet")
        def handler(event, context):
            raise ImportError("mine")
        """
    )
    first, second = await house.run(function), await house.run(function)
    assert (first.hopeless, second.hopeless) == (True, False)
