"""What runs beside the engine is started in order and stopped in the reverse order."""

from __future__ import annotations

import pytest

from thence.errors import StartupError
from thence.services import Looped, Services


class Noted:
    def __init__(self, name: str, said: list[str], *, fails: bool = False) -> None:
        self.name, self.said, self.fails = name, said, fails

    async def start(self) -> None:
        if self.fails:
            raise StartupError("it cannot", setting="name")
        self.said.append(f"{self.name} starts")

    async def stop(self) -> None:
        self.said.append(f"{self.name} stops")


async def test_services_are_started_in_order_and_stopped_in_reverse() -> None:
    said: list[str] = []
    services = Services([Noted("metrics", said), Noted("doors", said), Noted("triggers", said)])
    await services.start()
    assert said == ["metrics starts", "doors starts", "triggers starts"]
    said.clear()
    await services.stop()
    assert said == ["triggers stops", "doors stops", "metrics stops"]


async def test_where_one_cannot_start_those_before_it_are_stopped() -> None:
    said: list[str] = []
    services = Services([Noted("a", said), Noted("b", said), Noted("c", said, fails=True)])
    with pytest.raises(StartupError):
        await services.start()
    assert said == ["a starts", "b starts", "b stops", "a stops"]


class Broken(Noted):
    async def stop(self) -> None:
        await super().stop()
        raise RuntimeError("it breaks")


async def test_one_that_breaks_while_it_stops_keeps_no_other_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said: list[str] = []
    services = Services([Noted("a", said), Broken("b", said), Noted("c", said)])
    await services.stop()
    assert said == ["c stops", "b stops", "a stops"]
    assert "stopping Broken failed" in caplog.text


async def test_why_one_cannot_start_is_said_whatever_breaks_while_the_others_stop() -> None:
    said: list[str] = []
    services = Services([Noted("a", said), Broken("b", said), Noted("c", said, fails=True)])
    with pytest.raises(StartupError):
        await services.start()
    assert said == ["a starts", "b starts", "b stops", "a stops"]


async def test_a_loop_is_a_service() -> None:
    said: list[str] = []

    class Loop:
        def start(self) -> None:
            said.append("starts")

        async def stop(self) -> None:
            said.append("stops")

    services = Services([Looped(Loop())])
    await services.start()
    await services.stop()
    assert said == ["starts", "stops"]
