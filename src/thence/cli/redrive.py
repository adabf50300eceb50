"""`thence redrive`: dead letters run again, dead deliveries sent again."""

from __future__ import annotations

from typing import Any

import click

from .client import Client, Problem, part
from .listing import filters, query_of
from .options import as_json_option, connected, not_empty
from .output import clean, print_json, print_table, say, span, tell_error

STEP = 500
OF_ONE = frozenset(
    (400, 404, 409, 410, 422)
)  # refusals of one ID: the others are asked all the same


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...", callback=not_empty)
@click.option("--delivery", "deliveries", is_flag=True, help="The IDs are of deliveries.")
@filters
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
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@as_json_option
@connected
def redrive(
    client: Client,
    ids: tuple[str, ...],
    deliveries: bool,
    again: bool,
    version: str | None,
    everything: bool,
    dry_run: bool,
    rate: float | None,
    limit: int | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Run dead letters again, or send dead deliveries again.

    A redriven invocation is a new one with the same payload; the old one stays as it is and says
    what it became. Repeating a redrive is harmless: it answers with the first one's id. With
    --delivery the record is sent again and no function runs.

    By filter it takes dead letters: failed, expired, invalid, and what 'disable --abort' stopped. By
    ID whatever has ended; what has succeeded only with --again, for that repeats what it did. The
    version or alias that the call named runs it, or the one of --version.

    \b
    Example:
      thence redrive 0197b2c4-5d1e-7000-8a11-3f0c5a7e9b42
      thence redrive --function unzip --since 1d --dry-run
      thence redrive --function unzip --since 1d --rate 20
      thence redrive --function unzip --version 7
      thence redrive --delivery 0197b2c4-7f00-7000-9c22-1b2d3e4f5a60
    """
    query = {name: value for name, value in query_of(given).items() if value is not None}
    if ids:
        if query or everything:
            raise click.UsageError("Name IDs or a filter, not both.")
        if dry_run:
            raise click.UsageError(
                "--dry-run shows what a filter chooses, and IDs are chosen already: 'thence show ID' "
                "says what one is. Nothing was run again."
            )
        if rate is not None or limit is not None:
            raise click.UsageError("--rate and --limit are of a filter; IDs are run again at once.")
        if deliveries and (again or version is not None):
            raise click.UsageError("--again and --version are of invocations, not of deliveries.")
        return _each(client, ids, deliveries, again, version, as_json)
    if again:
        raise click.UsageError("--again needs IDs: by filter only dead letters are run again.")
    if version is not None and "function" not in query:
        raise click.UsageError("--version is of one function: name it with --function.")
    if deliveries:
        raise click.UsageError("--delivery needs the IDs of deliveries; 'thence show ID' has them.")
    if not query and not everything:
        raise click.UsageError("Name IDs, a filter such as --function NAME, or --all.")
    if version is not None:
        query["qualifier"] = version
    if everything:
        query["all"] = True
    report = _by_filter(client, query, dry_run, rate, limit)
    _show(report, as_json)
    return 1 if report["errors"] else 0


def _each(
    client: Client,
    ids: tuple[str, ...],
    deliveries: bool,
    again: bool,
    version: str | None,
    as_json: bool,
) -> int:
    asked = {"again": "true" if again else None, "qualifier": version}
    answers: list[Any] = []
    refused = 0
    kind = "deliveries" if deliveries else "invocations"
    try:
        for id in ids:
            try:
                answer = client.send("POST", f"/v1/{kind}/{part(id)}/redrive", query=asked)
            except Problem as problem:
                if problem.foreign or problem.status not in OF_ONE:
                    raise
                tell_error(problem.problem_title, problem.detail, problem.document)
                refused += 1
                continue
            answers.append(answer)
            if not as_json:
                _tell(id, answer, deliveries)
    finally:  # also of a service that goes away in between: what is run again is told
        if as_json and answers:
            print_json({"items": answers})
    if refused and len(ids) > 1:
        say(f"{len(answers)} of {len(ids)} are run again; the others were refused.")
    return 1 if refused else 0


def _tell(id: str, answer: dict[str, Any], deliveries: bool) -> None:
    if deliveries:
        say(f"Delivery {clean(id)} is sent again.")
        return
    click.echo(answer["id"])
    before = " had been run again before" if answer["replayed"] else " is run again"
    say(f"{clean(id)}{before}; look:  thence show {answer['id']}")


def _by_filter(
    client: Client, query: dict[str, Any], dry_run: bool, rate: float | None, limit: int | None
) -> dict[str, Any]:
    """Asks in steps, so that there is progress to show; the steps' reports as one."""
    from .progress import bar

    total: dict[str, Any] = {"dry_run": dry_run, "matched": 0, "redriven": 0, "skipped": 0}
    total |= {"errors": [], "invocations": [], "seconds": 0.0}
    cursor: str | None = None
    with bar("Finding" if dry_run else "Redriving", limit) as advance:
        while limit is None or total["matched"] < limit:
            asked = {**query, "dry_run": dry_run, "rate_per_second": rate, "cursor": cursor}
            asked["limit"] = STEP if limit is None else min(STEP, limit - total["matched"])
            given = {name: value for name, value in asked.items() if value is not None}
            report = client.send("POST", "/v1/dead-letters:redrive", given, timeout_seconds=300)
            for name in ("matched", "redriven", "skipped", "errors", "invocations", "seconds"):
                total[name] += report[name]
            advance(report["matched"])
            cursor = report.get("cursor")
            if not cursor:
                break
    total["cursor"] = cursor
    return total


def _show(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    print_table(
        ("dead letter", "function", "redriven as"),
        [(one["id"], one["function"], one.get("redriven_as", "")) for one in report["invocations"]],
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
