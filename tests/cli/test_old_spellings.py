"""Spellings of the version before run, and say on stderr what is written now."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from thence.cli.commands import COMMANDS, load
from thence.cli.old_spellings import OLD, renewed

ROOT = Path(__file__).parents[2]

SPELLINGS = [
    ("delete f --yes", "function delete f --yes", "function delete NAME"),
    ("delete f@1 --yes", "version delete f@1 --yes", "version delete NAME@VERSION"),
    ("rm --yes f", "function delete --yes f", "function delete NAME"),
    ("rm f@1 --yes", "version delete f@1 --yes", "version delete NAME@VERSION"),
    ("disable f --reason x", "function disable f --reason x", "function disable NAME"),
    ("enable f", "function enable f", "function enable NAME"),
    ("limit f 3", "function limit f 3", "function limit NAME SLOTS"),
    ("publish f --note x", "version publish f --note x", "version publish NAME"),
    ("versions f", "version ls f", "version ls NAME"),
    ("function f --json", "function show f --json", "function show NAME"),
    ("function --url u f", "function show --url u f", "function show NAME"),
    ("alias f", "alias ls f", "alias ls NAME"),
    ("alias f@prod", "alias show f@prod", "alias show NAME@ALIAS"),
    ("alias f@prod 1 --weight 2=0.1", "alias set f@prod 1 --weight 2=0.1",
     "alias set NAME@ALIAS VERSION"),
    ("alias --weight 2=0.1 f@prod 1", "alias set --weight 2=0.1 f@prod 1",
     "alias set NAME@ALIAS VERSION"),
    ("alias f@prod --delete", "alias delete f@prod", "alias delete NAME@ALIAS"),
    ("alias --delete f@prod", "alias delete f@prod", "alias delete NAME@ALIAS"),
    ("async-config f", "async-config ls f", "async-config ls NAME"),
    ("async-config f@1", "async-config show f@1", "async-config show NAME@QUALIFIER"),
    ("async-config f@1 --retries 2", "async-config set f@1 --retries 2",
     "async-config set NAME@QUALIFIER …"),
    ("async-config --on-failure=queue:q f@1", "async-config set --on-failure=queue:q f@1",
     "async-config set NAME@QUALIFIER …"),
    ("async-config f@1 --delete", "async-config delete f@1", "async-config delete NAME@QUALIFIER"),
    ("mailbox", "mailbox ls", "mailbox ls"),
    ("mailbox --json --url u", "mailbox ls --json --url u", "mailbox ls"),
    ("mailbox queue/q --follow", "mailbox read queue/q --follow", "mailbox read KIND/NAME"),
    ("mailbox --limit 2 queue:q", "mailbox read --limit 2 queue:q", "mailbox read KIND/NAME"),
    ("mailbox queue/q --receive --hide 5s", "mailbox receive queue/q --hide 5s",
     "mailbox receive queue/NAME"),
    ("mailbox queue/q --delete all", "mailbox delete queue/q all", "mailbox delete KIND/NAME WHAT"),
    ("mailbox --delete=17 queue/q", "mailbox delete queue/q 17", "mailbox delete KIND/NAME WHAT"),
    ("redrive --delivery d1 d2", "delivery redrive d1 d2", "delivery redrive ID"),
    ("redrive d1 --delivery --json", "delivery redrive d1 --json", "delivery redrive ID"),
    ("dead-letters --deliveries --function f", "delivery ls --state dead --function f",
     "delivery ls --state dead"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), SPELLINGS)
def test_an_old_spelling_is_run_as_the_new_one_which_is_named(
    old: str, new: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert renewed(old.split()) == new.split()
    told = capsys.readouterr()
    assert told.out == "" and f"is now 'thence {says}'; " in told.err
    assert told.err.count("\n") == 1 and told.err.startswith(f"'thence {old.split()[0]}")


def test_every_command_with_an_old_spelling_is_tried_here() -> None:
    assert {old.split()[0] for old, _, _ in SPELLINGS} == OLD.keys()


@pytest.mark.parametrize("line", sorted({new for _, new, _ in SPELLINGS}))
def test_a_new_spelling_is_taken_as_it_is(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert renewed(line.split()) == line.split()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "line",
    [
        "", "--help", "ls", "function", "function --help", "function show", "function shwo f",
        "alias", "alias --help", "alias sett f@prod 1", "alias shwo f@prod", "alias set",
        "async-config", "async-config shwo f@prod", "mailbox --help", "mailbox -h", "mailbox empty",
        "mailbox read", "version f", "redrive an-id", "dead-letters --function f",
    ],
)  # fmt: skip
def test_what_was_never_an_old_spelling_is_not_taken_for_one(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert renewed(line.split()) == line.split()
    assert capsys.readouterr().err == ""


def test_old_spellings_still_do_what_they_did(at_service: Any, tmp_path: Path) -> None:
    file = tmp_path / "old.py"
    file.write_text("def handler(event, context): return event\n")
    assert at_service("deploy", str(file)).status == 0
    assert at_service("publish", "old").out == "1\n"
    assert at_service("versions", "old", "--json").json["items"][0]["version"] == "1"
    assert at_service("alias", "old@prod", "1", "--json").json["version"] == "1"
    assert at_service("alias", "old", "--json").json["items"][0]["name"] == "prod"
    assert at_service("alias", "old@prod", "--json").json["name"] == "prod"
    assert at_service("alias", "old@prod", "--delete").status == 0
    ran = at_service("async-config", "old@1", "--on-success", "queue:old", "--json")
    assert ran.json["on_success"] == "queue:old"
    assert at_service("async-config", "old", "--json").json["items"][0]["qualifier"] == "1"
    assert at_service("async-config", "old@1", "--json").json["qualifier"] == "1"
    assert at_service("async-config", "old@1", "--delete").status == 0
    assert at_service("limit", "old", "3", "--json").json["limit"] == 3
    assert at_service("disable", "old", "--reason", "why", "--json").json["disabled"] == "why"
    assert at_service("enable", "old", "--json").json["disabled"] is None
    assert at_service("function", "old", "--json").json["limit"] == 3
    assert isinstance(at_service("mailbox", "--json").json["items"], list)
    assert at_service("mailbox", "queue/none", "--json").json == {"items": []}
    assert at_service("mailbox", "queue/none", "--receive", "--json").json == {"items": []}
    assert at_service("mailbox", "queue/none", "--delete", "all").status == 0
    assert at_service("redrive", "--delivery", "none").status == 1
    assert at_service("dead-letters", "--deliveries", "--json").status == 0
    assert at_service("delete", "old@1", "--yes").status == 0
    ran = at_service("rm", "old", "--yes")
    assert ran.status == 0 and "'thence rm NAME' is now 'thence function delete NAME'" in ran.err


def test_the_json_of_an_old_spelling_is_json_alone(scripted: Any, thence: Any) -> None:
    answer = (200, {}, json.dumps({"items": [], "cursor": None}).encode())
    scripted.answers[:] = [answer]
    ran = thence("versions", "f", "--json", "--url", scripted.url)
    assert (ran.status, ran.json) == (0, {"items": []})
    assert ran.err.startswith("'thence versions NAME' is now 'thence version ls NAME'")


WRITTEN = [
    path
    for pattern in ("src/**/*.py", "docs/**/*.md", "README.md", "examples/**/*.*", "Makefile")
    for path in sorted(ROOT.glob(pattern))
    if path.name != "old_spellings.py"
]


def test_no_page_example_or_sentence_of_the_program_has_an_old_spelling() -> None:
    verbs = {name: getattr(load(name), "commands", None) for name in COMMANDS}
    gone, dead = "|".join(OLD.keys() - COMMANDS.keys()), r"redrive [^`\n]*--delivery|--deliveries"
    nouns = "|".join(name for name, of in verbs.items() if of)
    wrong = []
    for path in WRITTEN:
        text = path.read_text("utf-8", "replace").partition("## Old spellings")[0]
        text = re.sub(r'"\s*\n\s*f?"', "", text)  # a sentence of the program in parts
        text = re.sub(r"\s+", " ", text)
        found = re.findall(rf"thence (?:{gone})\b[^\w-].{{20}}|{dead}", text)
        for noun, word in re.findall(rf"thence ({nouns}) ([\w@/$*-]+)", text):
            if word not in (verbs[noun] or ()):
                found.append(f"thence {noun} {word}")
        wrong += [f"{path}: {what}" for what in found]
    assert wrong == []
