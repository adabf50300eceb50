"""`thence redrive`: dead letters run again, by their IDs or by a filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from .answers import Problem
from .client import Client, part
from .figures import span
from .filters import filter_options, filter_query
from .options import as_json_option, connected, not_empty
from .output import clean, print_json, print_table, say, tell_error
from .progress import bar

STEP = 500  # dead letters that one request runs again
SECONDS_MAX = 300  # of one request
REFUSED_ALONE = frozenset((400, 404, 409, 410, 422))
"""Refusals of one ID: the others are asked all the same."""


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...", callback=not_empty)
@filter_options
@click.option("--again", is_flag=True, help="With IDs: also what has succeeded.")
@click.option(
    "--version",
    metavar="QUALIFIER",
    callback=not_empty,
    help="The version or alias that runs them.",
)
@click.option("--all", "everything", is_flag=True, help="All dead letters, without a filter.")
@click.option("--dry-run", is_flag=True, help="Only say which would be run again.")
@click.option("--rate", type=float, metavar="N", help="At most N starts a second.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many.")
@as_json_option
@connected
def redrive(
    client: Client,
    ids: tuple[str, ...],
    again: bool,
    version: str | None,
    everything: bool,
    dry_run: bool,
    rate: float | None,
    limit: int | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Run dead letters again.

    A redriven invocation is a new one with the same payload; the old one stays as it is and says
    what it became. Repeating a redrive is harmless: it answers with the first one's id. A record
    that was not delivered is sent again by 'thence delivery redrive', and no function runs.

    By filter it takes dead letters: failed, expired, invalid, and what 'function disable --abort'
    stopped. By ID whatever has ended; what has succeeded only with --again, for that repeats what it
    did. The version or alias that the call named runs it, or the one of --version.

    \b
    Example:
      thence redrive 0197b2c4-5d1e-7000-8a11-3f0c5a7e9b42
      thence redrive --function unzip --since 1d --dry-run
      thence redrive --function unzip --since 1d --rate 20
      thence redrive --function unzip --version 7
    """
    query = {name: value for name, value in filter_query(given).items() if value is not None}
    if ids:
        _check_of_ids(bool(query) or everything, dry_run, rate is not None or limit is not None)
        asked = {"again": "true" if again else None, "qualifier": version}
        return each(client, "invocations", ids, asked, None if as_json else _tell)
    _check_of_filter(query, everything, again, version)
    if version is not None:
        query["qualifier"] = version
    if everything:
        query["all"] = True
    report = _by_filter(client, query, dry_run, rate, limit)
    _print(report, as_json)
    return 1 if report["errors"] else 0


def _check_of_ids(filtered: bool, dry_run: bool, bounded: bool) -> None:
    if filtered:
        raise click.UsageError("Name IDs or a filter, not both.")
    if dry_run:
        raise click.UsageError(
            "--dry-run shows what a filter chooses, and IDs are chosen already: 'thence show ID' "
            "says what one is. Nothing was run again."
        )
    if bounded:
        raise click.UsageError("--rate and --limit are of a filter; IDs are run again at once.")


def _check_of_filter(
    query: Mapping[str, Any], everything: bool, again: bool, version: str | None
) -> None:
    if again:
        raise click.UsageError("--again needs IDs: by filter only dead letters are run again.")
    if version is not None and "function" not in query:
        raise click.UsageError("--version is of one function: name it with --function.")
    if not query and not everything:
        raise click.UsageError("Name IDs, a filter such as --function NAME, or --all.")


def each(
    client: Client,
    collection: str,
    ids: Sequence[str],
    query: Mapping[str, str | None],
    tell: Callable[[str, dict[str, Any]], None] | None,
) -> int:
    """Redrive each of the collection (`invocations`, `deliveries`); the exit status. tell: hears of
    each as it is done; None: all answers are printed as JSON at the end."""
    answers: list[Any] = []
    refused = 0
    try:
        for id in ids:
            try:
                answer = client.send("POST", f"/v1/{collection}/{part(id)}/redrive", query=query)
            except Problem as problem:
                if problem.foreign or problem.status not in REFUSED_ALONE:
                    raise
                tell_error(problem.problem_title, problem.detail, problem.document)
                refused += 1
                continue
            answers.append(answer)
            if tell is not None:
                tell(id, answer)
    finally:  # also of a service that goes away in between: what is run again is told
        if tell is None and answers:
            print_json({"items": answers})
    if refused and len(ids) > 1:
        say(f"{len(answers)} of {len(ids)} are redriven; the others were refused.")
    return 1 if refused else 0


def _tell(id: str, answer: dict[str, Any]) -> None:
    click.echo(answer["id"])
    before = " had been run again before" if answer["replayed"] else " is run again"
    say(f"{clean(id)}{before}; look:  thence show {answer['id']}")


def _by_filter(
    client: Client,
    query: dict[str, Any],
    dry_run: bool,
    rate: float | None,
    limit: int | None,
) -> dict[str, Any]:
    """Asks in steps, so that there is progress to show; the steps' reports as one."""
    total: dict[str, Any] = {"dry_run": dry_run, "matched": 0, "redriven": 0, "skipped": 0}
    total |= {"errors": [], "invocations": [], "seconds": 0.0}
    cursor: str | None = None
    with bar("Finding" if dry_run else "Redriving", limit) as advance:
        while limit is None or total["matched"] < limit:
            asked = {**query, "dry_run": dry_run, "rate_per_second": rate, "cursor": cursor}
            asked["limit"] = STEP if limit is None else min(STEP, limit - total["matched"])
            given = {name: value for name, value in asked.items() if value is not None}
            report = client.send(
                "POST", "/v1/dead-letters:redrive", given, timeout_seconds=SECONDS_MAX
            )
            for name in ("matched", "redriven", "skipped", "errors", "invocations", "seconds"):
                total[name] += report[name]
            advance(report["matched"])
            cursor = report.get("cursor")
            if not cursor:
                break
    total["cursor"] = cursor
    return total


def _print(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    print_table(
        ("dead letter", "function", "redriven as"),
        [
            (letter["id"], letter["function"], letter.get("redriven_as", ""))
            for letter in report["invocations"]
        ],
        "None was run again." if report["matched"] else "No dead letter matches.",
    )
    verb = "would be redriven" if report["dry_run"] else "redriven"
    rate = f", started over {span(report['seconds'])}" if report["seconds"] else ""
    refused = f"{len(report['errors'])} refused; " if report["errors"] else ""
    say(
        f"{report['redriven']} {verb}{rate}; {refused}{report['skipped']} skipped (redriven before)."
    )
    for error in report["errors"]:
        say(f"  {error['id']}: {error['detail']}")
