"""The list of commands, how they are found, and how a program ends.

Exit statuses (docs/reference/cli.md): 0 done, 1 the invocation or operation failed, 2 a wrong
command line or a program that cannot start, 3 the service does not answer or
cannot take it now, 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from .. import __version__
from ..bounds import did_you_mean
from ..errors import InvalidInput, StartupError, ThenceError
from ..unusable import file_unusable
from .streams import give_up_output, output_failed

FAILED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Functions": {
        "deploy": ("function:deploy", "Create or replace a function from a folder or a file."),
        "function": ("function_view:function", "Show everything about one function."),
        "ls": ("listing:ls", "List functions or invocations."),
        "delete": ("function:delete", "Delete a function, or one version of it."),
        "disable": ("control:disable", "Take no calls of a function and start nothing that waits."),
        "enable": (
            "control:enable",
            "Take calls of a disabled function again and start what waits.",
        ),
        "limit": (
            "control:limit",
            "Limit what runs at once of all versions of a function together.",
        ),
    },
    "Versions": {
        "publish": (
            "version:publish",
            "Publish what is deployed as a version, which never changes.",
        ),
        "versions": (
            "version:versions",
            "List the published versions of a function, newest first.",
        ),
        "alias": ("alias:alias", "List, show, set or delete names for versions."),
        "async-config": (
            "async_config:async_config",
            "Show, set or delete the settings of asynchronous calls by qualifier.",
        ),
    },
    "Invocations": {
        "invoke": ("invocation:invoke", "Call a function: now, or as an invocation that is kept."),
        "show": ("invocation:show", "Show everything about one invocation."),
        "stop": ("invocation:stop", "Stop an invocation, whatever its state."),
        "redrive": ("redrive:redrive", "Run dead letters again, or send dead deliveries again."),
        "dead-letters": ("listing:dead_letters", "List invocations that ended without success."),
        "tail": ("events:tail", "Follow what happens, as it happens."),
        "stats": ("stats:stats", "Show the backlog and what became of everything."),
        "mailbox": ("mailbox:mailbox", "Read the built-in queues, topics, streams and buckets."),
    },
    "Service": {
        "serve": ("serve:serve", "Run the service."),
        "config": ("config:config", "Show the settings of the service, without secrets."),
        "backup": (
            "backup:backup",
            "Back up a data directory as DIR, while a service uses it or not.",
        ),
        "restore": (
            "backup:restore",
            "Make an empty folder a data directory as the backup DIR has it.",
        ),
        "verify": (
            "verify:verify",
            "Check a data directory while no service uses it, or a backup.",
        ),
        "bench": ("bench:bench", "Measure speed as ratios within one run."),
        "demo": ("demo:demo", "Start a service and watch it keep its promises."),
        "completion": ("completion:completion", "Print the completion script of a shell."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}
ALIASES = {"rm": "delete"}


class Commands(click.Group):
    """Loads a command's module when it is used: `thence --help` reads this file only."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if entry is None:
            return None
        module, _, attribute = entry[0].partition(":")
        command = getattr(importlib.import_module(f"{__package__}.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchOption:
            raise
        except click.UsageError:
            near = did_you_mean(args[0], [*COMMANDS, *ALIASES])
            raise click.UsageError(
                f"There is no command {args[0]!r}{near}; 'thence --help' lists them.", ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, about) for name, (_, about) in commands.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="thence")
def thence() -> None:
    """Asynchronous invocation for functions: accepted means on disk.

    \b
    Example:
      thence serve &                           start the service
      thence deploy examples/hello             deploy a function
      thence invoke hello --data '{"name": "Ada"}' --wait
      thence ls invocations                    what became of it
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; its exit status. Errors become sentences on stderr."""
    try:
        answer = thence.main(arguments, prog_name="thence", standalone_mode=False)
        sys.stdout.flush()
        return answer if isinstance(answer, int) else 0
    except click.NoSuchOption as error:
        from .meant import unknown_option

        unknown_option(error).show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        give_up_output()  # its reader has gone: `thence ls | head`
        return 0
    except OSError as error:
        if error.filename is not None:
            return _tell(file_unusable(error))
        if not output_failed(error):
            raise
        give_up_output()
        click.echo(f"Error: The output could not be written: {error.strerror}.", err=True)
        return FAILED
    except ThenceError as error:
        return _tell(error)


def _tell(error: ThenceError) -> int:
    from .client import Problem, Unreachable
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
