"""Versions by the door (reference 3)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from .conftest import FUNCTIONS, at, urn
from .deploying import archive, body

VERSIONS = "versions"


@pytest.fixture
async def deployed(door: Any) -> Any:
    found = await door.post(FUNCTIONS, json=body())
    assert found.status == 200, found.body
    return door


async def publish(door: Any, **fields: Any) -> Any:
    return await door.post(at(urn(), VERSIONS), json=fields)


async def change(door: Any, text: str) -> None:
    found = await door.put(at(urn(), "config"), json={"description": text})
    assert found.status == 200, found.body


async def names(door: Any) -> list[str]:
    found = (await door.get(at(urn(), VERSIONS))).json
    return [version["version"] for version in found["versions"]]


async def test_automatic_names_are_of_the_second_and_never_the_same(deployed: Any) -> None:
    made = []
    for text in ("1", "2", "3"):
        await change(deployed, text)
        made.append((await publish(deployed)).json["version"])
    assert len(set(made)) == 3 and made == sorted(made)
    assert await names(deployed) == ["latest", *reversed(made)]


async def test_unchanged_is_said_of_code_and_configuration_together(deployed: Any) -> None:
    assert (await publish(deployed, version="v1")).status == 200
    assert (await publish(deployed)).error() == (400, "FSS.1016")
    await change(deployed, "changed")
    assert (await publish(deployed, version="v2")).status == 200
    await change(deployed, "")
    # As v1 was, but not as the newest is.
    assert (await publish(deployed, version="v3")).status == 200


@pytest.mark.parametrize("algorithm", ["sha512", "md5"])
async def test_the_code_that_is_meant_may_be_said(deployed: Any, algorithm: str) -> None:
    digest = hashlib.new(algorithm, archive()).hexdigest()
    wrong = await publish(deployed, digest=digest[::-1])
    assert wrong.error() == (400, "FSS.0400") and wrong.message().startswith("digest")
    assert (await publish(deployed, digest=digest.upper())).status == 200


@pytest.mark.parametrize("version", ["latest", "Latest", "-v", "v.", "v" * 43, "!v", "a b"])
async def test_a_name_that_is_none_is_refused(deployed: Any, version: str) -> None:
    assert (await publish(deployed, version=version)).error() == (400, "FSS.1015")


async def test_a_function_has_at_most_20_versions(deployed: Any) -> None:
    for number in range(19):
        await change(deployed, str(number))
        assert (await publish(deployed, version=f"v{number}")).status == 200
    await change(deployed, "one more")
    assert (await publish(deployed)).error() == (403, "FSS.0403")
    assert (await deployed.delete(at(urn(version="v0"), "").rstrip("/"))).status == 204
    assert (await publish(deployed)).status == 200


async def test_only_latest_is_published_and_changed(deployed: Any) -> None:
    await publish(deployed, version="v1")
    for method, rest, fields in (
        ("POST", "versions", {}),
        ("PUT", "config", {"timeout": 9}),
        ("PUT", "code", {"code_type": "inline", "func_code": {"file": "cGFzcw=="}}),
    ):
        found = await deployed.request(method, at(urn(version="v1"), rest), json=fields)
        assert found.error() == (400, "FSS.1015")


async def test_a_version_shows_its_own_asynchronous_settings(deployed: Any) -> None:
    await publish(deployed, version="v1")
    await deployed.settings_of(urn(version="v1"), max_async_retry_attempts=2)
    latest, v1 = (await deployed.get(at(urn(), VERSIONS))).json["versions"]
    assert "function_async_config" not in latest
    assert v1["function_async_config"]["max_async_retry_attempts"] == 2


async def test_a_plain_name_is_a_version_and_one_with_a_mark_an_alias(deployed: Any) -> None:
    await publish(deployed, version="v1")
    found = await deployed.post(at(urn(), "aliases"), json={"name": "prod", "version": "v1"})
    assert found.status == 200
    assert (await deployed.get(at(urn(version="!prod"), "config"))).json["version"] == "v1"
    for version, code in (("prod", "FSS.1052"), ("!v1", "FSS.1053")):
        found = await deployed.get(at(urn(version=version), "config"))
        assert found.error() == (404, code)
