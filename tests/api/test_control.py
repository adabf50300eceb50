"""The control of a function at the native door: the limit over all versions, and the switch."""

from __future__ import annotations

from typing import Any

import pytest

from thence.notices import AttemptStarted
from thence.testing.answers import Forever

PATH = "/v1/functions/f/control"
ON = {"limit": None, "disabled": None}


async def test_a_function_has_no_limit_and_is_enabled_until_it_is_said_otherwise(
    server: Any,
) -> None:
    await server.deploy()
    shown = (await server.get(PATH)).json
    assert shown == {"function": "f", "limit": None, "disabled": None, "updated_at": None}
    answer = await server.request("PUT", PATH, json={"limit": 3, "disabled": None})
    assert answer.status == 200 and answer.json["limit"] == 3 and answer.json["updated_at"]
    assert (await server.get(PATH)).json == answer.json
    assert (await server.get("/v1/functions/f")).json["links"]["control"] == PATH


async def test_a_disabled_function_takes_no_calls_and_starts_nothing(server: Any) -> None:
    await server.deploy(answers=[1], concurrency=0)
    id = await server.accept()
    await server.request("PUT", PATH, json={"limit": None, "disabled": "maintenance"})
    await server.deploy(answers=[1], concurrency=1)
    for path in ("invocations", "invocations?qualifier=latest", "invocations:batch", "invoke"):
        kind = "application/x-ndjson" if "batch" in path else "application/json"
        answer = await server.post(
            f"/v1/functions/f/{path}", data=b"1", headers={"Content-Type": kind}
        )
        problem = answer.problem()
        assert (answer.status, problem["code"]) == (409, "function_disabled"), path
        assert problem["reason"] == "maintenance"
    why = (await server.get(f"/v1/invocations/{id}")).json["why"]
    assert why["code"] == "disabled" and "maintenance" in why["text"]
    await server.request("PUT", PATH, json=ON)
    assert (await server.ended(id))["state"] == "succeeded"


async def test_the_limit_holds_all_versions_back(server: Any) -> None:
    await server.deploy(answers=[1])
    await server.post("/v1/functions/f/versions", json={})
    await server.request("PUT", PATH, json={"limit": 0, "disabled": None})
    path = "/v1/functions/f/invocations?qualifier=1"
    id = (await server.post(path, data=b"{}")).json["id"]
    assert (await server.get(f"/v1/invocations/{id}")).json["why"]["code"] == "paused"
    await server.request("PUT", PATH, json={"limit": 1, "disabled": None})
    assert (await server.ended(id))["state"] == "succeeded"


@pytest.mark.parametrize("abort", [False, True])
async def test_what_runs_is_stopped_only_where_that_is_asked_for(server: Any, abort: bool) -> None:
    await server.deploy(answers=[Forever()])
    started = server.next(AttemptStarted)
    id = await server.accept()
    await started
    body = {"limit": None, "disabled": "", "abort": abort}
    answer = await server.request("PUT", PATH, json=body)
    assert answer.status == 200 and answer.json["disabled"] == ""
    if abort:
        assert (await server.ended(id))["state"] == "stopped"
    else:
        assert (await server.get(f"/v1/invocations/{id}")).json["state"] == "running"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "limit"),
        ({"limit": 1}, "disabled"),
        ({"disabled": "x"}, "limit"),
        ({**ON, "limit": -1}, "limit"),
        ({**ON, "limit": 1001}, "limit"),
        ({**ON, "limit": 1.5}, "limit"),
        ({**ON, "disabled": True}, "disabled"),
        ({**ON, "disabled": "x" * 1025}, "disabled"),
        ({**ON, "abort": True}, "abort"),
        ({**ON, "abort": "yes", "disabled": ""}, "abort"),
        ({**ON, "colour": "red"}, "colour"),
    ],
)
async def test_a_bad_control_is_refused_and_changes_nothing(
    server: Any, body: Any, field: str
) -> None:
    await server.deploy()
    before = (await server.request("PUT", PATH, json={"limit": 2, "disabled": "why"})).json
    answer = await server.request("PUT", PATH, json=body)
    assert (answer.status, answer.problem()["field"]) == (400, field)
    assert (await server.get(PATH)).json == before


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_the_control_of_no_function_is_not_found(server: Any, method: str) -> None:
    answer = await server.request(method, PATH)
    assert answer.status == 404 and answer.problem()["code"] == "function_not_found"
