"""`thence stats`: the backlog and the counters."""

from __future__ import annotations

import click

from .client import Client
from .figures import span
from .options import as_json_option, connected
from .output import print_facts, print_json, print_table

COUNTED = ("waiting", "running", "succeeded", "failed", "stopped", "expired", "invalid")


@click.command()
@as_json_option
@connected
def stats(client: Client, as_json: bool) -> int:
    """Show the backlog and what became of everything.

    The conservation difference is accepted minus everything that is waiting, running or final. It
    must be 0; status 1 when it is not.

    \b
    Example:
      thence stats
      thence stats --json | jq .conservation_difference
    """
    found = client.get("/v1/stats")
    lost = found["conservation_difference"]
    if as_json:
        print_json(found)
        return 1 if lost else 0
    print_table(
        ("function", "accepted", *COUNTED, "oldest waits"),
        [
            (
                counts["function"],
                counts["accepted"],
                *(counts[name] for name in COUNTED),
                span(counts.get("oldest_age_seconds")),
            )
            for counts in found["functions"]
        ],
        "Nothing was accepted yet.",
        optional=("invalid", "expired", "stopped", "accepted"),
    )
    print_facts(
        {
            "accepted": found["accepted"],
            "waiting": found["waiting"],
            "running": found["running"],
            "conservation difference": f"{lost} (must be 0)",
        }
    )
    return 1 if lost else 0
