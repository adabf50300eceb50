"""Every command teaches itself, and asking for help loads nothing that is not needed."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from thence.cli.app import COMMANDS, thence

CONTEXT = click.Context(thence)


def command(name: str) -> click.Command:
    found = thence.get_command(CONTEXT, name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_an_example_of_it(name: str) -> None:
    text = command(name).help or ""
    _, found, example = text.partition("Example:")
    assert found
    assert f"thence {name}" in example


@pytest.mark.parametrize("name", COMMANDS)
def test_what_help_prints_has_that_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from thence.cli.app import run

    try:
        run([name, "--help"])
    except SystemExit as ended:  # the measuring program reads its own arguments
        assert ended.code == 0
    _, found, example = capsys.readouterr().out.partition("Example:")
    assert found and f"thence {name}" in example


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_its_own_help_says(name: str) -> None:
    assert (command(name).help or "").splitlines()[0].strip() == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text(name: str) -> None:
    for parameter in command(name).params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name  # type: ignore[attr-defined]


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
        ("invok", "did you mean invoke?"),
        ("remove", "'thence --help' lists them"),
        ("--vesion", "There is no option --vesion (did you mean --version?)"),
    ],
)
def test_an_unknown_command_is_a_usage_error_with_one_that_is_near(
    typed: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from thence.cli.app import run

    assert run([typed]) == 2
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
    from thence.cli.app import run

    assert run(typed.split()) == 2
    told = capsys.readouterr().err
    assert says in told
    assert f"Usage: thence {typed.split()[0]}" in told
