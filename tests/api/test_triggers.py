"""Triggers over HTTP, with a kind that a package brings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.metadata import EntryPoint

import pytest
from msgspec import Struct

from thence import packages
from thence.notices import InvocationSettled
from thence.triggers import kinds
from thence.triggers.interface import Firing, Kind, Source, Tools

from .conftest import MakeServer, Server


class OnceConfig(Struct, forbid_unknown_fields=True):
    text: str


class Once:
    """Yields one text, then nothing more."""

    def __init__(self, config: OnceConfig, tools: Tools) -> None:
        self._text = config.text

    async def read(self, position: str, most: int) -> Sequence[Firing]:
        if position:
            await asyncio.Event().wait()
        return [Firing(key="only", payload=self._text.encode(), position="over")]

    async def close(self) -> None: ...


def _source(config: OnceConfig, tools: Tools) -> Source:
    return Once(config, tools)


KIND = Kind("once", "the moment when it is made", OnceConfig, _source)
ONCE = {"type": "once", "config": {"text": "7"}, "description": "just once"}


@pytest.fixture
async def server(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A service beside which a package is installed that brings `once`."""
    entry = EntryPoint("once", f"{__name__}:KIND", kinds.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: KIND)
    monkeypatch.setattr(
        packages, "entry_points", lambda group: [entry] if group == kinds.GROUP else []
    )
    server = await make_server()
    await server.deploy(answers=["ok"] * 5)
    return server


async def _put(server: Server, name: str = "t", **changes: object):
    return await server.request("PUT", f"/v1/functions/f/triggers/{name}", json={**ONCE, **changes})


async def test_one_is_made_fires_and_is_shown(server: Server):
    settled = asyncio.create_task(server.notices.wait_for(InvocationSettled))
    made = await _put(server)
    assert (made.status, made.headers["location"]) == (201, "/v1/functions/f/triggers/t")
    await asyncio.wait_for(settled, 20)
    shown = (await server.get("/v1/functions/f/triggers/t")).json
    assert (shown["state"], shown["fired"], shown["config"]) == ("watching", 1, {"text": "7"})
    assert shown["last_fired_at"] and shown["description"] == "just once"
    listed = (await server.get("/v1/functions/f/triggers")).json
    assert [item["name"] for item in listed["items"]] == ["t"] and listed["cursor"] is None
    assert (await _put(server, enabled=False)).status == 200
    assert (await server.get("/v1/functions/f/triggers/t")).json["state"] == "disabled"
    assert (await server.request("DELETE", "/v1/functions/f/triggers/t")).status == 204
    gone = await server.get("/v1/functions/f/triggers/t")
    assert gone.status == 404 and gone.problem()["code"] == "trigger_not_found"


async def test_a_list_is_paged(server: Server):
    for number in range(5):
        await _put(server, f"t{number}")
    first = (await server.get("/v1/functions/f/triggers?limit=3")).json
    rest = (await server.get(f"/v1/functions/f/triggers?limit=3&cursor={first['cursor']}")).json
    assert [item["name"] for item in first["items"] + rest["items"]] == [f"t{n}" for n in range(5)]


async def test_what_it_does_is_counted(server: Server):
    settled = asyncio.create_task(server.notices.wait_for(InvocationSettled))
    await _put(server)
    await asyncio.wait_for(settled, 20)
    text = (await server.get("/metrics")).body.decode()
    assert 'thence_triggers{state="watching",type="once"} 1.0' in text
    assert 'thence_triggers{state="failing",type="once"} 0.0' in text
    assert 'thence_trigger_firings_total{type="once"} 1.0' in text


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("type", {"type": "timer"}),
        ("config.text", {"config": {}}),
        ("config.txet", {"config": {"text": "1", "txet": 2}}),
        ("qualifier", {"qualifier": 3}),
        ("colour", {"colour": "red"}),
    ],
)
async def test_a_bad_one_is_refused_with_its_field(
    server: Server, field: str, changes: dict[str, object]
):
    refused = await _put(server, **changes)
    assert refused.status == 400 and refused.problem()["field"] == field
    assert (await server.get("/v1/functions/f/triggers")).json["items"] == []


async def test_where_no_kind_is_installed_that_is_said(make_server: MakeServer):
    server = await make_server()
    await server.deploy()
    refused = await _put(server)
    assert refused.status == 400
    assert "none is installed" in refused.problem()["detail"]
    assert (await _put(server, "no such name")).status == 400
