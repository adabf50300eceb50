"""`thence deploy`: a folder, a file or an archive becomes a function; a project its functions."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import click

from ..errors import InvalidInput
from .answers import Problem
from .async_options import async_fields, async_options
from .client import Client, part
from .figures import size, span
from .function_text import change_text, destination_text, held_back
from .options import SECONDS, as_json_option, connected, not_empty
from .output import clean, heading, print_facts, print_json, say
from .progress import bar
from .source import SETTINGS_FILE, Source, check_handler, read_source

UPLOAD_SECONDS_MAX = 120
PROJECTS = (".yaml", ".yml")
MAIN = "main.py"  # what a function's file is mostly called


@click.command()
@click.argument("target", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--name", callback=not_empty, help="Name of the function; otherwise that of the folder or file."
)
@click.option("--handler", metavar="MODULE.FUNCTION", help="Where the code begins.")
@click.option("--event", type=click.Choice(["json", "bytes"]), help="How the handler gets it.")
@click.option("--timeout", type=SECONDS, help="Longest run of one attempt.")
@click.option("--memory", type=int, metavar="MB", help="Memory of an instance.")
@click.option("--concurrency", type=int, metavar="SLOTS", help="Runs at once of this version.")
@async_options
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Environment; may be repeated.")
@click.option("--description", help="A line for people.")
@click.option("--no-check", is_flag=True, help="Do not load the code once before it is deployed.")
@click.option("--dry-run", is_flag=True, help="Of a project: show the plan, change nothing.")
@click.option("--resource", "only", multiple=True, metavar="NAME", help="Of a project: only it.")
@click.option("--skip-triggers", is_flag=True, help="Of a project: leave its triggers out.")
@as_json_option
@connected
def deploy(
    client: Client,
    target: Path,
    dry_run: bool,
    only: tuple[str, ...],
    skip_triggers: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Create or replace a function from a folder or a file.

    TARGET is a folder, a Python file or a ZIP archive. A folder may hold 'thence.function.toml'
    with the fields of a function (name, handler, timeout_seconds, on_success, ...); options win
    over it, and what neither says has its default, also when a function is replaced: what that
    changes is shown. The service loads the code once first, and refuses what no call could run.
    To pause a function, use 'thence function limit NAME 0', not this. A destination is
    function:NAME, queue:NAME, topic:NAME, stream:NAME, bucket:NAME/prefix/, an https:// URL, JSON, or
    @FILE with one of these.

    TARGET may also be a project of Serverless Devs (s.yaml, components fc3 and fc): its functions,
    asynchronous configurations and triggers are deployed as the file says; --dry-run shows what
    would change. It ends with status 1 where the service refused a part of it.

    \b
    Example:
      thence deploy examples/hello
      thence deploy s.yaml --dry-run
      thence deploy unzip.py --event bytes --retries 2 --timeout 30s \\
          --on-success queue:unzipped --on-failure queue:dead-letters
    """
    if target.suffix in PROJECTS:
        from .serverless_devs.deploy import deploy_project

        _only_for_functions(given)
        return deploy_project(
            client, target, dry_run=dry_run, only=only, skip_triggers=skip_triggers, as_json=as_json
        )
    if dry_run or only or skip_triggers:
        raise click.UsageError(
            "--dry-run, --resource and --skip-triggers are for a project (s.yaml)."
        )
    _deploy_function(client, target, given, as_json)
    return 0


def _only_for_functions(given: dict[str, Any]) -> None:
    for option, value in given.items():
        if value not in (None, (), False):
            raise click.UsageError(
                f"--{option.replace('_', '-')}: what a project deploys is written in its file."
            )


def _deploy_function(client: Client, target: Path, given: dict[str, Any], as_json: bool) -> None:
    source, options = read_source(target, given["name"]), _fields(given)
    spec = source.settings | options
    for table in ("environment", "retry_wait"):  # options win field by field
        if table in options:
            spec[table] = {**source.settings.get(table, {}), **options[table]}
    check_handler(source.archive, str(spec.get("handler", "main.handler")))
    spec["code"] = base64.b64encode(source.archive).decode()
    body = json.dumps(spec, default=_no_json).encode()
    try:
        answer = _upload(client, source.name, body, check=not given["no_check"])
    except Problem as problem:
        raise _with_file(problem, source, options) from None
    _print(answer, as_json, len(source.archive))
    if target.name == MAIN and given["name"] is None:
        say(
            f"It is called {clean(source.name)!r} as its file is, and so is every other {MAIN}: deploy "
            "the folder instead, or say --name."
        )


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of the function that the options say."""
    fields = {
        "handler": given["handler"],
        "event": given["event"],
        "timeout_seconds": given["timeout"],
        "memory_mb": given["memory"],
        "concurrency": given["concurrency"],
        "description": given["description"],
        "environment": _environment(given["env"]) or None,
    }
    said = {name: value for name, value in fields.items() if value is not None}
    return said | async_fields(given)


def _environment(given: tuple[str, ...]) -> dict[str, str]:
    environment: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--env {pair!r}: write NAME=VALUE.")
        environment[name] = value
    return environment


def _with_file(problem: Problem, source: Source, options: dict[str, Any]) -> Problem:
    """Where what was refused is written, if that is the settings file and not an option."""
    field = str(problem.document.get("field", "")).partition(".")[0]
    if field not in source.written or field in options:
        return problem
    document = {**problem.document, "detail": f"{source.file}: {problem.detail}"}
    return Problem(problem.status, document)


def _no_json(value: Any) -> Any:
    """TOML has dates and times, functions have none."""
    raise InvalidInput(
        f"{SETTINGS_FILE}: {value} is a date or a time; no field takes one. Put it in quotes.",
        field=SETTINGS_FILE,
    )


def _upload(client: Client, name: str, body: bytes, *, check: bool) -> Any:
    then = "Loading its code once" if check else "Storing it"
    with bar(f"Uploading {name}", len(body), of_bytes=True, then=then) as advance:
        answer = client.request(
            "PUT",
            f"/v1/functions/{part(name)}",
            query=None if check else {"check": "false"},
            body=body,
            headers={"Content-Type": "application/json"},
            timeout_seconds=UPLOAD_SECONDS_MAX,
            sent=advance,
        )
    return answer.json()


def _print(function: dict[str, Any], as_json: bool, code_bytes: int) -> None:
    if as_json:
        print_json(function)
        return
    print_facts(
        {
            "function": f"{function['name']} (revision {function.get('revision', 1)})",
            "state": held_back(function),
            "code": size(code_bytes),
            "handler": function.get("handler"),
            "time limit": span(function.get("timeout_seconds")),
            "slots": function.get("concurrency"),
            "retries": function.get("max_retries"),
            "on success": destination_text(function.get("on_success")),
            "on failure": destination_text(function.get("on_failure")),
        }
    )
    _print_changes(function.get("changes") or [])
    for warning in function.get("warnings") or []:
        say(f"Warning: {warning}")
    say(f"Call it:  thence invoke {clean(function['name'])} --data '{{}}' --wait")


def _print_changes(changes: list[dict[str, Any]]) -> None:
    """What is not as it was before, and what of it was reset because nothing says it now."""
    if not changes:
        return
    heading("Changed")
    print_facts({change["field"]: change_text(change) for change in changes})
    reset = [change["field"] for change in changes if change["reset"]]
    if reset:
        say(
            f"Reset to the default, because neither options nor {SETTINGS_FILE} say it: "
            f"{', '.join(reset)}."
        )
