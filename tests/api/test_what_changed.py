"""The log says what changed: the field, who asked for it, and the revision; never a secret."""

from __future__ import annotations

import base64
import json
from typing import Any

from thence.catalog.code import pack
from thence.catalog.control import Control
from thence.config.settings import Secret
from thence.logs import facts
from thence.notices import FunctionChanged

ROOT = {"root_access_key_id": "root-key", "root_access_key_secret": Secret("s3cret")}
F = "/v1/functions/f"


def watched(server: Any) -> list[FunctionChanged]:
    said: list[FunctionChanged] = []
    server.notices.on(FunctionChanged, said.append)
    return said


async def test_a_deployment_tells_its_fields_its_revision_and_who(make_server: Any) -> None:
    server = await make_server(**ROOT)
    server.session.headers["Authorization"] = "Bearer root-key:s3cret"
    said = watched(server)
    await server.deploy(max_retries=1, environment={"TOKEN": "hush1"}, description="hush2")
    await server.deploy(
        max_retries=5, environment={"TOKEN": "hush3", "NEW": "hush4"}, description="hush5",
        on_success="https://example.com/hush6",
    )  # fmt: skip
    await server.request("DELETE", F)
    told = [(item.change, item.fields, item.revision, item.actor) for item in said]
    assert told == [
        ("created", (), 1, "root-key"),
        (
            "updated",
            ("environment.NEW", "environment.TOKEN", "description", "max_retries 1 -> 5",
             "on_success"),
            2,
            "root-key",
        ),
        ("deleted", (), 2, "root-key"),
    ]  # fmt: skip
    assert "hush" not in json.dumps([facts(item) for item in said])


async def test_every_change_around_a_function_is_told(server: Any) -> None:
    await server.deploy()
    said = watched(server)
    hook = {"type": "webhook", "url": "https://example.com/x", "headers": {"x-key": "hush"}}
    for method, path, body in (
        ("PUT", "/control", {"limit": 3, "disabled": None}),
        ("PUT", "/control", {"limit": 3, "disabled": "hush"}),
        ("PUT", "/control", {"limit": 3, "disabled": "hush again"}),
        ("PUT", "/control", {"limit": 3, "disabled": "hush again"}),
        ("PUT", "/control", {"limit": None, "disabled": None}),
        ("POST", "/versions", {}),
        ("PUT", "/aliases/prod", {"version": "1"}),
        ("PUT", "/aliases/prod", {"version": "1", "weights": {"latest": 0.5}}),
        ("PUT", "/async-configs/prod", {"max_retries": 1, "on_failure": hook}),
        ("PUT", "/async-configs/prod", {"max_retries": 1, "on_failure": "queue:q"}),
        ("DELETE", "/async-configs/prod", None),
        ("DELETE", "/aliases/prod", None),
        ("DELETE", "/versions/1", None),
    ):
        answer = await server.request(method, F + path, json=body)
        assert answer.status < 300, answer.body
    assert [item.fields for item in said] == [
        ("limit none -> 3",),
        ("disabled",),
        ("disabled: another reason",),
        ("put again",),
        ("limit 3 -> none", "enabled"),
        ("version 1 published",),
        ("alias prod: version none -> 1",),
        ("alias prod: weights {} -> {'latest': 0.5}",),
        ("async_config prod: max_retries 3 -> 1", "async_config prod: on_failure"),
        ("async_config prod: on_failure",),
        ("async_config prod deleted",),
        ("alias prod deleted",),
        ("version 1 deleted",),
    ]
    assert {(item.change, item.revision, item.actor) for item in said} == {
        ("updated", 1, "unauthenticated")
    }
    assert "hush" not in str(said)


async def test_what_is_asked_from_inside_is_local_and_other_code_is_said(server: Any) -> None:
    await server.deploy()
    said = watched(server)
    await server.engine.functions.put_control("f", Control(limit=1))
    assert said[0].actor == "local"
    code = base64.b64encode(b"UEsDB").decode()
    assert (await server.request("PUT", F, json={"code": code})).status == 400
    assert len(said) == 1  # what was refused changed nothing
    spec = server.engine.functions.get("f").spec
    await server.engine.functions.put("f", spec, pack([("main.py", b"# other")]))
    assert said[1].fields == ("code",) and said[1].revision == 2
    await server.engine.functions.put("f", spec, pack([("main.py", b"# other")]))
    assert said[2].fields == ("put again",) and said[2].revision == 3


async def test_no_caller_is_taken_for_the_one_before(make_server: Any) -> None:
    server = await make_server(**ROOT)
    said = watched(server)
    right = {"Authorization": "Bearer root-key:s3cret"}
    answer = await server.request("PUT", f"{F}/control", json={}, headers={})
    assert answer.status == 401 and said == []
    code = base64.b64encode(pack([("main.py", b"")])).decode()
    await server.request("PUT", F, json={"code": code}, headers=right)
    assert [item.actor for item in said] == ["root-key"]
