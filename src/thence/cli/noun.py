"""A command that is a noun: a group of verbs, `thence alias ls`, `thence alias set`.

@click.group(cls=Noun)
def alias() -> None:
    "..."

@alias.command("ls")
...
"""

from __future__ import annotations

from typing import Any

import click

from .near_words import near_verb


class Noun(click.Group):
    """Lists its verbs in the order of its module, each with the whole first line of its help."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.subcommand_metavar = "VERB ..."

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if ctx.resilient_parsing or args[0] in self.commands or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        near = near_verb(args[0], self.commands)
        raise click.UsageError(
            f"There is no verb {args[0]!r}{near}; write one of {', '.join(self.commands)}.", ctx
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(
                [(name, first_line(verb)) for name, verb in self.commands.items()],
            )


def first_line(command: click.Command) -> str:
    """What a command does, in a line."""
    return (command.help or "").strip().partition("\n")[0]
