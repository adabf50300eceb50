"""The mailbox at the door."""

from __future__ import annotations

from typing import Any

import pytest

from thence.api.native import mailbox
from thence.notices import DeliveryEnded
from thence.store.sqlite import mailbox as pages


async def fill(server: Any, destination: str, count: int = 3) -> list[str]:
    await server.deploy(answers=[{"n": 1}], on_success=destination)
    ids = []
    for _ in range(count):
        ended = server.next(DeliveryEnded)
        ids.append(await server.accept())
        assert (await ended).state == "delivered"
    return ids


async def test_a_queue_is_read_received_and_emptied(server: Any) -> None:
    ids = await fill(server, "queue:done")
    ((box,),) = ((await server.get("/v1/mailbox")).json["items"],)
    assert (box["kind"], box["name"], box["messages"]) == ("queue", "done", 3) and box["oldest_at"]
    page = (await server.get("/v1/mailbox/queue/done?limit=2")).json
    rest = (await server.get(f"/v1/mailbox/queue/done?limit=2&cursor={page['cursor']}")).json
    messages = page["items"] + rest["items"]
    assert [message["body"]["invocation"]["id"] for message in messages] == ids and rest[
        "cursor"
    ] is None
    assert messages[0]["content_type"] == "application/json" and messages[0]["receipt"] is None
    after = (await server.get(f"/v1/mailbox/queue/done?after={messages[1]['seq']}")).json
    assert [item["seq"] for item in after["items"]] == [messages[2]["seq"]]
    got = (await server.post("/v1/mailbox/queue/done:receive", json={"limit": 2})).json["items"]
    assert [entry["seq"] for entry in got] == [message["seq"] for message in messages[:2]]
    left = (await server.post("/v1/mailbox/queue/done:receive", json={"limit": 9})).json["items"]
    assert len(left) == 1  # the others are hidden
    path = "/v1/mailbox/queue/done"
    assert (await server.request("DELETE", f"{path}?receipt={got[0]['receipt']}")).json == {
        "deleted": 1
    }
    again = await server.request("DELETE", f"{path}?receipt={got[0]['receipt']}")
    assert again.status == 404 and again.problem()["kind"] == "message"
    assert (await server.request("DELETE", f"{path}?seq={got[1]['seq']}")).json == {"deleted": 1}
    assert (await server.request("DELETE", f"{path}?all=true")).json == {"deleted": 1}
    assert (await server.get(path)).json["items"] == []


async def test_a_page_that_ends_for_its_size_has_a_cursor(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(server, "queue:done")
    monkeypatch.setattr(mailbox, "MAILBOX_PAGE_BYTES", 1)
    monkeypatch.setattr(pages, "MAILBOX_PAGE_BYTES", 1)
    path, seen = "/v1/mailbox/queue/done?limit=100", []
    page = (await server.get(path)).json
    while page["items"]:
        seen += [item["seq"] for item in page["items"]]
        page = (await server.get(f"{path}&cursor={page['cursor']}")).json
    assert len(seen) == 3 and page["cursor"] is None


async def test_objects_of_a_bucket_are_found_by_prefix(server: Any) -> None:
    await fill(server, "bucket:b/in/", 1)
    ((one,),) = ((await server.get("/v1/mailbox/bucket/b?prefix=in/")).json["items"],)
    assert one["key"].startswith("in/")
    assert (await server.get("/v1/mailbox/bucket/b?prefix=out/")).json["items"] == []
    key = one["key"]
    assert (await server.request("DELETE", "/v1/mailbox/bucket/b", params={"key": key})).json == {
        "deleted": 1
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "field"),
    [
        ("GET", "/v1/mailbox/shoe/x", 404, None),
        ("GET", "/v1/mailbox/queue/x?limit=0", 400, "limit"),
        ("GET", "/v1/mailbox/queue/x?after=-1", 400, "after"),
        ("GET", "/v1/mailbox/queue/x?cursor=x", 400, "cursor"),
        ("DELETE", "/v1/mailbox/queue/x", 400, "query"),
        ("DELETE", "/v1/mailbox/queue/x?seq=1&all=true", 400, "query"),
        ("DELETE", "/v1/mailbox/queue/x?all=yes", 400, "all"),
        ("DELETE", "/v1/mailbox/queue/x?seq=1", 404, None),
    ],
)
async def test_bad_requests_are_refused(
    server: Any, method: str, path: str, status: int, field: str | None
) -> None:
    answer = await server.request(method, path)
    assert answer.status == status and answer.problem().get("field") == field


@pytest.mark.parametrize(
    "body", [{"limit": 0}, {"limit": 1001}, {"visibility_seconds": -1}, {"limt": 1}]
)
async def test_a_bad_receive_is_refused(server: Any, body: Any) -> None:
    answer = await server.post("/v1/mailbox/queue/x:receive", json=body)
    assert answer.status == 400 and answer.problem()["field"] == next(iter(body))
