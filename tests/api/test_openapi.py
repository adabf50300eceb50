"""OpenAPI's document says what is taken and what is sent; and a fuzzer that is made from it finds
nothing."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs  # schemathesis's own
import msgspec
import pytest
from tests.doors.routes import ROUTES

from thence.api.native.openapi import describe
from thence.catalog.code import CodeLimits, check_archive
from thence.catalog.function import parse_spec

FUZZ_SECONDS = 20
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(describe(ROUTES)))


def answers(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    return document["paths"][path][method]["responses"]["200"]["content"]


async def test_what_functions_return_is_declared_as_it_is_sent(
    server: Any, document: dict[str, Any]
) -> None:
    await server.deploy(answers=[{"a": 1}])
    id = await server.accept()
    await server.ended(id)
    sent = {
        "/v1/functions/{name}/invoke": await server.post("/v1/functions/f/invoke", data=b"{}"),
        "/v1/invocations/{id}/result": await server.get(f"/v1/invocations/{id}/result"),
        "/v1/invocations/{id}/payload": await server.get(f"/v1/invocations/{id}/payload"),
    }
    for path, answer in sent.items():
        method = "post" if path.endswith("invoke") else "get"
        declared = answers(document, path, method)
        assert answer.status == 200
        assert {"application/json", "*/*"} == declared.keys(), path


@pytest.mark.parametrize(
    ("path", "name", "well", "wrong"),
    [
        ("/v1/functions/{name}", "name", ["f", "a-b_1", "s$f"], ["", "1f", "a.b", "a" * 129]),
        ("/v1/functions/{name}/aliases/{alias}", "alias", ["live", "1.2"], ["", "-x", "ü"]),
    ],
)
async def test_names_of_paths_are_declared_as_they_are_refused(
    server: Any, document: dict[str, Any], path: str, name: str, well: list[str], wrong: list[str]
) -> None:
    operation = document["paths"][path]["put"]
    (schema,) = [
        parameter["schema"] for parameter in operation["parameters"] if parameter["name"] == name
    ]
    assert all(re.search(schema["pattern"], item) for item in well)
    assert not any(re.search(schema["pattern"], item) for item in wrong)


def test_fields_of_a_function_are_declared_as_they_are_refused(document: dict[str, Any]) -> None:
    body = document["components"]["schemas"]["FunctionBody"]
    assert body["additionalProperties"] is False
    fields = body["properties"]
    assert "attributes" not in fields
    assert not re.search(fields["handler"]["pattern"], "main")
    assert re.search(fields["initializer"]["pattern"], "")
    assert {"type": "null"} in fields["on_success"]["anyOf"]
    assert "bucket:NAME/prefix" in fields["on_success"]["description"]
    assert fields["environment"]["propertyNames"]["pattern"]


@pytest.mark.parametrize(
    ("path", "method", "body", "well"),
    [
        ("/v1/functions/{name}/control", "PUT", {"limit": None, "disabled": None}, True),
        ("/v1/functions/{name}/control", "PUT", {"limit": None}, False),
        (
            "/v1/functions/{name}/control",
            "PUT",
            {"limit": None, "disabled": None, "abort": True},
            False,
        ),
        ("/v1/functions/{name}/control", "PUT", {"limit": 1, "disabled": "", "abort": True}, True),
        ("/v1/dead-letters:redrive", "POST", {}, False),
        ("/v1/dead-letters:redrive", "POST", {"function": None}, False),
        ("/v1/dead-letters:redrive", "POST", {"all": True}, True),
        ("/v1/dead-letters:redrive", "POST", {"dry_run": True}, True),
        ("/v1/dead-letters:redrive", "POST", {"function": "f"}, True),
        ("/v1/dead-letters:redrive", "POST", {"all": True, "qualifier": "latest"}, False),
        ("/v1/dead-letters:redrive", "POST", {"all": True, "qualifier": None}, True),
        ("/v1/dead-letters:redrive", "POST", {"function": "f", "qualifier": "latest"}, True),
        ("/v1/dead-letters:redrive", "POST", {"reason": "not_retryable"}, True),
        ("/v1/dead-letters:redrive", "POST", {"reason": "ValueError"}, False),
        ("/v1/dead-letters:redrive", "POST", {"since": 1_800_000_000}, False),
        ("/v1/dead-letters:redrive", "POST", {"since": 1_800_000_000_000}, True),
        ("/v1/dead-letters:redrive", "POST", {"since": "2026-01-02T03:04:05Z"}, True),
        ("/v1/functions/{name}/versions", "POST", {"note": "n" * 1024, "version": "v2"}, True),
        ("/v1/functions/{name}/versions", "POST", {"note": "n" * 1025}, False),
        ("/v1/functions/{name}/versions", "POST", {"version": None}, True),
        ("/v1/functions/{name}/versions", "POST", {"version": "Latest"}, False),
        ("/v1/functions/{name}/versions", "POST", {"version": "latest2"}, True),
        ("/v1/functions/{name}/versions", "POST", {"version": "a b"}, False),
        ("/v1/functions/{name}/aliases/a", "PUT", {"version": "1", "weights": {"2": 1}}, True),
        ("/v1/functions/{name}/aliases/a", "PUT", {"version": "1", "weights": {"2": 1.1}}, False),
        ("/v1/functions/{name}/aliases/a", "PUT", {"version": "1", "weights": {"2": True}}, False),
    ],
)
async def test_rules_of_bodies_are_declared_as_they_are_refused(
    server: Any, document: dict[str, Any], path: str, method: str, body: Any, well: bool
) -> None:
    known = path.replace("/aliases/a", "/aliases/{alias}")
    declared = document["paths"][known][method.lower()]["requestBody"]
    schema = declared["content"]["application/json"]["schema"]
    whole = {"components": document["components"], **schema}
    assert jsonschema_rs.validator_for(whole).is_valid(body) == well
    await server.deploy()
    if known != path:
        for _ in ("1", "2"):
            await server.post("/v1/functions/f/versions", json={})
    answer = await server.request(method, path.replace("{name}", "f"), json=body)
    assert answer.status == 400 if not well else answer.status in (200, 201), answer.body


def test_what_a_schema_cannot_say_is_in_the_descriptions(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert "first_seconds is at most cap_seconds" in schemas["RetryWait"]["description"]
    assert "together at most 1" in schemas["AliasBody"]["description"]
    for name in ("FunctionBody", "AsyncConfigBody"):
        assert (
            "no\ncycle" in schemas[name]["description"]
            or "no cycle" in schemas[name]["description"]
        )
    (since,) = [
        parameter
        for parameter in document["paths"]["/v1/invocations"]["get"]["parameters"]
        if parameter["name"] == "since"
    ]
    assert "before `until`" in since["description"]


def test_the_example_of_a_function_can_be_deployed(document: dict[str, Any]) -> None:
    body = document["paths"]["/v1/functions/{name}"]["put"]["requestBody"]["content"]
    example = dict(body["application/json"]["example"])
    info = check_archive(base64.b64decode(example.pop("code")), CodeLimits())
    assert info is not None
    parse_spec(example)


@pytest.mark.slow
async def test_a_fuzzer_that_knows_the_document_finds_no_fault(server: Any, tmp_path: Path) -> None:
    """Some thousand requests, some of them against the document. THENCE_FUZZ_SEED repeats a run."""
    seed = int(os.environ.get("THENCE_FUZZ_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}: repeat with THENCE_FUZZ_SEED={seed}")
    await server.deploy(answers=[{"a": 1}])
    await server.ended(await server.accept())
    fuzzer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/v1/openapi.json"),
        *("--exclude-path", "/v1/events"),  # it has no end
        *("--exclude-path", "/v1/functions/{name}/invocations:batch"),  # it cannot write NDJSON
        *("--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "5"),
        *("--seed", str(seed), "--max-time", str(FUZZ_SECONDS), "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await fuzzer.communicate()
    report = said.decode()
    assert fuzzer.returncode == 0, f"seed {seed}\n{report[-6000:]}"
    made = re.search(r"(\d+) generated", report)
    assert made is not None and int(made[1]) > 100, report[-2000:]
