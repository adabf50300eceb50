"""What a deployment says: what it changes and resets, and what will hardly work."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from tests.doors.served import served

from thence.catalog.code import pack
from thence.config import Settings
from thence.config.settings import Destinations

from .conftest import Server

F = "/v1/functions/f"


def packed(code: str) -> str:
    return base64.b64encode(pack([("main.py", code.encode())])).decode()


CODE = packed("def handler(event, context): ...")


async def put(server: Any, **body: Any) -> Any:
    answer = await server.request("PUT", F, json=body)
    assert answer.status in (200, 201), answer.body
    return answer.json


async def test_a_new_function_has_no_changes(server: Any) -> None:
    assert (await put(server, code=CODE, max_retries=1))["changes"] == []


async def test_what_changes_is_said_field_by_field_and_what_is_reset(server: Any) -> None:
    await put(server, code=CODE, timeout_seconds=300, max_retries=7, on_failure="queue:dead")
    changes = (await put(server, concurrency=0, max_retries=5))["changes"]
    assert changes == [
        {"field": "timeout_seconds", "before": 300, "after": 60, "reset": True},
        {"field": "concurrency", "before": 10, "after": 0, "reset": False},
        {"field": "max_retries", "before": 7, "after": 5, "reset": False},
        {"field": "on_failure", "before": "queue:dead", "after": None, "reset": True},
    ]
    assert (await put(server, concurrency=0, max_retries=5))["changes"] == []


async def test_other_code_is_a_change(server: Any) -> None:
    first = await put(server, code=CODE)
    second = await put(server, code=packed("def handler(event, context): return 1"))
    assert second["changes"] == [
        {"field": "code", "before": first["code_digest"], "after": second["code_digest"],
         "reset": False}
    ]  # fmt: skip


async def test_an_environment_is_told_by_its_names_and_secrets_stay_secret(server: Any) -> None:
    hook: dict[str, Any] = {"type": "webhook", "url": "https://example.com/x"}
    keys = [f"whsec_{base64.b64encode(item * 24).decode()}" for item in (b"a", b"b")]
    await put(
        server, code=CODE, environment={"KEPT": "k", "OLD": "hush1", "TOKEN": "hush2"},
        on_success={**hook, "secrets": [keys[0]], "headers": {"x-key": "hush3"}},
    )  # fmt: skip
    answer = await server.request(
        "PUT",
        F,
        json={
            "environment": {"KEPT": "k", "TOKEN": "hush4", "NEW": "hush5"},
            "on_success": {**hook, "secrets": [keys[1]], "headers": {"x-key": "hush3"}},
        },
    )
    told = {
        change["field"]: (change["before"], change["after"]) for change in answer.json["changes"]
    }
    shown = told.pop("on_success")
    assert told == {
        "environment.NEW": (None, "…"),
        "environment.OLD": ("…", None),
        "environment.TOKEN": ("…", "…"),
    }
    assert shown[0] == shown[1]  # only what is not shown differs
    assert b"hush" not in str(answer.json["changes"]).encode()
    assert all(key not in str(shown) for key in keys)


async def test_a_configuration_of_latest_that_goes_is_a_change(server: Any) -> None:
    await put(server, code=CODE)
    await server.request("PUT", f"{F}/async-configs/latest", json={"max_retries": 8})
    (change,) = (await put(server))["changes"]
    assert change == {"field": "max_retries", "before": 8, "after": 3, "reset": True}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("function:nosuch", "no function 'nosuch' yet"),
        ({"type": "function", "name": "nosuch"}, "no function 'nosuch' yet"),
        ("http://10.1.2.3/x", "destinations.allow_networks"),
        ("http://[::1]:9/x", "destinations.allow_networks"),
        ("http://169.254.169.254/latest", "destinations.allow_networks"),
        ("http://localhost:9/x", "destinations.allow_networks"),
        ("http://2130706433/x", "destinations.allow_networks"),
        ("https://example.com/x", None),
        ("queue:q", None),
        ("function:there", None),
    ],
)
async def test_a_destination_that_will_take_no_record_is_warned_of(
    server: Any, written: Any, says: str | None
) -> None:
    await server.deploy("there")
    config = f"{F}/async-configs/latest"
    for path, body in ((F, {"code": CODE}), (config, {})):
        for field in ("on_success", "on_failure"):
            answer = await server.request("PUT", path, json={**body, field: written})
            assert answer.status in (200, 201), answer.body
            warnings = answer.json["warnings"]
            assert len(warnings) == (says is not None)
            assert says is None or (says in warnings[0] and warnings[0].startswith(f"{field}: "))


@pytest.mark.parametrize(
    ("body", "warned"),
    [
        (
            {"max_event_age_seconds": 60, "retry_wait": {"first_seconds": 60, "jitter": "none"}},
            True,
        ),
        (
            {"max_event_age_seconds": 60, "retry_wait": {"first_seconds": 59, "jitter": "none"}},
            False,
        ),
        ({"max_event_age_seconds": 20, "retry_wait": {"first_seconds": 40}}, True),
        ({"max_event_age_seconds": 20, "retry_wait": {"first_seconds": 39}}, False),
        (
            {"max_event_age_seconds": 1, "retry_wait": {"first_seconds": 60, "jitter": "full"}},
            False,
        ),
        (
            {
                "max_event_age_seconds": 60,
                "retry_wait": {"first_seconds": 60, "jitter": "none"},
                "max_retries": 0,
            },
            False,
        ),
    ],
)
async def test_retries_that_can_never_be_are_warned_of(
    server: Any, body: dict[str, Any], warned: bool
) -> None:
    for path, more in ((F, {"code": CODE}), (f"{F}/async-configs/latest", {})):
        answer = await server.request("PUT", path, json={**body, **more})
        assert answer.status in (200, 201), answer.body
        said = answer.json["warnings"]
        assert ["leaves no retry within max_event_age_seconds" in item for item in said] == (
            [True] if warned else []
        )


async def test_an_address_that_is_opened_is_not_warned_of(make_server: Any) -> None:
    server = await make_server(destinations=Destinations(allow_networks=("127.0.0.0/8",)))
    answer = await put(server, code=CODE, on_success="http://localhost:9/x")
    assert answer["warnings"] == []


async def test_code_is_refused_at_this_door_unless_it_is_not_to_be_checked(tmp_path: Path) -> None:
    """Real instances: what is refused changes nothing, `check=false` takes it as it is."""
    bad = {"code": packed("import no_such_thing"), "environment": {"TOKEN": "hush"}}
    async with served(Server, Settings(data_dir=str(tmp_path / "data")), scripted=False) as server:
        refused = await server.put(F, json=bad)
        found = refused.problem()
        assert (refused.status, found["code"]) == (400, "code_not_loaded")
        assert found["missing"] == "no_such_thing" and "hush" not in str(found)
        assert "main.py" in found["error"]["stack"]
        assert (await server.get(F)).status == 404
        assert (await server.put(F + "?check=false", json=bad)).status == 201
        good = await server.put(F, json={"code": packed("x = {}['gone']\ndef handler(e, c): ...")})
        assert good.status == 200 and "KeyError: 'gone'" in good.json["warnings"][0]
