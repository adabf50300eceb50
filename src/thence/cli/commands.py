"""The list of commands. A new one is a file in this folder and a line here: docs/build/commands.md.

The command NAME is the object NAME in the module NAME (`_` for `-`), which is imported only when the
command is used: `thence --help` reads this file alone.
"""

from __future__ import annotations

import importlib

import click

SECTIONS: dict[str, dict[str, str]] = {
    "Every day": {
        "serve": "Run the service.",
        "deploy": "Create or replace a function from a folder or a file.",
        "invoke": "Call a function: now, or as an invocation that is kept.",
        "ls": "List invocations or functions.",
        "show": "Show everything about one invocation.",
        "stop": "Stop an invocation, whatever its state.",
        "redrive": "Run dead letters again.",
        "tail": "Follow what happens, as it happens.",
        "dead-letters": "List invocations that ended without success.",
        "stats": "Show the backlog and what became of everything.",
    },
    "Nouns with verbs (thence NOUN --help)": {
        "function": "Show, list, delete, disable, enable or limit functions.",
        "version": "Publish, list or delete versions, which never change.",
        "alias": "Set, show, list or delete names for versions.",
        "async-config": "Set, show, list or delete settings of asynchronous calls.",
        "trigger": "Set, show, list or delete what calls functions by itself.",
        "delivery": "List, show or redrive deliveries of records.",
        "mailbox": "Read the built-in queues, topics, streams and buckets.",
    },
    "Service": {
        "config": "Show the settings of the service, without secrets.",
        "backup": "Back up a data directory as DIR, while a service uses it or not.",
        "restore": "Make an empty folder a data directory as the backup DIR has it.",
        "verify": "Check a data directory while no service uses it, or a backup.",
        "bench": "Measure speed as ratios within one run.",
        "demo": "Start a service and watch it keep its promises.",
        "completion": "Print the completion script of a shell.",
    },
}
COMMANDS = {name: about for section in SECTIONS.values() for name, about in section.items()}


def load(name: str) -> click.Command:
    """The command of that name. Raises KeyError where the list has none."""
    COMMANDS[name]
    name = name.replace("-", "_")
    command = getattr(importlib.import_module(f"{__package__}.{name}"), name)
    assert isinstance(command, click.Command)
    return command
