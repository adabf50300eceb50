"""What the vendor's clients sent, byte for byte: recorded on 2026-11-22 from alibabacloud_fc20230330
4.8.3, alibabacloud_fc_open20210406 2.0.12 and aliyun-fc2 2.5.2 (reference 1.4, 1.5 and 14).

Two signatures were kept, the others are made again as those clients make them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from thence.catalog.alias import Alias
from thence.catalog.code import pack
from thence.catalog.function import parse_spec
from thence.lifecycle.ids import parse_id
from thence.testing.answers import Forever, Ok

from .signed import (
    ACS3_KEY,
    ACS3_NOW,
    FC_KEY,
    FC_NOW,
    HOST,
    Answer,
    Head,
    Port,
    acs3_head,
    fc_head,
    serving,
    signed_acs3,
    signed_fc,
)

CODE = pack([("index.py", b"def handler(event, context): ...\n")])
ZIP = base64.b64encode(CODE).decode()
JSON = "application/json; charset=utf-8"
BYTES = "application/octet-stream"
ASYNC_3: Head = [
    ("x-fc-async-task-id", "task-1795359253"),
    ("x-fc-invocation-type", "Async"),
    ("x-fc-log-type", "None"),
]
ASYNC_2: Head = [
    ("X-Fc-Account-Id", "123456789"),
    ("X-Fc-Invocation-Type", "Async"),
    ("X-Fc-Log-Type", "None"),
    ("X-Fc-Stateful-Async-Invocation-Enable", "true"),
    ("X-Fc-Stateful-Async-Invocation-Id", "task-1795359254"),
]
FUNCTION = "/2023-03-30/functions/smoke-fc3-1795359253"
SERVICE = "/2021-04-06/services/smoke-svc-1795359254"
RECORDED_ACS3 = "db361f19573e3a903ccf4b13c869e88de884a8fe28d47721ee998a46d560dc70"
RECORDED_FC = "FC AK:uORZvcVxtHSZmzn2jsky/u+9zaNTcwQN2uMzcPqMS7o="


class Client:
    """One of the two OpenAPI clients: `ask` sends what it sent."""

    def __init__(self, port: Port, version: str) -> None:
        self.port = port
        self.version = version

    async def ask(
        self,
        action: str,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str | None = None,
        host: str = HOST,
        more: Head | None = None,
    ) -> Answer:
        if method in ("PUT", "DELETE") and body is None:
            body = b""  # they send Content-Length: 0
        head = acs3_head(
            action,
            nonce=self.port.nonce(),
            version=self.version,
            body=body,
            content_type=content_type,
            host=host,
            more=more,
        )
        head = signed_acs3(method, target, head, body or b"")
        return await self.port.send(method, target, head, body or b"")


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[Port]:
    async with serving(tmp_path, ACS3_KEY, ACS3_NOW, "123456789") as found:
        yield found


@pytest.fixture
async def old_port(tmp_path: Path) -> AsyncIterator[Port]:
    async with serving(tmp_path, FC_KEY, FC_NOW, "1") as found:
        yield found


async def deploy(port: Port, name: str, version: bool = False) -> None:
    await port.engine.functions.put(name, parse_spec({}), CODE)
    if version:
        await port.engine.functions.publish_version(name)


def by_payload(run: Any) -> Any:
    """`{"sleep": 30}` does not end by itself, all else is echoed."""
    return Forever() if b"sleep" in run.payload else Ok(run.payload, log=b"a line\n")


# ---------------------------------------------------------------- FC 3.0 (14.1)


async def test_the_recorded_asynchronous_call_of_fc_3_is_taken_with_its_own_signature(
    port: Port,
) -> None:
    await deploy(port, "smoke-fc3-1795359253")
    target, body = f"{FUNCTION}/invocations?qualifier=LATEST", b'{"sleep": 30}'
    head = acs3_head(
        "InvokeFunction",
        nonce="e1b8438b29423c2c06a8785b43d425ac",
        body=body,
        content_type=BYTES,
        more=ASYNC_3,
    )
    head = signed_acs3("POST", target, head, body)
    assert head[-1][1].endswith(f",Signature={RECORDED_ACS3}")
    answer = await port.send("POST", target, head, body)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["x-fc-async-task-id"] == "task-1795359253"
    assert await port.accepted() == 1


async def test_the_recorded_dialogue_of_fc_3(port: Port) -> None:
    await deploy(port, "on-failure")
    port.scripts.set("smoke-fc3-1795359253", by_payload)
    client = Client(port, "2023-03-30")
    create = (
        f'{{"code":{{"zipFile":"{ZIP}"}},"cpu":0.1,"description":"sdk smoke test","diskSize":512,'
        '"environmentVariables":{"SMOKE":"1"},"functionName":"smoke-fc3-1795359253",'
        '"handler":"index.handler","memorySize":128,"runtime":"python3.10","tags":[],"timeout":60}'
    ).encode()
    made = await client.ask(
        "CreateFunction", "POST", "/2023-03-30/functions", create, content_type=JSON
    )
    assert made.status == 200, made.body
    got = await client.ask("GetFunction", "GET", FUNCTION)
    assert got.status == 200 and got.json == made.json
    assert got.json["functionArn"] == (
        "acs:fc:cn-hangzhou:123456789:functions/smoke-fc3-1795359253"
    )
    await _configure_3(client)
    await _call_3(client)
    sync = await client.ask(
        "InvokeFunction",
        "POST",
        f"{FUNCTION}/invocations",
        b'{"a": 1}',
        content_type=BYTES,
        more=[("x-fc-invocation-type", "Sync"), ("x-fc-log-type", "Tail")],
    )
    assert (sync.status, sync.body) == (200, b'{"a": 1}')
    assert base64.b64decode(sync.headers["x-fc-log-result"]) == b"a line\n"
    config = f"{FUNCTION}/async-invoke-config?qualifier=LATEST"
    assert (await client.ask("DeleteAsyncInvokeConfig", "DELETE", config)).status == 204
    assert (await client.ask("DeleteFunction", "DELETE", FUNCTION)).status == 204
    gone = await client.ask("GetFunction", "GET", FUNCTION)
    assert gone.error()[:2] == (404, "FunctionNotFound")


async def _configure_3(client: Client) -> None:
    body = (
        b'{"asyncTask":true,"destinationConfig":{"onFailure":{"destination":'
        b'"acs:fc:cn-hangzhou:123456789:functions/on-failure"},"onSuccess":{"destination":'
        b'"acs:mns:cn-hangzhou:123456789:/queues/ok/messages"}},"maxAsyncEventAgeInSeconds":3600,'
        b'"maxAsyncRetryAttempts":2}'
    )
    target = f"{FUNCTION}/async-invoke-config?qualifier=LATEST"
    put = await client.ask("PutAsyncInvokeConfig", "PUT", target, body, content_type=JSON)
    assert put.status == 200, put.body
    for name, value in json.loads(body).items():
        assert put.json[name] == value
    got = await client.ask("GetAsyncInvokeConfig", "GET", target)
    assert got.json == put.json
    listed = await client.ask(
        "ListAsyncInvokeConfigs",
        "GET",
        "/2023-03-30/async-invoke-configs?functionName=smoke-fc3-1795359253&limit=20",
    )
    assert listed.json["configs"] == [put.json]


async def _call_3(client: Client) -> None:
    running = client.port.started()
    called = await client.ask(
        "InvokeFunction",
        "POST",
        f"{FUNCTION}/invocations?qualifier=LATEST",
        b'{"sleep": 30}',
        content_type=BYTES,
        more=ASYNC_3,
    )
    assert called.status == 202
    await running
    one = f"{FUNCTION}/async-tasks/task-1795359253"
    got = await client.ask("GetAsyncTask", "GET", f"{one}?qualifier=LATEST")
    assert got.status == 200, got.body
    assert got.json["requestId"] == called.headers["x-fc-request-id"]
    assert got.json["taskPayload"] == '{"sleep": 30}'
    listed = await client.ask(
        "ListAsyncTasks",
        "GET",
        f"{FUNCTION}/async-tasks?includePayload=True&limit=10&prefix=task-&qualifier=LATEST"
        "&sortOrderByTime=desc&startedTimeBegin=1795355653000&startedTimeEnd=1795362853000"
        "&status=Running",
    )
    assert [task["taskId"] for task in listed.json["tasks"]] == ["task-1795359253"]
    stopped = await client.ask("StopAsyncTask", "PUT", f"{one}/stop?qualifier=LATEST")
    assert (stopped.status, stopped.body) == (202, b"")


OTHERS = [
    ("PublishFunctionVersion", "POST", "f/versions", b'{"description":"v"}', 200),
    (
        *("CreateAlias", "POST", "f/aliases"),
        *(b'{"additionalVersionWeight":{"2":0.1},"aliasName":"prod","versionId":"1"}', 200),
    ),
    ("PutConcurrencyConfig", "PUT", "f/concurrency", b'{"reservedConcurrency":5}', 200),
    (
        *("DisableFunctionInvocation", "POST", "f/invoke/disable"),
        *(b'{"abortOngoingRequest":true,"reason":"r"}', 200),
    ),
    (
        *("PutAsyncInvokeConfig", "PUT", "f/async-invoke-config"),
        *(b'{"maxAsyncRetryAttempts":0}', 200),
    ),
]


@pytest.mark.parametrize(("action", "method", "path", "body", "status"), OTHERS)
async def test_other_recorded_requests_of_fc_3(
    port: Port, action: str, method: str, path: str, body: bytes, status: int
) -> None:
    await deploy(port, "f", version=True)
    await port.engine.functions.publish_version("f")
    target = f"/2023-03-30/functions/{path}"
    answer = await Client(port, "2023-03-30").ask(action, method, target, body, content_type=JSON)
    assert answer.status == status, answer.body
    given = json.loads(body)
    for name in set(given) & set(answer.json):
        assert answer.json[name] == given[name]


async def test_a_recorded_delay_among_common_headers_is_signed_and_kept(port: Port) -> None:
    await deploy(port, "f")
    answer = await Client(port, "2023-03-30").ask(
        "InvokeFunction",
        "POST",
        "/2023-03-30/functions/f/invocations",
        b"x",
        content_type=BYTES,
        more=[("x-fc-async-delay", "15"), ("x-fc-invocation-type", "Async")],
    )
    assert answer.status == 202
    assert port.scripts.starts == []  # its time has not come, and the clock stands still


async def test_an_encoded_slash_and_other_letters_in_a_path_are_one_name(port: Port) -> None:
    answer = await Client(port, "2023-03-30").ask(
        "GetFunction", "GET", "/2023-03-30/functions/%E5%90%8D%20%E5%89%8D%2Fx"
    )
    status, code, message = answer.error()
    assert (status, code) == (400, "InvalidArgument") and "'名 前/x'" in message


@pytest.mark.parametrize(
    "query",
    [
        "limit=5&prefix=a&tags=%5B%7B%22Key%22%3A%22k%22%2C%22Value%22%3A%22v%22%7D%5D",
        "description=&limit=3&prefix=a+b%2A~c%2B%2F%3D%26%E4%B8%AD",
    ],
)
async def test_queries_as_recorded_are_read_and_signed_right(port: Port, query: str) -> None:
    await deploy(port, "b")
    answer = await Client(port, "2023-03-30").ask(
        "ListFunctions", "GET", f"/2023-03-30/functions?{query}"
    )
    assert answer.status == 200, answer.body
    assert answer.json == {"functions": []}


@pytest.mark.parametrize("host", ["http://127.0.0.1:18901", "http://127.0.0.1:18901/"])
async def test_a_host_header_with_a_scheme_in_it_is_taken(port: Port, host: str) -> None:
    """What the clients send where the scheme is in `endpoint` (reference 1.1)."""
    await deploy(port, "f")
    client = Client(port, "2023-03-30")
    answer = await client.ask(
        "InvokeFunction",
        "POST",
        "/2023-03-30/functions/f/invocations",
        b"x",
        content_type=BYTES,
        host=host,
        more=ASYNC_3,
    )
    assert answer.status == 202
    got = await client.ask("GetFunction", "GET", "/2023-03-30/functions/f", host=host)
    assert got.status == 200
    link = await client.ask("GetFunctionCode", "GET", "/2023-03-30/functions/f/code", host=host)
    # A claimed host is no address: the link leads to where the request came in.
    assert link.json["url"].startswith(f"{port.url}/2023-03-30/")


# ---------------------------------------------------------------- FC 2.0 (14.2)


async def test_the_recorded_dialogue_of_fc_2(port: Port) -> None:
    await deploy(port, "s$on-failure")
    port.scripts.set("smoke-svc-1795359254$smoke-fn", by_payload)
    client = Client(port, "2021-04-06")
    account: Head = [("X-Fc-Account-Id", "123456789")]
    made = await client.ask(
        "CreateService",
        "POST",
        "/2021-04-06/services",
        b'{"description":"sdk smoke test","serviceName":"smoke-svc-1795359254"}',
        content_type=JSON,
        more=account,
    )
    assert made.status == 200, made.body
    create = (
        f'{{"code":{{"zipFile":"{ZIP}"}},"description":"sdk smoke test","environmentVariables":'
        '{"SMOKE":"1"},"functionName":"smoke-fn","handler":"index.handler","memorySize":128,'
        '"runtime":"python3.10","timeout":60}'
    ).encode()
    function = await client.ask(
        *("CreateFunction", "POST", f"{SERVICE}/functions", create),
        content_type=JSON,
        more=account,
    )
    assert function.status == 200, function.body
    await _configure_2(client)
    await _call_2(client)
    home = f"{SERVICE}/functions/smoke-fn"
    for action, target in (
        ("DeleteFunctionAsyncInvokeConfig", f"{home}/async-invoke-config?qualifier=LATEST"),
        ("DeleteFunction", home),
        ("DeleteService", SERVICE),
    ):
        assert (await client.ask(action, "DELETE", target)).status == 204, action


async def _configure_2(client: Client) -> None:
    home = f"{SERVICE}/functions/smoke-fn"
    body = (
        b'{"destinationConfig":{"onFailure":{"destination":'
        b'"acs:fc:cn-hangzhou:123456789:services/s.LATEST/functions/on-failure"},"onSuccess":'
        b'{"destination":"acs:mns:cn-hangzhou:123456789:/queues/ok/messages"}},'
        b'"maxAsyncEventAgeInSeconds":3600,"maxAsyncRetryAttempts":2,"statefulInvocation":true}'
    )
    target = f"{home}/async-invoke-config?qualifier=LATEST"
    put = await client.ask("PutFunctionAsyncInvokeConfig", "PUT", target, body, content_type=JSON)
    assert put.status == 200, put.body
    assert put.json["service"] == "smoke-svc-1795359254" and put.json["qualifier"] == "LATEST"
    got = await client.ask("GetFunctionAsyncInvokeConfig", "GET", target)
    assert got.json == put.json
    listed = await client.ask(
        "ListFunctionAsyncInvokeConfigs", "GET", f"{home}/async-invoke-configs?limit=20"
    )
    assert listed.json["configs"] == [put.json]


async def _call_2(client: Client) -> None:
    home = f"{SERVICE}/functions/smoke-fn"
    running = client.port.started()
    called = await client.ask(
        *("InvokeFunction", "POST", f"{home}/invocations?qualifier=LATEST", b'{"sleep": 30}'),
        more=ASYNC_2,
    )
    assert (called.status, called.body) == (202, b"")
    await running
    one = f"{home}/stateful-async-invocations/task-1795359254?qualifier=LATEST"
    got = await client.ask("GetStatefulAsyncInvocation", "GET", one)
    assert got.json["requestId"] == called.headers["x-fc-request-id"]
    listed = await client.ask(
        "ListStatefulAsyncInvocations",
        "GET",
        f"{home}/stateful-async-invocations?includePayload=True&invocationIdPrefix=task-&limit=10"
        "&qualifier=LATEST&sortOrderByTime=desc&startedTimeBegin=1795355654000"
        "&startedTimeEnd=1795362854000&status=Running",
    )
    shown = [
        (invocation["invocationId"], invocation["invocationPayload"])
        for invocation in listed.json["invocations"]
    ]
    assert shown == [("task-1795359254", '{"sleep": 30}')], listed.body
    stopped = await client.ask("StopStatefulAsyncInvocation", "PUT", one)
    assert stopped.status == 202


# ---------------------------------------------------------------- old 2.0 (14.3)


async def test_the_recorded_call_of_the_old_client_is_taken_with_its_own_signature(
    old_port: Port,
) -> None:
    await deploy(old_port, "svc$fn", version=True)
    await old_port.engine.functions.put_alias("svc$fn", Alias("prod", "1"), create=True)
    target, body = "/2016-08-15/services/svc.prod/functions/fn/invocations", b'{"a":1}'
    more: Head = [
        ("x-fc-invocation-type", "Async"),
        ("x-fc-stateful-async-invocation-id", "t-1"),
    ]
    head = signed_fc("POST", target, fc_head(body=body, more=more))
    assert head[-1] == ("authorization", RECORDED_FC)
    answer = await old_port.send("POST", target, head, body)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["x-fc-async-task-id"] == "t-1"
    id = parse_id(answer.headers["x-fc-request-id"])
    assert id is not None
    view = await old_port.engine.invocations.get(id)
    assert (view.version, view.qualifier) == ("1", "prod")


async def test_the_recorded_configuration_of_the_old_client_is_taken(old_port: Port) -> None:
    await deploy(old_port, "svc$fn")
    body = (
        b'{"maxAsyncRetryAttempts": 1, "destinationConfig": {"onSuccess": {"destination": '
        b'"acs:mns:cn-hangzhou:1:/queues/q/messages"}}}'
    )
    target = "/2016-08-15/services/svc.LATEST/functions/fn/async-invoke-config"
    put = await old_port.send("PUT", target, signed_fc("PUT", target, fc_head(body=body)), body)
    assert put.status == 200 and put.json["maxAsyncRetryAttempts"] == 1, put.body
    listing = "/2016-08-15/services/svc/functions/fn/async-invoke-configs?limit=5"
    listed = await old_port.send("GET", listing, signed_fc("GET", listing, fc_head()))
    assert listed.json == {"configs": [put.json], "nextToken": ""}
    functions = "/2016-08-15/services/svc.prod/functions?limit=3"
    answer = await old_port.send("GET", functions, signed_fc("GET", functions, fc_head()))
    assert answer.error()[:2] == (404, "AliasNotFound")


async def test_the_recorded_call_of_an_http_function_is_let_in(old_port: Port) -> None:
    """With the query in its signature; there are no HTTP functions behind it."""
    target = "/2016-08-15/proxy/svc.LATEST/fn/a%20b?q=1+2"
    head = signed_fc("POST", target, fc_head(body=b""), with_query=True)
    answer = await old_port.send("POST", target, head)
    assert answer.error()[:2] == (400, "PathNotSupported")
    without = signed_fc("POST", target, fc_head(body=b""))
    assert (await old_port.send("POST", target, without)).error()[:2] == (403, "SignatureNotMatch")
