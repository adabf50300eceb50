"""Functions at the door: deploy, replace, look, list, delete, and what is refused."""

from __future__ import annotations

import base64
import io
import json
import stat
import zipfile
from typing import Any

import pytest

from thence.config.settings import Limits

from .wire import until

F = "/v1/functions/f"


def archive(**members: bytes) -> str:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return base64.b64encode(data.getvalue()).decode()


CODE = archive(**{"main.py": b"def handler(event, context): return 1"})


async def test_a_new_function_is_created_and_replaced_with_its_code_kept(server: Any) -> None:
    answer = await server.request("PUT", F, json={"code": CODE, "timeout_seconds": 5})
    assert answer.status == 201 and answer.headers["location"] == F
    assert answer.json["revision"] == 1 and answer.json["timeout_seconds"] == 5
    assert answer.json["links"]["invocations"] == f"{F}/invocations"
    again = await server.request("PUT", F, json={"concurrency": 2})
    assert again.status == 200 and again.json["revision"] == 2
    assert again.json["code_digest"] == answer.json["code_digest"]
    assert again.json["timeout_seconds"] == 60  # what is not said has its default
    shown = (await server.get(F)).json
    assert shown | {"changes": again.json["changes"], "warnings": []} == again.json


async def test_secrets_of_destinations_are_not_shown(server: Any) -> None:
    secret = "whsec_" + base64.b64encode(b"s" * 24).decode()
    hook = {
        "type": "webhook",
        "url": "https://example.com/x",
        "secrets": [secret],
        "headers": {"X-Key": "hush"},
    }
    answer = await server.request("PUT", F, json={"code": CODE, "on_success": hook})
    for body in (answer.body, (await server.get(F)).body, (await server.get("/v1/functions")).body):
        assert b"hush" not in body and secret[6:].encode() not in body
    assert answer.json["on_success"]["url"] == "https://example.com/x"


async def test_a_deleted_function_is_gone_and_what_waited_is_invalid(server: Any) -> None:
    await server.deploy(concurrency=0, on_failure="queue:dead")
    id = await server.accept()
    assert (await server.request("DELETE", F)).status == 204
    for answer in (await server.get(F), await server.request("DELETE", F)):
        assert answer.status == 404 and answer.problem()["code"] == "function_not_found"
    assert (await server.ended(id))["reason"] == "function_deleted"
    server.engine.parts.retire.loop.wake()
    await until(lambda: not server.engine.parts.lanes.all())  # nothing of it is under way
    listed = await server.get("/v1/invocations?function=f")
    assert [item["id"] for item in listed.json["items"]] == [id]
    owed = await server.get("/v1/deliveries?function=f")
    assert [item["function"] for item in owed.json["items"]] == ["f"]


async def test_functions_are_listed_by_name_in_pages(server: Any) -> None:
    for name in "bdace":
        await server.deploy(name)
    found, cursor = [], ""
    while True:
        page = (await server.get(f"/v1/functions?limit=2{cursor}")).json
        found += [item["name"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    assert found == list("abcde")
    bad = await server.get("/v1/functions?cursor=%20")
    assert bad.status == 400 and bad.problem()["field"] == "cursor"


def evil(name: str, mode: int = 0) -> str:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        file.writestr(member, b"/etc/passwd")
    return base64.b64encode(data.getvalue()).decode()


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "code", "invalid_input"),
        ({"code": "%%%"}, "code", "invalid_input"),
        ({"code": 7}, "code", "invalid_input"),
        ({"code": base64.b64encode(b"no zip").decode()}, "code", "invalid_code"),
        ({"code": CODE[:100]}, "code", "invalid_code"),
        ({"code": evil("../out.py")}, "code", "invalid_code"),
        ({"code": evil("/etc/x.py")}, "code", "invalid_code"),
        ({"code": evil("link", stat.S_IFLNK | 0o777)}, "code", "invalid_code"),
        ({"code": archive(big=b"\0" * 30_000_000)}, "code", "invalid_code"),
        ({"code": CODE, "colour": "red"}, "colour", "invalid_input"),
        ({"code": CODE, "retry_wait": {"factr": 2}}, "retry_wait.factr", "invalid_input"),
        ({"code": CODE, "handler": "../main"}, "handler", "invalid_input"),
        ({"code": CODE, "handler": "main"}, "handler", "invalid_input"),
        ({"code": CODE, "timeout_seconds": 0}, "timeout_seconds", "invalid_input"),
        ({"code": CODE, "timeout_seconds": 1e99}, "timeout_seconds", "invalid_input"),
        ({"code": CODE, "timeout_seconds": "5"}, "timeout_seconds", "invalid_input"),
        ({"code": CODE, "memory_mb": 1}, "memory_mb", "invalid_input"),
        ({"code": CODE, "concurrency": -1}, "concurrency", "invalid_input"),
        ({"code": CODE, "concurrency": 1.5}, "concurrency", "invalid_input"),
        ({"code": CODE, "max_retries": 9}, "max_retries", "invalid_input"),
        ({"code": CODE, "max_event_age_seconds": 0}, "max_event_age_seconds", "invalid_input"),
        ({"code": CODE, "runtime": "cobol"}, "runtime", "invalid_input"),
        ({"code": CODE, "environment": {"THENCE_X": "1"}}, "environment.THENCE_X", "invalid_input"),
        ({"code": CODE, "on_success": "nowhere"}, "on_success", "invalid_input"),
        ({"code": CODE, "on_failure": {"type": "queue"}}, "on_failure.name", "invalid_input"),
        ({"code": CODE, "on_success": "function:f"}, "on_success", "destination_cycle"),
        (
            {"code": CODE, "retry_wait": {"first_seconds": 60.5}},
            "retry_wait.first_seconds",
            "invalid_input",
        ),
        ([1], "body", "invalid_input"),
    ],
)
async def test_a_bad_function_is_refused_and_nothing_is_stored(
    server: Any, body: Any, field: str, code: str
) -> None:
    answer = await server.request("PUT", F, json=body)
    problem = answer.problem()
    assert (answer.status, problem["code"], problem["field"]) == (400, code, field)
    assert (await server.get(F)).status == 404
    assert (await server.get("/v1/functions")).json["items"] == []


async def test_a_cycle_of_destinations_is_spelled_out(server: Any) -> None:
    await server.deploy("a", on_success="function:b")
    await server.deploy("b", on_failure="function:c")
    answer = await server.request(
        "PUT", "/v1/functions/c", json={"code": CODE, "on_success": "function:a"}
    )
    assert answer.status == 400 and answer.problem()["cycle"] == ["c", "a", "b", "c"]
    assert (await server.get("/v1/functions/c")).status == 404


@pytest.mark.parametrize("name", ["1f", "a.b", "x" * 129, "a%20b", "%00", "-"])
async def test_a_bad_name_is_refused(server: Any, name: str) -> None:
    answer = await server.request("PUT", f"/v1/functions/{name}", json={"code": CODE})
    assert answer.status == 400 and answer.problem()["field"] == "name"


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"a":1}x', b"\xff\xfe", b"[" * 100_000, b'{"handler": "\\ud800"}']
)
async def test_a_body_that_is_not_json_is_refused(server: Any, data: bytes) -> None:
    answer = await server.request("PUT", F, data=data, headers={"Content-Type": "application/json"})
    assert answer.status == 400 and answer.problem()["field"] == "body"


async def test_a_body_of_another_type_is_refused(server: Any) -> None:
    answer = await server.request("PUT", F, data=b"PK", headers={"Content-Type": "application/zip"})
    assert answer.status == 415 and answer.problem()["code"] == "unsupported_media_type"


async def test_a_body_over_the_limit_of_code_is_refused(make_server: Any) -> None:
    server = await make_server(limits=Limits(code_bytes_max=1000))
    for code, status in ((base64.b64encode(b"x" * 1001).decode(), 400), ("A" * 400_000, 413)):
        answer = await server.request(
            "PUT", F, data=json.dumps({"code": code}), headers={"Content-Type": "application/json"}
        )
        problem = answer.problem()
        assert answer.status == status and problem["field"] == "code"
    assert "an archive of 1000 bytes (limits.code_bytes_max)" in problem["detail"]


async def test_a_body_over_the_bound_of_all_is_told_so_and_not_as_one_of_code(
    make_server: Any,
) -> None:
    server = await make_server(limits=Limits(unproven_bytes_max=100_000))
    answer = await server.request("PUT", "/v1/functions/f", json={"code": "A" * 120_000})
    problem = answer.problem()
    assert (problem["status"], problem["limit_bytes"]) == (413, 100_000)
    assert "limits.unproven_bytes_max" in problem["detail"]
    assert "code" not in problem["detail"]
