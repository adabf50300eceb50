"""Work beside the callbacks is waited for, and its unexpected errors are said."""

from __future__ import annotations

import asyncio
import logging

import pytest

from thence.engine.tasks import Tasks
from thence.errors import StoreUnavailable


async def fail(error: Exception) -> None:
    raise error


async def test_an_unexpected_error_is_logged_and_an_answer_of_ours_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks = Tasks()
    with caplog.at_level(logging.ERROR, "thence.engine"):
        tasks.spawn(fail(StoreUnavailable("The disk is full.")))
        tasks.spawn(fail(RuntimeError("a mistake")))
        await tasks.settled()
        await asyncio.sleep(0)
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == [
        "a mistake"
    ]
    assert not tasks


async def test_what_is_cancelled_is_over_and_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks = Tasks()
    tasks.spawn(asyncio.Event().wait())  # type: ignore[arg-type]
    await asyncio.sleep(0)
    tasks.cancel()
    await tasks.settled()
    assert not tasks and not caplog.records
