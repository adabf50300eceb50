"""`thence completion`: the script that lets a shell complete commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Example:
      echo 'source <(thence completion bash)' >> ~/.bashrc
      echo 'source <(thence completion zsh)' >> ~/.zshrc
      thence completion fish > ~/.config/fish/completions/thence.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click knows the three shells of the choice
    click.echo(kind(ctx.find_root().command, {}, "thence", "_THENCE_COMPLETE").source())
