"""Killed in the middle of a batch: every line that has an answer is there, no key twice."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections.abc import Callable

import pytest

from thence.lifecycle.ids import format_id

from . import ledger as afterwards
from .functions import QUICK
from .program import Program

LINES = 1000
KILLS = 5


def batch(first: int) -> bytes:
    return b"\n".join(json.dumps({"n": n}).encode() for n in range(first, first + LINES))


@pytest.mark.slow
def test_a_batch_that_was_cut_off_can_be_sent_again_and_makes_each_line_once(
    make_program: Callable[..., Program], seed: int
) -> None:
    rng = random.Random(seed)
    program = make_program()
    program.start()
    program.deploy("quick", QUICK)
    answered: dict[str, str] = {}
    cut_off = 0
    for number in range(KILLS):
        first = number * LINES
        done = threading.Event()
        poster = threading.Thread(target=post, args=(program, first, answered, done))
        poster.start()
        # From "just sent" to "about to be answered".
        done.wait(rng.uniform(0.0, 0.015 * (number + 1)))
        cut_off += not done.is_set()
        program.kill()
        poster.join(60)
        program.start()
        post(program, first, answered, threading.Event())
    assert len(answered) == KILLS * LINES
    assert program.get("/v1/stats")["waiting"] == KILLS * LINES
    assert program.terminate() == 0
    views = afterwards.ids_of(program.data)
    assert len(views) == len(answered)
    assert {view.meta.idempotency_key: format_id(view.id) for view in views} == answered
    print(f"{cut_off} of {KILLS} batches were cut off")


def post(program: Program, first: int, answered: dict[str, str], done: threading.Event) -> None:
    """Send a batch; what is answered must be the same as before."""
    key = f"batch-{first}"
    try:
        status, _, answer = program.ask(
            "POST",
            "/v1/functions/quick/invocations:batch",
            batch(first),
            Content_Type="application/x-ndjson",
            Idempotency_Key=key,
            Thence_Delay_Seconds="86400",
        )
    except (OSError, http.client.HTTPException):
        return
    finally:
        done.set()
    assert status == 202 and answer["refused"] == 0, answer
    assert len(answer["items"]) == LINES
    for item in answer["items"]:
        line = f"{key}#{item['line']}"
        assert answered.setdefault(line, item["id"]) == item["id"]
