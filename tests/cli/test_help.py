"""Every command teaches itself, and asking for help loads nothing that is not needed."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from thence.cli.app import run
from thence.cli.commands import COMMANDS, load
from thence.cli.noun import Noun, first_line
from thence.cli.old_spellings import OLD

LINES = [
    line
    for name in COMMANDS
    for line in (name, *(f"{name} {verb}" for verb in getattr(load(name), "commands", ())))
]
"""Every command and every verb, as it is typed."""


def command(line: str) -> click.Command:
    name, _, verb = line.partition(" ")
    found = load(name)
    return found.commands[verb] if verb and isinstance(found, Noun) else found


@pytest.mark.parametrize("line", LINES)
def test_the_help_of_a_command_has_an_example_of_it(line: str) -> None:
    text = command(line).help or ""
    _, found, example = text.partition("Example:")
    assert found
    assert f"thence {line}" in example


@pytest.mark.parametrize("line", LINES)
def test_what_help_prints_has_that_example(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        run([*line.split(), "--help"])
    except SystemExit as ended:  # the measuring program reads its own arguments
        assert ended.code == 0
    _, found, example = capsys.readouterr().out.partition("Example:")
    assert found and f"thence {line}" in example


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_its_own_help_says(name: str) -> None:
    assert first_line(command(name)) == COMMANDS[name]


@pytest.mark.parametrize("line", LINES)
def test_the_first_line_of_a_help_is_a_sentence(line: str) -> None:
    assert first_line(command(line)).endswith("."), "or it goes on and is cut in the list of verbs"


@pytest.mark.parametrize("line", LINES)
def test_every_option_has_a_help_text(line: str) -> None:
    for parameter in command(line).params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name  # type: ignore[attr-defined]


def test_the_help_of_a_noun_lists_its_verbs_and_the_help_of_all_every_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["alias", "--help"]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.partition("Verbs:\n")[2].splitlines()] == [
        "set", "show", "ls", "delete",
    ]  # fmt: skip
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n  {name} " in shown
    for old in OLD.keys() - COMMANDS.keys():
        assert f"\n  {old} " not in shown


@pytest.mark.parametrize("columns", [40, 60, 140])
def test_help_fits_on_the_screen_and_breaks_no_word(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for line in LINES:
        if line == "bench":  # it writes its own
            continue
        assert run([*line.split(), "--help"]) == 0
        before, _, behind = capsys.readouterr().out.partition("Example:")
        for shown in (before + behind.partition("\n\n")[2]).splitlines():
            is_term = shown.startswith("  -")
            assert len(shown) < columns or is_term or " " not in shown.strip(), (line, shown)
        if "--url" in behind:
            assert "http://127.0.0.1:7411]" in behind


def test_help_and_a_command_against_nothing_load_neither_tables_nor_the_engine() -> None:
    code = (
        "import sys\n"
        "from thence.cli.app import run\n"
        "run(['--help'])\n"
        "run(['invoke', 'f', '--url', 'http://127.0.0.1:9'])\n"
        "slow = {'rich.table', 'uvicorn', 'aiohttp', 'starlette', 'thence.engine', 'thence.server'}\n"
        "sys.exit(', '.join(slow & set(sys.modules)) or 0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("unzip", "There is no command 'unzip'"),
        ("deply", "did you mean deploy?"),
        ("deadletters", "did you mean dead-letters?"),
        ("list", "did you mean ls?"),
        ("start", "did you mean serve?"),
        ("alias create f@prod 1", "(did you mean set?)"),
        ("version remove f@1", "(did you mean delete?)"),
        ("version update f@1", "There is no verb 'update'; write one of publish, ls, delete."),
        ("receive", "did you mean 'thence mailbox receive'?"),
        (
            "set",
            "did you mean 'thence alias set', 'thence async-config set' or 'thence trigger set'?",
        ),
        (
            "alias sett f@prod 1",
            "There is no verb 'sett' (did you mean set?); write one of set, show,",
        ),
        ("mailbox empty", "There is no verb 'empty'; write one of ls, read, receive, delete."),
        ("version 1", "There is no verb '1'"),
        ("invok", "did you mean invoke?"),
        ("remove", "'thence --help' lists them"),
        ("--vesion", "There is no option --vesion (did you mean --version?)"),
    ],
)
def test_an_unknown_command_is_a_usage_error_with_one_that_is_near(
    typed: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed.split()) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("serve --port 80", "There is no option --port (did you mean --listen?)."),
        ("deploy f --slots 3", "There is no option --slots (did you mean --concurrency?)."),
        ("deploy f --max-event 3", "(did you mean --max-event-age?)"),
        ("deploy f --timout 3", "(did you mean --timeout?)"),
        ("invoke f --payload x", "(did you mean --data?)"),
        ("stats --slots 3", "There is no option --slots.\n"),
        ("ls -x", "There is no option -x.\n"),
    ],
)
def test_an_unknown_option_is_told_with_the_one_that_was_meant_and_no_other(
    typed: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed.split()) == 2
    told = capsys.readouterr().err
    assert says in told
    assert f"Usage: thence {typed.split()[0]}" in told
