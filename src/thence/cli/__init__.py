"""The command line: one module a noun, each loaded only when its command is used.

app.py       the list of commands, errors as sentences, exit statuses
client.py    the plain HTTP client that every command but serve, verify, bench, demo uses
output.py    tables for people, JSON for programs
options.py   the options that commands share
streams.py   stdin, stdout and stderr
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
