"""A round that fails: said once, as what it is, and the loop goes on."""

from __future__ import annotations

import logging

import pytest

from thence.api.functiongraph.log_sink import NotSent
from thence.engine.loop import Loop
from thence.errors import Overloaded, StoreUnavailable
from thence.notices import LoopFailed, Notices
from thence.testing.clock import VirtualClock


@pytest.mark.parametrize(
    ("error", "said", "ours"),
    [
        (
            NotSent("http://127.0.0.1:9/x does not answer: refused"),
            "http://127.0.0.1:9/x does",
            False,
        ),
        (
            OSError(28, "No space left on device", "/d/f"),
            "OSError: [Errno 28] No space left",
            False,
        ),
        (Overloaded("Too much is asked."), "Too much is asked.", False),
        (StoreUnavailable("The disk is full."), "The disk is full.", False),
        (KeyError("f"), "KeyError: 'f'", True),
    ],
)
async def test_what_the_world_outside_did_is_a_sentence_and_a_mistake_of_ours_a_traceback(
    error: Exception, said: str, ours: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    notices, failed = Notices(), []
    notices.on(LoopFailed, failed.append)
    rounds = 0

    async def once() -> float | None:
        nonlocal rounds
        rounds += 1
        raise error

    clock = VirtualClock()
    loop = Loop("tests", once, clock, notices, interval_seconds=1.0)
    loop.start()
    await clock.advance(5)
    await loop.stop()
    assert rounds > 3, "it goes on"
    assert [item.error.startswith(said) for item in failed] == [True]
    assert [record.exc_info is not None for record in caplog.records] == ([True] if ours else [])
