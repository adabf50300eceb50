"""Aliases by the door (reference 3)."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import FUNCTIONS, at, urn
from .deploying import body

ALIASES = "aliases"


@pytest.fixture
async def versioned(door: Any) -> Any:
    """A function with the versions v1 to v3."""
    found = await door.post(FUNCTIONS, json=body())
    assert found.status == 200, found.body
    for version in ("v1", "v2", "v3"):
        await door.engine.functions.publish_version("f", version=version)
    return door


async def create(door: Any, name: str = "prod", version: str = "v1", **fields: Any) -> Any:
    return await door.post(at(urn(), ALIASES), json={"name": name, "version": version, **fields})


async def update(door: Any, **fields: Any) -> Any:
    return await door.put(at(urn(), f"{ALIASES}/prod"), json=fields)


async def test_a_weight_is_the_percentage_of_calls_for_the_other_version(versioned: Any) -> None:
    found = await create(versioned, additional_version_weights={"v2": 30})
    assert found.json["additional_version_weights"] == {"v2": 30}
    assert versioned.engine.functions.alias("f", "prod").weights == {"v2": 0.3}
    for percent in range(101):
        found = await update(versioned, additional_version_weights={"v2": percent})
        assert found.json["additional_version_weights"] == {"v2": percent}


async def test_an_update_changes_what_it_names(versioned: Any) -> None:
    await create(versioned, description="d", additional_version_weights={"v2": 30})
    found = (await update(versioned, version="v3")).json
    assert (found["version"], found["description"]) == ("v3", "d")
    assert found["additional_version_weights"] == {"v2": 30}
    assert (await update(versioned, version="v2")).json["additional_version_weights"] == {}
    await update(versioned, additional_version_weights={"v1": 5})
    found = (await update(versioned, additional_version_weights={}, description="")).json
    assert (found["additional_version_weights"], found["description"]) == ({}, "")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"name": "latest"}, (400, "FSS.1014")),
        ({"name": "1st"}, (400, "FSS.1014")),
        ({"name": "a" * 65}, (400, "FSS.1014")),
        ({"version": ""}, (400, "FSS.1015")),
        ({"version": "v9"}, (404, "FSS.1052")),
        ({"name": "v2"}, (409, "FSS.1063")),
        ({"additional_version_weights": {"latest": 1}}, (400, "FSS.1091")),
        ({"additional_version_weights": {"v1": 1}}, (400, "FSS.1092")),
        ({"additional_version_weights": {"v2": 101}}, (400, "FSS.1093")),
        ({"additional_version_weights": {"v2": -1}}, (400, "FSS.1093")),
        ({"additional_version_weights": {"v2": 0.5}}, (400, "FSS.1093")),
        ({"additional_version_weights": {"v2": 1, "v3": 1}}, (400, "FSS.1093")),
        ({"additional_version_weights": {"v9": 1}}, (404, "FSS.1052")),
        ({"additional_version_strategy": {"v2": {"combine_type": "and"}}}, (400, "FSS.1014")),
        ({"description": "d" * 513}, (400, "FSS.1019")),
    ],
)
async def test_an_alias_that_cannot_be_is_refused(
    versioned: Any, fields: Any, wanted: tuple[int, str]
) -> None:
    assert (await create(versioned, **fields)).error() == wanted
    assert versioned.engine.functions.aliases("f") == []


async def test_a_version_is_the_main_one_of_at_most_one_alias(versioned: Any) -> None:
    assert (await create(versioned)).status == 200
    assert (await create(versioned, "other")).error() == (409, "FSS.1066")
    assert (await create(versioned, "other", "v2")).status == 200
    assert (await update(versioned, version="v2")).error() == (409, "FSS.1066")
    assert (await update(versioned, version="v1", description="same")).status == 200


async def test_latest_may_be_the_main_version(versioned: Any) -> None:
    assert (await create(versioned, version="latest")).json["version"] == "latest"


async def test_a_function_has_at_most_10_aliases(versioned: Any) -> None:
    for number in range(4, 13):
        await versioned.engine.functions.publish_version("f", version=f"v{number}")
    for number in range(1, 11):
        assert (await create(versioned, f"a{number}", f"v{number}")).status == 200
    assert (await create(versioned, "more", "v11")).error() == (403, "FSS.1043")


async def test_an_alias_that_is_not_there(versioned: Any) -> None:
    path = at(urn(), f"{ALIASES}/prod")
    for method in ("GET", "PUT", "DELETE"):
        assert (await versioned.request(method, path, json={})).error() == (404, "FSS.1053")
    missing = at(urn("none"), ALIASES)
    assert (await versioned.get(missing)).error() == (404, "FSS.1051")


async def test_a_list_is_a_bare_array(versioned: Any) -> None:
    assert (await versioned.get(at(urn(), ALIASES))).json == []
    await create(versioned)
    (found,) = (await versioned.get(at(urn(), ALIASES))).json
    assert found["alias_urn"] == urn(version="!prod")
