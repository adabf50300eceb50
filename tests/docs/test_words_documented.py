"""States, reasons, outcomes, budgets, errors and commands stand in the documents as the code has
them; so do the links between the documents."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import click
import pytest

from thence import errors
from thence.api.native import invoke
from thence.api.shared import problems
from thence.cli import answers
from thence.cli.commands import COMMANDS, load
from thence.errors import ThenceError
from thence.lifecycle.outcome import BUDGET, Budget, Outcome, billed
from thence.lifecycle.states import FINAL, TRANSITIONS, Reason, State

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
INVOCATION = (DOCS / "concepts" / "invocation.md").read_text("utf-8")
ERRORS = (DOCS / "reference" / "errors.md").read_text("utf-8")
CLI = (DOCS / "reference" / "cli.md").read_text("utf-8")


def rows(page: str) -> dict[str, list[str]]:
    """The tables' rows by the code in their first cell."""
    found: dict[str, list[str]] = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) > 1:
            found[cells[0].strip("`")] = cells[1:]
    return found


# ---------------------------------------------------------------- the life of an invocation


def test_the_diagram_has_exactly_the_transitions_of_the_code() -> None:
    diagram = INVOCATION.split("```mermaid")[1].split("```")[0]
    edges = set(re.findall(r"^ +(\S+) --> (\S+)$", diagram, re.MULTILINE))
    expected = {(str(before), str(to)) for before, after in TRANSITIONS.items() for to in after}
    expected |= {("[*]", "queued")} | {(str(state), "[*]") for state in FINAL}
    assert edges == expected


@pytest.mark.parametrize("state", State)
def test_a_state_is_explained_and_said_to_be_final_when_it_is(state: State) -> None:
    table = INVOCATION.split("## States")[1].split("## ")[0]
    assert rows(table)[state][0].startswith("final: ") is (state in FINAL)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_explained_with_its_state(reason: Reason) -> None:
    table = INVOCATION.split("## Reasons")[1].split("## ")[0]
    assert rows(table)[reason][0] in {str(state) for state in FINAL}


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_is_explained_with_its_budget_and_its_bill(outcome: Outcome) -> None:
    table = INVOCATION.split("## Outcomes")[1]
    _, budget, bill = rows(table)[outcome]
    expected = BUDGET[outcome]
    assert budget == (f"`{expected}`" if expected else "–")
    assert bill == ("yes" if billed(outcome) else "no")


@pytest.mark.parametrize("budget", Budget)
def test_a_budget_is_explained(budget: Budget) -> None:
    assert f"\n| `{budget}` |" in INVOCATION


def test_every_word_for_why_it_waits_is_explained() -> None:
    source = (ROOT / "src/thence/engine/why.py").read_text("utf-8")
    codes = set(re.findall(r'Why\(\s*"(\w+)"', source))
    assert len(codes) >= 8
    assert codes <= set(rows(INVOCATION.split("## Why it waits")[1]))


# ---------------------------------------------------------------- errors


def kinds() -> dict[str, type[ThenceError]]:
    """Every error by its code, those of the doors and of the command line too."""
    found = {
        kind.code: kind
        for module in (errors, problems, answers)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, ThenceError)
    }
    return found


@pytest.mark.parametrize("code", sorted(kinds()))
def test_an_error_is_in_the_list_with_the_status_that_it_is_answered_with(code: str) -> None:
    cells = rows(ERRORS)[code]
    kind = kinds()[code]
    if cells[0].isdecimal():
        status = next((of for item, of in problems._STATUSES if issubclass(kind, item)), 500)
        assert int(cells[0]) == getattr(kind, "status", status)


@pytest.mark.parametrize("ending", [*invoke.ENDINGS.values(), invoke.PLATFORM], ids=lambda e: e[1])
def test_the_ending_of_a_synchronous_call_is_in_the_list(ending: tuple[int, str, str]) -> None:
    assert rows(ERRORS)[ending[1]][0] == str(ending[0])


def test_the_list_has_no_error_that_there_is_not() -> None:
    endings = {ending[1] for ending in (*invoke.ENDINGS.values(), invoke.PLATFORM)}
    assert set(rows(ERRORS)) == set(kinds()) | endings


# ---------------------------------------------------------------- commands and links


def commands() -> dict[str, click.Command]:
    """Every command without verbs and every verb, by how it is typed."""
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = load(name)
        verbs = getattr(command, "commands", None)
        found |= {f"{name} {verb}": of for verb, of in verbs.items()} if verbs else {name: command}
    return found


@pytest.mark.parametrize("line", commands())
def test_a_command_is_in_the_reference_with_its_options(line: str) -> None:
    assert re.search(rf"`thence {line}[ `]", CLI), "it has no row in docs/reference/cli.md"
    for parameter in commands()[line].params:
        if not isinstance(parameter, click.Option) or parameter.opts[0] in ("--json", "--url"):
            continue
        is_setting = str(parameter.name).startswith("setting_")  # settings.md has those
        assert is_setting or parameter.opts[0] in CLI, parameter.opts[0]


def test_the_reference_has_no_command_that_there_is_not() -> None:
    known = {tuple(line.split()) for line in commands()}
    for written in re.findall(r"^\| `thence ([^`]+)`", CLI, re.MULTILINE):
        words = tuple(written.split())
        assert words[:1] in known or words[:2] in known, written


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=str)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in anchors, link


def test_the_words_of_the_code_are_in_the_glossary() -> None:
    page = (DOCS / "concepts" / "glossary.md").read_text("utf-8")
    words = re.findall(r"^\| \*\*([\w ]+)\*\*", page, re.MULTILINE)
    used = (
        "function, version, alias, qualifier, invocation, payload, attempt, retry, outcome, state, "
        "reason, event age, expires_at, due_at, backlog, claim, lease, lease token, node, slot, "
        "instance, lane, dispatch, run, settle, rescue, expire, prune, drain, stop, throttle, "
        "destination, record, delivery, dead letter, redrive, trigger, wake, notice"
    )
    assert set(used.split(", ")) <= set(words)
    assert words == sorted(words)
