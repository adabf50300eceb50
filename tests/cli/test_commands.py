"""The commands against a real service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from thence.cli.async_options import read_destination

HELLO = """
def handler(event, context):
    print("attempt", context.attempt)
    if not event.get("name"):
        raise ValueError("whom shall I greet?")
    return {"greeting": f"Hello, {event['name']}!"}
"""


@pytest.fixture
def hello(at_service: Any, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A function that greets or fails, under a name of its test."""
    name = f"hello-{abs(hash(request.node.name)) % 10**8}"
    file = tmp_path / "hello.py"
    file.write_text(HELLO)
    ran = at_service(
        *("deploy", str(file), "--name", name, "--retries", "1", "--retry-first", "10ms"),
        *("--on-success", f"queue:{name}", "--on-failure", f"queue:{name}-dead"),
    )
    assert ran.status == 0, ran.err
    assert f"{name} (revision 1)" in ran.out
    return name


def failed(at_service: Any, name: str) -> str:
    """The id of an invocation that has ended as a dead letter."""
    ran = at_service("invoke", name, "--data", "{}", "--wait", "--json")
    assert ran.status == 1
    return str(ran.json["id"])


# ---------------------------------------------------------------- functions


def test_a_deployed_function_is_listed_for_people_and_for_programs(
    at_service: Any, hello: str
) -> None:
    assert hello in at_service("ls", "functions", "--limit", "1000").out
    items = at_service("ls", "functions", "--limit", "1000", "--json").json["items"]
    assert next(item for item in items if item["name"] == hello)["max_retries"] == 1


def test_a_destination_may_come_from_a_file_and_is_shown_without_its_secret(
    at_service: Any, hello: str, tmp_path: Path
) -> None:
    secret = "whsec_" + "QUJD" * 8
    hook = {"type": "webhook", "url": "https://example.com/hook", "secrets": [secret]}
    (tmp_path / "hook.json").write_text(json.dumps(hook))
    ran = at_service(
        *("deploy", str(tmp_path / "hello.py"), "--name", hello),
        *("--on-success", f"@{tmp_path}/hook.json", "--env", "COLOUR=blue", "--json"),
    )
    assert ran.json["on_success"]["url"] == hook["url"]
    assert ran.json["environment"] == {"COLOUR": "blue"}
    assert secret not in ran.out + ran.err


def test_a_file_that_is_no_destination_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text('{"a": ' + "[" * 60_000)
    for name, sentence in (
        (f"{tmp_path}/deep.json", "the destination is not valid JSON"),
        ("/dev/zero", "larger than 65536 bytes"),
        (str(tmp_path), "cannot be read"),
    ):
        with pytest.raises(click.UsageError, match=sentence):
            read_destination(f"@{name}")


def test_a_refused_value_is_told_with_its_field(at_service: Any, tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_text(HELLO)
    ran = at_service("deploy", str(file), "--retries", "99")
    assert ran.status == 1
    assert "field: max_retries" in ran.err
    assert "code: invalid_input" in ran.err
    assert "f" not in [
        item["name"]
        for item in at_service("ls", "functions", "--limit", "1000", "--json").json["items"]
    ]


def test_a_deleted_function_is_gone(at_service: Any, hello: str) -> None:
    assert at_service("function", "delete", hello, "--yes").status == 0
    ran = at_service("invoke", hello)
    assert ran.status == 1
    assert "code: function_not_found" in ran.err


# ---------------------------------------------------------------- invocations


def test_invoke_prints_the_id_and_nothing_else_on_stdout(at_service: Any, hello: str) -> None:
    ran = at_service("invoke", hello, "--data", '{"name": "Ada"}')
    assert at_service("show", ran.out.strip(), "--json").json["function"] == hello
    assert "thence show" in ran.err


def test_waiting_prints_the_result_as_it_is(at_service: Any, hello: str) -> None:
    ran = at_service("invoke", hello, "--data", '{"name": "Ada"}', "--wait")
    assert (ran.status, ran.json) == (0, {"greeting": "Hello, Ada!"})


def test_waiting_for_a_failure_ends_with_1_and_its_error(at_service: Any, hello: str) -> None:
    ran = at_service("invoke", hello, "--data", "{}", "--wait")
    assert ran.status == 1
    assert ran.out == ""
    assert "retries_exhausted" in ran.err
    assert "ValueError: whom shall I greet?" in ran.err


def test_waiting_may_be_bounded(at_service: Any, hello: str) -> None:
    ran = at_service("invoke", hello, "--data", "{}", "--delay", "1h", "--wait", "--for", "10ms")
    assert ran.status == 1
    assert "is queued after" in ran.err


def test_a_synchronous_call_answers_directly(at_service: Any, hello: str) -> None:
    assert at_service("invoke", hello, "--sync", "--data", '{"name": "Bo"}').json == {
        "greeting": "Hello, Bo!"
    }
    ran = at_service("invoke", hello, "--sync", "--data", "{}")
    assert ran.status == 1
    assert "ValueError" in ran.err


def test_the_payload_may_come_from_a_file(at_service: Any, hello: str, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"name": "File"}')
    ran = at_service("invoke", hello, "--data", f"@{tmp_path}/event.json", "--wait")
    assert ran.json == {"greeting": "Hello, File!"}
    assert at_service("invoke", hello, "--data", "@/nowhere/at/all").status == 2


@pytest.mark.parametrize(
    "command, said",
    [
        ("invoke NAME --key ", "--key: "),
        ("invoke NAME --content-type ", "--content-type: "),
        ("tail --after ", "--after: "),
    ],
)
def test_what_is_wrong_with_a_header_is_told_of_its_option(
    at_service: Any, hello: str, command: str, said: str
) -> None:
    ran = at_service(*command.replace("NAME", hello).split(), "x" * 2000)
    assert ran.status == 1 and f"\n  {said}" in ran.err and f"field: {said[:-2]}\n" in ran.err


def test_a_long_delay_is_sent_as_the_service_reads_it(at_service: Any, hello: str) -> None:
    ran = at_service("invoke", hello, "--delay", "29d")
    assert ran.status == 0, ran.err
    assert at_service("stop", ran.out.strip()).status == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--key", ""], "--key: 1 to 255"),
        (["--for", "5s"], "give --wait too"),
        (["--sync", "--key", ""], "--delay and --key"),
    ],
)
def test_an_option_without_effect_is_refused(
    at_service: Any, hello: str, options: list[str], says: str
) -> None:
    ran = at_service("invoke", hello, *options)
    assert ran.status != 0
    assert says in ran.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("mailbox read queue/x --receive", "There is no option --receive"),
        ("mailbox delete all", "write KIND/NAME"),
        ("mailbox read queue/x --hide 5s", "There is no option --hide"),
        ("mailbox receive topic/x", "this is for a queue; 'thence mailbox read' reads others"),
        ("invoke f --sync --wait", "three ways"),
        ("invoke svc/f", "'svc/f': a function of a service is written 'svc$f'."),
        ("function show svc/f", "'svc/f': a function of a service is written 'svc$f'."),
        ("invoke f --delay 40d", "--delay: 40 d is too long; at most 30 days (30d)."),
        ("invoke f --async --wait", "three ways"),
        ("show an-id --log --result", "four ways"),
        ("show an-id --log --json", "four ways"),
        ("mailbox read queue/x --prefix a", "objects of a bucket"),
        ("mailbox read --prefix a", "Missing argument 'KIND/NAME'"),
        ("ls functions --state failed", "choose invocations"),
        ("show 0197b2c4-5d1e-7000-8a11-3f0c5a7e9b42 --attempt 2", "give --log too"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    at_service: Any, words: str, says: str
) -> None:
    ran = at_service(*words.split())
    assert ran.status == 2
    assert says in ran.err


def test_a_date_in_the_settings_file_is_refused_in_a_sentence(
    at_service: Any, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "thence.function.toml").write_text("description = 2026-01-02")
    ran = at_service("deploy", str(tmp_path))
    assert ran.status != 0
    assert "2026-01-02 is a date" in ran.err


def test_an_argument_that_is_no_text_is_sent_as_its_bytes(at_service: Any, hello: str) -> None:
    raw = b"\xff\xfe"
    ran = at_service("invoke", hello, "--data", os.fsdecode(raw), "--delay", "1h", "--json")
    assert ran.status == 0, ran.err
    assert at_service("stop", ran.json["id"]).status == 0
    assert at_service("show", ran.json["id"], "--json").json["payload_bytes"] == len(raw)
    assert at_service("show", os.fsdecode(raw)).status == 1


def test_the_same_key_gives_the_same_invocation(at_service: Any, hello: str) -> None:
    one, two = (at_service("invoke", hello, "--data", "{}", "--key", "k-1").out for _ in range(2))
    assert one == two
    other = at_service("invoke", hello, "--data", '{"name": "x"}', "--key", "k-1")
    assert other.status == 1
    assert "code: idempotency_mismatch" in other.err


def test_show_tells_attempts_budgets_errors_and_deliveries(at_service: Any, hello: str) -> None:
    id = failed(at_service, hello)
    ran = at_service("show", id)
    assert ran.status == 0
    for word in (
        "failed",
        "retries_exhausted",
        "function errors",
        "ValueError",
        f"queue:{hello}-dead",
    ):
        assert word in ran.out, word
    assert len(at_service("show", id, "--json").json["attempts"]) == 2
    assert at_service("show", id, "--log").out == "attempt 2\n"
    assert at_service("show", id, "--log", "--attempt", "1").out == "attempt 1\n"
    assert at_service("show", id, "--payload").out == "{}"
    assert "code: no_result" in at_service("show", id, "--result").err


def test_show_tells_why_it_waits_and_stop_ends_it(at_service: Any, hello: str) -> None:
    id = at_service("invoke", hello, "--delay", "1h").out.strip()
    assert "delayed until" in at_service("show", id).out
    ran = at_service("stop", id)
    assert "is stopped" in ran.err
    assert at_service("show", id, "--json").json["reason"] == "stopped_by_caller"
    assert at_service("stop", id, "--json").json["changed"] is False


def test_lists_are_filtered(at_service: Any, hello: str) -> None:
    id = failed(at_service, hello)
    at_service("invoke", hello, "--data", '{"name": "Ada"}', "--wait")
    listed = at_service("ls", "invocations", "--function", hello, "--state", "failed", "--json")
    assert [item["id"] for item in listed.json["items"]] == [id]
    assert id in at_service("ls", "--function", hello, "--since", "1h").out
    assert at_service("ls", "--function", hello, "--until", "1h", "--json").json == {"items": []}
    assert "no such invocations" in at_service("ls", "--function", hello, "--state", "expired").err


def test_a_dead_letter_is_found_and_redriven_once(at_service: Any, hello: str) -> None:
    id = failed(at_service, hello)
    assert id in at_service("dead-letters", "--function", hello).out
    dry = at_service("redrive", "--function", hello, "--dry-run", "--json").json
    assert (dry["dry_run"], dry["redriven"]) == (True, 1)
    done = at_service("redrive", "--function", hello, "--rate", "50", "--json").json
    assert [letter["id"] for letter in done["invocations"]] == [id]
    again = at_service("redrive", id)
    assert again.out.strip() == done["invocations"][0]["redriven_as"]


def test_a_redrive_needs_to_be_told_what(at_service: Any) -> None:
    assert at_service("redrive").status == 2
    assert at_service("redrive", "an-id", "--all").status == 2
    assert at_service("delivery", "redrive").status == 2
    assert at_service("delivery", "ls", "--state", "dead", "--json").json == {"items": []}


def test_the_mailbox_is_listed_read_received_and_emptied(at_service: Any, hello: str) -> None:
    failed(at_service, hello)
    box = f"queue/{hello}-dead"
    read_until(at_service, box)
    assert box in at_service("mailbox", "ls").out
    assert "thence.invocation.failed" in at_service("mailbox", "read", box).out
    (message,) = at_service("mailbox", "receive", box, "--json").json["items"]
    assert at_service("mailbox", "receive", box, "--json").json == {"items": []}
    assert at_service("mailbox", "delete", box, message["receipt"]).status == 0
    assert at_service("mailbox", "read", box, "--json").json == {"items": []}
    assert at_service("mailbox", "read", "letterbox/x").status == 2


def read_until(at_service: Any, box: str) -> None:
    """Asks until a record is there: its delivery is a commit of its own, behind the end."""
    for _ in range(10_000):
        if at_service("mailbox", "read", box, "--json").json["items"]:
            return
    raise AssertionError(f"nothing came to {box}")


def test_stats_count_and_conserve(at_service: Any, hello: str) -> None:
    failed(at_service, hello)
    ran = at_service("stats", "--json")
    assert ran.status == 0
    assert ran.json["conservation_difference"] == 0
    of = next(counts for counts in ran.json["functions"] if counts["function"] == hello)
    assert (of["accepted"], of["failed"]) == (1, 1)
    assert hello in at_service("stats").out


def test_tail_follows_one_invocation_to_its_end(
    at_service: Any, service: Any, hello: str, tmp_path: Path
) -> None:
    id = failed(at_service, hello)
    tail = subprocess.Popen(
        [sys.executable, "-m", "thence", "tail", "--invocation", id, "--after", "0.0", "--json"],
        env=service.environment | {"THENCE_URL": service.url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert tail.stdout is not None
        seen = []
        for line in tail.stdout:
            seen.append(json.loads(line)["state"])
            if seen[-1] == "failed":
                break
    finally:
        tail.kill()
        tail.communicate()
    assert seen == ["queued", "running", "retrying", "running", "failed"]


# ---------------------------------------------------------------- without a service


def test_without_a_service_one_learns_how_to_start_it(thence: Any) -> None:
    ran = thence("ls", "--url", "http://127.0.0.1:9")
    assert ran.status == 3
    assert "thence serve" in ran.err
    assert ran.out == ""


def test_wrong_credentials_are_told_as_such(
    at_service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_SECRET", "wrong")
    ran = at_service("ls")
    assert ran.status == 1
    assert "code: unauthorized" in ran.err
    assert "THENCE_ROOT_ACCESS_KEY_SECRET" in ran.err
    assert "wrong" not in ran.err.replace("missing or wrong", "")


def test_credentials_may_come_from_files(
    at_service: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("a secret of the tests\n")
    monkeypatch.delenv("THENCE_ROOT_ACCESS_KEY_SECRET")
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_SECRET_FILE", str(tmp_path / "secret"))
    assert at_service("ls").status == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(thence: Any, shell: str) -> None:
    assert "_THENCE_COMPLETE" in thence("completion", shell).out


def test_names_of_functions_are_completed(at_service: Any, hello: str) -> None:
    import click

    from thence.cli.invoke import invoke
    from thence.cli.options import function_names

    found = function_names(click.Context(invoke), invoke.params[0], hello[:6])
    assert hello in found
