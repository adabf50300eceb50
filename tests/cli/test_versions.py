"""Versions, aliases, settings by qualifier, and the switch, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

CODE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("as asked")
    return {"said": %r}
"""


class Deployed:
    """A function that says a word; `say` deploys it with another one."""

    def __init__(self, at_service: Any, name: str, file: Path) -> None:
        self.at_service, self.name, self._file = at_service, name, file

    def say(self, word: str) -> None:
        self._file.write_text(CODE % word)
        ran = self.at_service(
            *("deploy", str(self._file), "--name", self.name, "--retries", "0"),
            *("--retry-first", "10ms"),
        )
        assert ran.status == 0, ran.err

    def publish(self, *options: str) -> str:
        ran = self.at_service("version", "publish", self.name, *options)
        assert ran.status == 0, ran.err
        return str(ran.out.strip())

    def said(self, qualifier: str, *how: str) -> str:
        ran = self.at_service(
            "invoke", f"{self.name}@{qualifier}", "--data", "{}", *(how or ("--wait",))
        )
        assert ran.status == 0, ran.err
        return str(ran.json["said"])


@pytest.fixture
def f(at_service: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Deployed:
    """A function under a name of its test, that says `one`."""
    name = f"word-{abs(hash(request.node.name)) % 10**8}"
    deployed = Deployed(at_service, name, tmp_path / "word.py")
    deployed.say("one")
    return deployed


# ---------------------------------------------------------------- versions


def test_a_version_is_published_and_called_by_its_name(at_service: Any, f: Deployed) -> None:
    assert f.publish("--note", "says\none") == "1"
    f.say("two")
    assert f.publish("--version", "v2") == "v2"
    f.say("three")
    assert [f.said("1"), f.said("v2", "--sync"), f.said("latest")] == ["one", "two", "three"]
    table = at_service("version", "ls", f.name)
    assert [line.split()[0] for line in table.out.splitlines()] == ["version", "v2", "1"]
    assert "says one" in table.out
    items = at_service("version", "ls", f.name, "--json").json["items"]
    assert [(item["version"], item["note"]) for item in items] == [("v2", ""), ("1", "says\none")]
    assert at_service("version", "publish", f.name, "--json").json["version"] == "2"


def test_an_invocation_shows_the_version_that_ran_it(at_service: Any, f: Deployed) -> None:
    f.publish()
    at_service("alias", "set", f"{f.name}@prod", "1")
    ran = at_service("invoke", f"{f.name}@prod", "--data", "{}", "--wait", "--json")
    assert (ran.json["qualifier"], ran.json["version"]) == ("prod", "1")
    shown = at_service("show", ran.json["id"]).out
    assert f"called as   {f.name}@prod\nversion     1\n" in shown
    assert f"{f.name}@1 " in at_service("ls", "--function", f.name).out


def test_a_version_is_deleted_and_its_function_stays(at_service: Any, f: Deployed) -> None:
    f.publish()
    assert at_service("version", "delete", f"{f.name}@1", "--yes").status == 0
    assert at_service("version", "ls", f.name, "--json").json == {"items": []}
    assert f.said("latest") == "one"
    empty = at_service("version", "ls", f.name)
    assert (empty.status, empty.out) == (0, "") and f"thence version publish {f.name}" in empty.err
    assert "code: version_not_found" in at_service("version", "delete", f"{f.name}@1", "--yes").err


def test_names_that_cannot_be_are_refused(at_service: Any, f: Deployed) -> None:
    for name in (f"{f.name}@", "@prod", ""):
        ran = at_service("invoke", name)
        assert ran.status == 2 and "NAME@QUALIFIER" in ran.err, name
    ran = at_service("invoke", f"{f.name}@nobody")
    assert ran.status == 1 and "code: qualifier_not_found" in ran.err
    ran = at_service("version", "publish", f.name, "--version", "latest")
    assert ran.status == 1 and "field: version" in ran.err


# ---------------------------------------------------------------- aliases


def test_an_alias_is_set_moved_listed_and_deleted(at_service: Any, f: Deployed) -> None:
    f.publish()
    f.say("two")
    f.publish()
    prod = f"{f.name}@prod"
    ran = at_service(
        *("alias", "set", prod, "1", "--weight", "2=0.1", "--description", "a tenth", "--json")
    )
    assert (ran.json["version"], ran.json["weights"]) == ("1", {"2": 0.1})
    table = at_service("alias", "ls", f.name).out
    assert "2=0.1" in table and "a tenth" in table
    aliases = [
        line.split()[-1] for line in at_service("version", "ls", f.name).out.splitlines()[1:]
    ]
    assert aliases == ["prod", "prod"]
    assert "prod=1 (2=0.1)" in at_service("function", "show", f.name).out
    assert at_service("alias", "set", prod, "2").status == 0
    assert "prod=2\n" in at_service("function", "show", f.name).out
    assert f.said("prod") == "two"
    assert at_service("alias", "show", prod, "--json").json["weights"] == {}
    assert "version  2\n" in at_service("alias", "show", prod).out
    refused = at_service("version", "delete", f"{f.name}@2", "--yes")
    assert refused.status == 1 and "code: conflict" in refused.err
    refused = at_service("version", "delete", prod, "--yes")
    assert "has no version 'prod': that is an alias, and a version is meant here" in refused.err
    assert f"'thence alias delete {prod}'" in refused.err and refused.status == 1
    assert at_service("alias", "delete", prod).status == 0
    assert at_service("alias", "ls", f.name, "--json").json == {"items": []}
    assert "code: alias_not_found" in at_service("alias", "show", prod).err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("set NAME 1", "NAME@ALIAS"),
        ("delete NAME", "NAME@ALIAS"),
        ("show NAME", "NAME@ALIAS"),
        ("ls NAME@prod", "with all its versions"),
        ("set NAME@prod --weight 2=0.1", "Missing argument 'VERSION'"),
        ("set NAME@prod --description x", "Missing argument 'VERSION'"),
        ("set NAME@prod 1 --weight 2", "VERSION=SHARE"),
        ("set NAME@prod 1 --weight 2=nan", "VERSION=SHARE"),
        ("set NAME@prod 1 --weight =0.5", "VERSION=SHARE"),
    ],
)
def test_an_alias_that_is_not_said_right_is_refused(
    at_service: Any, f: Deployed, words: str, says: str
) -> None:
    f.publish()
    ran = at_service("alias", *words.replace("NAME", f.name).split())
    assert ran.status == 2 and says in ran.err
    assert at_service("alias", "ls", f.name, "--json").json == {"items": []}


def test_a_share_that_cannot_be_is_told_with_its_field(at_service: Any, f: Deployed) -> None:
    f.publish()
    ran = at_service("alias", "set", f"{f.name}@prod", "1", "--weight", "latest=7")
    assert ran.status == 1 and "field: weights.latest" in ran.err


# ---------------------------------------------------------------- settings by qualifier


def test_settings_of_a_qualifier_count_for_its_calls(
    at_service: Any, f: Deployed, tmp_path: Path
) -> None:
    f.publish()
    one = f"{f.name}@1"
    hook = tmp_path / "hook.json"
    secret = "whsec_" + "QUJD" * 8
    hook.write_text(
        f'{{"type": "webhook", "url": "http://127.0.0.1:9/x", "secrets": ["{secret}"]}}'
    )
    ran = at_service(
        *("async-config", "set", one, "--retries", "1", "--retry-first", "10ms"),
        *("--max-event-age", "1h", "--on-success", f"@{hook}"),
        *("--on-failure", f"queue:{f.name}", "--stop-notifies"),
    )
    assert ran.status == 0, ran.err
    assert f"queue:{f.name}" in ran.out and "stop notifies" in ran.out
    assert secret not in ran.out + ran.err
    ran = at_service("invoke", one, "--data", '{"fail": true}', "--wait", "--json")
    assert ran.status == 1
    assert (ran.json["attempts_made"], len(ran.json["deliveries"])) == (2, 1)
    assert at_service("async-config", "show", one, "--json").json["max_event_age_seconds"] == 3600
    assert "1 h" in at_service("async-config", "ls", f.name).out
    ran = at_service("async-config", "set", one, "--on-failure", "none", "--json")
    assert (ran.json["max_retries"], ran.json["on_failure"]) == (3, None)
    assert at_service("async-config", "delete", one).status == 0
    assert at_service("async-config", "ls", f.name, "--json").json == {"items": []}
    for verb in ("show", "delete"):
        ran = at_service("async-config", verb, one)
        assert ran.status == 1 and "code: not_found" in ran.err


def test_settings_of_no_qualifier_are_refused(at_service: Any, f: Deployed) -> None:
    for verb, *options in (("set", "--retries", "1"), ("show",), ("delete",)):
        ran = at_service("async-config", verb, f.name, *options)
        assert ran.status == 2 and "NAME@QUALIFIER" in ran.err
    ran = at_service("async-config", "set", f"{f.name}@latest")
    assert ran.status == 2 and "say what, such as --retries 2" in ran.err
    ran = at_service("async-config", "set", f"{f.name}@latest", "--retries", "99")
    assert ran.status == 1 and "field: max_retries" in ran.err


# ---------------------------------------------------------------- control


def test_a_disabled_function_is_told_why_until_it_is_enabled(at_service: Any, f: Deployed) -> None:
    assert at_service("function", "limit", f.name, "7").status == 0
    ran = at_service("function", "disable", f.name, "--reason", "it is moved", "--abort")
    assert ran.status == 0 and f"thence function enable {f.name}" in ran.err
    refused = at_service("invoke", f.name)
    assert refused.status == 1
    assert "code: function_disabled" in refused.err and "it is moved" in refused.err
    ran = at_service("function", "enable", f.name, "--json")
    assert (ran.json["disabled"], ran.json["limit"]) == (None, 7)  # the limit has stayed
    assert f.said("latest") == "one"


def test_a_reason_stays_until_another_is_said(at_service: Any, f: Deployed) -> None:
    def disable(*more: str) -> Any:
        ran = at_service("function", "disable", f.name, *more)
        assert ran.status == 0
        return ran.err, at_service("function", "show", f.name, "--json").json["disabled"]

    assert disable() == (f"{f.name} is disabled. Enable it:  thence function enable {f.name}\n", "")
    said, reason = disable("--reason", "it is moved")
    assert reason == "it is moved" and f"{f.name} is disabled: it is moved. Enable it" in said
    said, reason = disable("--abort")
    assert reason == "it is moved" and "it is moved (the reason that it had)" in said
    assert disable("--reason", "")[1] == ""
    at_service("function", "enable", f.name)
    assert disable()[1] == "", "the reason of the time before"


def test_a_limit_is_set_and_lifted(at_service: Any, f: Deployed) -> None:
    at_service("function", "disable", f.name)
    ran = at_service("function", "limit", f.name, "0", "--json")
    assert (ran.json["limit"], ran.json["disabled"]) == (0, "")
    at_service("function", "enable", f.name)
    id = at_service("invoke", f.name).out.strip()
    assert "limit of all versions is 0" in at_service("show", id).out
    assert at_service("function", "limit", f.name, "none", "--json").json["limit"] is None
    assert at_service("stop", id).status == 0


def test_controls_that_cannot_be_are_refused(at_service: Any, f: Deployed) -> None:
    assert at_service("function", "limit", f.name, "many").status == 2
    ran = at_service("function", "limit", f.name, "1001")
    assert ran.status == 1 and "field: limit" in ran.err
    for words in (("disable", "nobody"), ("enable", "nobody"), ("limit", "nobody", "1")):
        ran = at_service("function", *words)
        assert ran.status == 1 and "code: function_not_found" in ran.err


# ---------------------------------------------------------------- completion


def test_versions_and_aliases_are_completed_behind_the_name(at_service: Any, f: Deployed) -> None:
    from thence.cli.invoke import invoke
    from thence.cli.options import qualified_names

    f.publish()
    at_service("alias", "set", f"{f.name}@prod", "1")

    def completed(typed: str) -> list[str]:
        return qualified_names(click.Context(invoke), invoke.params[0], typed)

    assert f.name in completed(f.name[:6])
    assert completed(f"{f.name}@") == [f"{f.name}@{end}" for end in ("latest", "prod", "1")]
    assert completed(f"{f.name}@p") == [f"{f.name}@prod"]
    assert completed("nobody@") == []
