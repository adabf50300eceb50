"""The HTTP client: problems, what is no service, streams that break."""

from __future__ import annotations

import io
import json
import socket
from typing import Any

import pytest
from rich.console import Console

from thence.cli import tail
from thence.cli.answers import Problem, Unreachable
from thence.cli.client import Client
from thence.errors import ConfigInvalid, InvalidInput

PROBLEM = {"title": "A title", "detail": "A sentence.", "code": "invalid_input", "field": "handler"}


def test_a_problem_keeps_its_title_detail_and_facts(scripted: Any) -> None:
    scripted.answers.append((400, {}, json.dumps(PROBLEM).encode()))
    with pytest.raises(Problem) as caught:
        Client(scripted.url).get("/v1/functions")
    assert caught.value.detail == "A sentence."
    assert caught.value.problem_code == "invalid_input"
    assert caught.value.document["field"] == "handler"


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:7411", "ftp://h", "http://", "http://h:999999", "http://[::1", "http://h:x"],
)
def test_what_is_no_address_is_told_as_such(url: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"write it like http://127\.0\.0\.1:7411"):
        Client(url)


@pytest.mark.parametrize("secret", ["line\nbreak", "\u0442\u0430\u0439\u043d\u0430", "\udcff"])
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(
    scripted: Any, secret: str
) -> None:
    with pytest.raises(InvalidInput, match="Authorization") as refused:
        Client(scripted.url, f"id:{secret}").get("/v1/functions")
    assert secret not in str(refused.value)
    assert not scripted.requests


def test_redirects_are_not_followed_and_credentials_go_nowhere_else(scripted: Any) -> None:
    scripted.answers.append((302, {"Location": f"{scripted.url}/elsewhere"}, b""))
    with pytest.raises(Unreachable, match="redirects are not followed"):
        Client(scripted.url, "id:secret").get("/v1/functions")
    assert len(scripted.requests) == 1
    assert scripted.requests[0][2]["authorization"] == "Bearer id:secret"


def test_a_page_of_something_else_is_told_apart_from_the_service(scripted: Any) -> None:
    scripted.answers.append((200, {}, b"<html>hello</html>"))
    with pytest.raises(Unreachable, match="probably not Thence"):
        Client(scripted.url).get("/v1/functions")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (413, "client_max_body_size"),
        (502, "does not reach Thence"),
        (504, "time limit"),
        (418, "--url"),
    ],
)
@pytest.mark.parametrize(
    "body",
    [b"<html>no</html>", b'{"message": "no"}', b'{"title": "Too large", "detail": "x"}', b""],
)
def test_a_refusal_of_a_proxy_is_told_apart_from_one_of_the_service(
    scripted: Any, status: int, says: str, body: bytes
) -> None:
    scripted.answers.append((status, {"Content-Type": "application/json"}, body))
    with pytest.raises(Problem, match=r"not one of Thence") as told:
        Client(scripted.url).get("/v1/functions")
    assert says in told.value.detail and told.value.problem_title.endswith(f"answered {status}")
    assert told.value.status == status


@pytest.mark.parametrize(("status", "exit"), [(413, 1), (502, 3), (503, 3), (504, 3), (404, 1)])
def test_a_proxy_that_reaches_nobody_ends_a_command_as_a_service_that_is_away(
    scripted: Any, thence: Any, status: int, exit: int
) -> None:
    scripted.answers.append((status, {}, b"<html>"))
    ran = thence("ls", "--url", scripted.url)
    assert ran.status == exit and f"answered {status}" in ran.err


STRANGERS = [
    b"null", b"[]", b"5", b"{}", b'{"items": 5}', b'{"items": [5]}', b'{"items": [{}]}',
    b'{"items": [{"name": "x"}]}', b"[" * 5000, b"<html>", b"",
]  # fmt: skip
COMMANDS = [
    "ls", "ls functions", "function show f", "show x", "stop x", "redrive x", "redrive --all",
    "dead-letters", "delivery ls", "delivery show d", "delivery redrive d", "stats", "mailbox ls",
    "mailbox read queue/q", "mailbox receive queue/q", "mailbox delete queue/q all",
    "version publish f", "version ls f", "trigger ls f", "trigger show f t",
    "trigger set f t --type k", "alias ls f", "alias show f@a", "alias set f@a 1",
    "async-config ls f", "async-config show f@a", "async-config set f@a --retries 1",
    "function limit f 1", "function disable f", "function enable f", "invoke f", "invoke f --wait",
    "tail", "config",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_another_service_is_told_as_such_by_every_command(
    scripted: Any, thence: Any, command: str
) -> None:
    for body in STRANGERS:
        scripted.answers[:] = [(200, {"Content-Type": "application/json"}, body)] * 5
        ran = thence(*command.split(), "--url", scripted.url)
        plain = ran.status == 0 and not ran.err.startswith("Error")
        assert plain or (ran.status == 3 and "Thence" in ran.err), (command, body, ran)


def test_what_speaks_no_http_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        client = Client(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_seconds=0.2)
        with pytest.raises(Unreachable, match="did not answer in time"):
            client.get("/v1/functions")


@pytest.mark.parametrize("url", ["", "127.0.0.1:7411", "ftp://host", "http://"])
def test_an_address_that_is_none_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"http://127\.0\.0\.1:7411"):
        Client(url)


def test_all_pages_of_a_list_are_read_up_to_the_limit(scripted: Any) -> None:
    for items, cursor in (([1, 2], "b"), ([], "c"), ([3, 4], None)):
        page = {"items": [{"n": item} for item in items], "cursor": cursor}
        scripted.answers.append((200, {}, json.dumps(page).encode()))
    found = Client(scripted.url).pages("/v1/x", {}, 3)
    assert [item["n"] for item in found] == [1, 2, 3]
    assert [request[1] for request in scripted.requests] == [
        "/v1/x?limit=3",
        "/v1/x?limit=1&cursor=b",
        "/v1/x?limit=1&cursor=c",
    ]


def test_a_lost_stream_goes_on_behind_the_last_event(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail.time, "sleep", lambda seconds: None)
    first = b'retry: 1000\n\nid: 1.0\nevent: queued\ndata: {"state":"queued"}\n\n: still here\n\n'
    second = b'id: 1.1\nevent: running\ndata: {"state":"running"}\n\n'
    unavailable = json.dumps({"title": "The service is shutting down"}).encode()
    stream_ = {"Content-Type": "text/event-stream"}
    scripted.answers += [(200, stream_, first), (503, {}, unavailable), (200, stream_, second)]
    told: list[str] = []
    stream = tail.follow(Client(scripted.url), {}, "", told.append)
    seen = [next(stream) for _ in range(2)]
    stream.close()
    assert [(id, kind, event["state"]) for id, kind, event in seen] == [
        ("1.0", "queued", "queued"),
        ("1.1", "running", "running"),
    ]
    assert [request[2].get("last-event-id") for request in scripted.requests] == [
        None,
        "1.0",
        "1.0",
    ]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("reason", "says"),
    [("unknown_event", "has no event of that id"), ("not_kept", "not kept any more")],
)
def test_a_gap_is_told_as_what_it_is(
    reason: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tail._print("gap", {"gap": True, "reason": reason})
    assert says in capsys.readouterr().err


def test_an_event_is_one_line_however_narrow_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = io.StringIO()
    narrow = Console(file=seen, force_terminal=True, color_system=None, width=40)
    monkeypatch.setattr(tail, "console", lambda: narrow)
    function = "a_function_with_a_long_name_of_many_words"
    one = {"at": "2026-01-01T00:00:00.000Z", "function": function, "state": "failed",
           "attempt": 3, "reason": "retries_exhausted", "id": "0197b2c4"}  # fmt: skip
    tail._print("failed", one)
    lines = seen.getvalue().splitlines()
    assert lines == [f"00:00:00.000Z  {function}  failed  attempt 3  retries_exhausted  0197b2c4"]


def test_a_first_connection_that_fails_ends_the_stream(scripted: Any) -> None:
    scripted.answers.append((401, {}, json.dumps({"title": "No", "code": "unauthorized"}).encode()))
    with pytest.raises(Problem):
        next(tail.follow(Client(scripted.url), {}, ""))


def test_an_event_cut_in_two_by_a_lost_connection_is_not_given_out(scripted: Any) -> None:
    stream = {"Content-Type": "text/event-stream"}
    scripted.answers.append((200, stream, b"id: 1.0\ndata: {}\n\nid: 1.1\ndata: {"))
    found = list(Client(scripted.url).events("/v1/events", {}, "", 5))
    assert found == [("1.0", "", "{}")]
