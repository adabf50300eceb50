"""end: what waits and ends without another attempt, whoever ends it."""

from __future__ import annotations

import pytest

from thence.errors import Throttled
from thence.testing import Service


@pytest.mark.parametrize("who", ["expire", "stop"])
async def test_what_has_ended_leaves_its_place_among_what_waits(who: str) -> None:
    async with Service(waiting_max=1) as s:
        await s.function("f", concurrency=0, max_event_age_seconds=60)
        id = await s.invoke("f")
        with pytest.raises(Throttled):
            await s.invoke("f")
        if who == "stop":
            await s.stop(id)
        else:
            await s.clock.advance(61)
        assert (await s.show(id)).state == ("stopped" if who == "stop" else "expired")
        await s.invoke("f")


@pytest.mark.parametrize("who", ["expire", "retire"])
async def test_what_it_owes_is_sent(who: str, s: Service) -> None:
    await s.function("f", concurrency=0, max_event_age_seconds=60, on_failure="queue:ended")
    id = await s.invoke("f")
    if who == "retire":
        await s.delete("f")
    await s.clock.advance(61)
    [record] = await s.mail("queue:ended")
    assert (await s.show(id)).state == ("invalid" if who == "retire" else "expired")
    assert id in str(record)
