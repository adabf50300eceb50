"""The program: how a command is found, errors as sentences, exit statuses.

Exit statuses (docs/reference/cli.md): 0 done, 1 the invocation or operation failed, 2 a wrong
command line or a program that cannot start, 3 the service does not answer or
cannot take it now, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from .. import __version__
from ..errors import InvalidInput, StartupError, ThenceError
from ..unusable import file_unusable
from .commands import COMMANDS, SECTIONS, load
from .help_page import HelpPage
from .near_words import near_command, unknown_option
from .old_spellings import renewed
from .streams import discard_output, output_failed

FAILED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130


class Commands(click.Group):
    """Loads a command's module when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if ctx.resilient_parsing or args[0] in COMMANDS or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        near = _verbs_called(args[0]) or near_command(args[0], COMMANDS)
        raise click.UsageError(
            f"There is no command {args[0]!r}{near}; 'thence --help' lists them.", ctx
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def _verbs_called(verb: str) -> str:
    """` (did you mean 'thence version publish'?)` of `publish`, or empty."""
    nouns = [name for name in COMMANDS if verb in getattr(load(name), "commands", ())]
    *most, last = [f"'thence {noun} {verb}'" for noun in nouns] or [""]
    found = f"{', '.join(most)} or {last}" if most else last
    return f" (did you mean {found}?)" if found else ""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="thence")
def thence() -> None:
    """Asynchronous invocation for functions: accepted means on disk.

    \b
    Example:
      thence serve &                           start the service
      thence deploy examples/hello             deploy a function
      thence invoke hello --data '{"name": "Ada"}' --wait
      thence ls                                what became of it
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; its exit status. Errors become sentences on stderr."""
    try:
        click.Context.formatter_class = HelpPage  # of every command, whoever has made it
        given = list(sys.argv[1:] if arguments is None else arguments)
        answer = thence.main(renewed(given), prog_name="thence", standalone_mode=False)
        sys.stdout.flush()
        return answer if isinstance(answer, int) else 0
    except click.NoSuchOption as error:
        unknown_option(error).show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()  # its reader has gone: `thence ls | head`
        return 0
    except OSError as error:
        if error.filename is not None:
            return _tell(file_unusable(error))
        if not output_failed(error):
            raise
        discard_output()
        click.echo(f"Error: The output could not be written: {error.strerror}.", err=True)
        return FAILED
    except ThenceError as error:
        return _tell(error)


def _tell(error: ThenceError) -> int:
    from .answers import Problem, Unreachable
    from .output import say, tell_error

    if isinstance(error, Problem):
        tell_error(error.problem_title, error.detail, error.document)
        if error.problem_code == "unauthorized":
            say(
                "  This command takes them from THENCE_ROOT_ACCESS_KEY_ID and "
                "THENCE_ROOT_ACCESS_KEY_SECRET."
            )
        # A 502 or 504 of Thence's own is a function that failed; of a proxy it is nobody there.
        away = error.status in (429, 503) or (error.status in (502, 504) and error.foreign)
        return UNREACHABLE if away else FAILED
    tell_error(error.title, error.detail, error.fields)
    if isinstance(error, Unreachable):
        return UNREACHABLE
    return USAGE if isinstance(error, (StartupError, InvalidInput)) else FAILED
