"""The real program, killed with -9 at random moments under load, again and again."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from . import ledger as afterwards
from .functions import POISON, QUICK, deploy_all
from .load import Load
from .program import Program

KILLS = 20
ACKS_MAX = 150
START_SECONDS_MAX = 1.0


@pytest.mark.slow
def test_nothing_accepted_is_lost_and_nothing_ends_twice_however_often_the_server_is_killed(
    make_program: Callable[..., Program], tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    # So many kills would quarantine an innocent slow invocation; poison has its own test.
    program = make_program(leases_losses_max=100)
    program.start()
    deploy_all(program, tmp_path / "runs")
    with Load(program, seed) as ledger:
        for number in range(KILLS):
            if number % 5 == 4:
                _kill_while_it_starts(program, rng)
            else:
                ledger.wait_more(rng.randint(1, ACKS_MAX))
                program.kill()
                program.start()
        ledger.wait_more(50)
    stats = program.until_done()
    assert stats["conservation_difference"] == 0
    assert program.terminate() == 0, program.said
    assert program.family() == []
    program.verify()
    outcomes = afterwards.check(program.data, ledger)
    print(
        f"accepted {len(ledger.accepted)}, unanswered {ledger.unknown}, refused {ledger.refused}, "
        f"outcomes {dict(outcomes)}"
    )
    assert outcomes["lost"] > 0, "no kill hit a running attempt: the test tests nothing"


def _kill_while_it_starts(program: Program, rng: random.Random) -> None:
    """Also while it opens the store, settles what was lost, begins to listen."""
    program.kill()
    program.spawn()
    program.outlives(rng.uniform(0.1, START_SECONDS_MAX))
    program.kill()
    program.start()


@pytest.mark.slow
def test_a_payload_that_kills_its_server_is_quarantined_and_the_rest_goes_on(
    make_program: Callable[..., Program],
) -> None:
    # Without the sandbox around functions, one of which keeps them from signalling the server.
    program = make_program(leases_losses_max=2, runtime_sandbox="off")
    program.start()
    program.deploy("poison", POISON, on_failure="queue:dead")
    program.deploy("quick", QUICK, on_success="queue:done")
    # Delayed, so that the answer leaves before the server is killed.
    status, _, answer = program.ask(
        "POST", "/v1/functions/poison/invocations", b'{"n": 1}', Thence_Delay_Seconds="0.5"
    )
    assert status == 202
    poisoned = answer["id"]
    for death in range(3):  # the first attempt and as many as may be lost
        assert not program.outlives(60), f"it was to be killed {3 - death} times more"
        program.kill()
        program.start()
    view = program.get(f"/v1/invocations/{poisoned}?wait=30")
    assert (view["state"], view["reason"]) == ("failed", "suspected_poison")
    _, _, answer = program.ask("POST", "/v1/functions/quick/invocations", b'{"n": 2}')
    assert program.get(f"/v1/invocations/{answer['id']}?wait=30")["state"] == "succeeded"
    program.until_done()
    assert program.terminate() == 0
    stored = afterwards.stored(program.data, poisoned)
    assert stored.attempt == 3 and stored.spent.losses_used == 3
    assert [delivery.state for delivery in stored.deliveries] == ["delivered"]
