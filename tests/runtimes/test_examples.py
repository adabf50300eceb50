"""The examples' functions run as their files say."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
import pytest

from thence.catalog.function import Function, parse_spec
from thence.lifecycle.outcome import Outcome
from thence.notices import InstanceEnded

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "result", "said"),
    [
        ("hello", b'{"greeting":"Hello, Ada!"}', "attempt 1 of"),
        ("connected", b'{"seen":1}', "connected, "),
        ("function-compute", b"Hello, Ada!", "[INFO] greeting Ada, retry 0"),
        (
            "functiongraph",
            b'{"greeting": "Hello, Ada!", "version": "latest"}',
            "INFO greeting Ada",
        ),
    ],
)
async def test_the_example_runs_and_its_hooks_do(house, caplog, name, result, said):
    caplog.set_level(logging.WARNING)
    written = msgspec.toml.decode((EXAMPLES / name / "thence.function.toml").read_bytes())
    house.directory = EXAMPLES
    function = Function(1, name.replace("-", "_"), 1, parse_spec(written), name, 1, 0, 0)
    ended = await house.run(function, b'{"name": "Ada"}')
    assert (ended.outcome, ended.result) == (Outcome.OK, result), ended.error_message
    assert said in ended.log.decode()
    house.runtime.forget(function.id)
    await house.notice(InstanceEnded)
    assert "pre-stop" not in caplog.text
