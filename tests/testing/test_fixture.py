"""The fixture that users get with the package."""

from __future__ import annotations

from importlib.metadata import entry_points

from thence.testing import Service

pytest_plugins = ["thence.testing.fixtures"]


async def test_the_fixture_is_a_running_service(thence_service: Service) -> None:
    await thence_service.function("f", answers=["ok"])
    id = await thence_service.invoke("f")
    await thence_service.settle()
    assert (await thence_service.show(id)).state == "succeeded"


def test_pytest_finds_the_fixture_where_thence_is_installed() -> None:
    found = [
        point.value for point in entry_points(group="pytest11") if point.value.startswith("thence")
    ]
    assert found == ["thence.testing.fixtures"]
