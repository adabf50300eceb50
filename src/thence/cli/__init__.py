"""The command line: a module a command, each loaded only when its command is used.

commands.py       the list of commands
noun.py           a command with verbs: function.py version.py alias.py async_config.py trigger.py
                  delivery.py mailbox.py
old_spellings.py  what the version before wrote otherwise
app.py            the program: errors as sentences, exit statuses
client.py         the plain HTTP client that every command but serve, verify, bench, demo uses
output.py         tables for people, JSON for programs; figures.py numbers; *_text.py what is told of
                  a function, an invocation
options.py        the options that commands share; filters.py, async_options.py those of a few
streams.py        stdin, stdout and stderr
serverless_devs/  projects of that tool
"""

from __future__ import annotations

import sys


def main() -> None:
    """The `thence` program."""
    try:
        from .app import run
        from .streams import prepare

        prepare()
        status = run()
    except KeyboardInterrupt:  # while the modules were loaded; `run` tells all others
        sys.stderr.write("Interrupted.\n")
        status = 130
    raise SystemExit(status)
