"""`thence deploy`, `thence delete`: functions."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import click

from ..errors import InvalidInput
from .client import Client, Problem, part
from .options import (
    SECONDS,
    agreed,
    as_json_option,
    connected,
    not_empty,
    qualified,
    qualified_names,
)
from .output import clean, heading, print_facts, print_json, say, size, span
from .source import SETTINGS_FILE, Source, check_handler, read_source

DESTINATION_BYTES_MAX = 64 * 1024
PROJECTS = (".yaml", ".yml")
MAIN = "main.py"  # what a function's file is mostly called


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--env {one!r}: write NAME=VALUE.")
        pairs[name] = value
    return pairs


def read_destination(text: str | None) -> Any:
    """A destination as text; as JSON where it begins with `{`; from a file where with `@`."""
    if text is None or text in ("none", ""):
        return None
    if text.startswith("@"):
        try:
            with open(text[1:], "rb") as file:  # a pipe, too: its secret is in no list of processes
                data = file.read(DESTINATION_BYTES_MAX + 1)
            text = data.decode()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"the destination's file cannot be read: {error}") from None
        if len(data) > DESTINATION_BYTES_MAX:
            raise click.UsageError(
                f"the destination's file is larger than {DESTINATION_BYTES_MAX} bytes."
            )
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"the destination is not valid JSON: {error}") from None


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
@click.option("--retries", type=int, metavar="N", help="Retries of function errors.")
@click.option("--retry-first", type=SECONDS, help="Wait before the first retry; it doubles.")
@click.option("--retry-cap", type=SECONDS, help="Longest wait between retries.")
@click.option("--max-event-age", type=SECONDS, help="After it, what still waits expires.")
@click.option("--on-success", metavar="DEST", help="Where records of successes go.")
@click.option("--on-failure", metavar="DEST", help="Where records of dead ends go.")
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
    name: str | None,
    env: tuple[str, ...],
    retry_first: float | None,
    retry_cap: float | None,
    no_check: bool,
    dry_run: bool,
    only: tuple[str, ...],
    skip_triggers: bool,
    as_json: bool,
    **given: Any,
) -> int | None:
    """Create or replace a function from a folder or a file.

    TARGET is a folder, a Python file or a ZIP archive. A folder may hold 'thence.function.toml'
    with the fields of a function (name, handler, timeout_seconds, on_success, ...); options win
    over it, and what neither says has its default, also when a function is replaced: what that
    changes is shown. The service loads the code once first, and refuses what no call could run.
    To pause a function, use 'thence limit NAME 0', not this. A destination is function:NAME, queue:NAME,
    topic:NAME, stream:NAME, bucket:NAME/prefix/, a https:// URL, JSON, or @FILE with one of these.

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
        from .project.deploy import deploy_project

        _only_for_functions(
            name=name, env=env, first=retry_first, cap=retry_cap, no_check=no_check, **given
        )
        return deploy_project(
            client, target, dry_run=dry_run, only=only, skip_triggers=skip_triggers, as_json=as_json
        )
    if dry_run or only or skip_triggers:
        raise click.UsageError(
            "--dry-run, --resource and --skip-triggers are for a project (s.yaml)."
        )
    source = read_source(target, name)
    spec = source.settings | _spec(given)
    if env:
        spec["environment"] = {**spec.get("environment", {}), **_pairs(env)}
    waits = {"first_seconds": retry_first, "cap_seconds": retry_cap}
    if any(value is not None for value in waits.values()):
        set_waits = {key: value for key, value in waits.items() if value is not None}
        spec["retry_wait"] = {**spec.get("retry_wait", {}), **set_waits}
    check_handler(source.archive, str(spec.get("handler", "main.handler")))
    spec["code"] = base64.b64encode(source.archive).decode()
    body = json.dumps(spec, default=_no_json).encode()
    try:
        answer = _upload(client, source.name, body, check=not no_check)
    except Problem as problem:
        raise _with_file(problem, source, _spec(given)) from None
    _show(answer, as_json, len(source.archive))
    if target.name == MAIN and name is None:
        say(
            f"It is called {clean(source.name)!r} as its file is, and so is every other {MAIN}: deploy "
            "the folder instead, or say --name."
        )
    return None


def _with_file(problem: Problem, source: Source, options: dict[str, Any]) -> Problem:
    """Where what was refused is written, if that is the settings file and not an option."""
    field = str(problem.document.get("field", "")).partition(".")[0]
    if field not in source.written or field in options:
        return problem
    document = {**problem.document, "detail": f"{source.file}: {problem.detail}"}
    return Problem(problem.status, document)


def _only_for_functions(**given: Any) -> None:
    for option, value in given.items():
        if value not in (None, (), False):
            raise click.UsageError(
                f"--{option.replace('_', '-')}: what a project deploys is written in its file."
            )


def _no_json(value: Any) -> Any:
    """TOML has dates and times, functions have none."""
    raise InvalidInput(
        f"{SETTINGS_FILE}: {value} is a date or a time; no field takes one. Put it in quotes.",
        field=SETTINGS_FILE,
    )


def _spec(given: dict[str, Any]) -> dict[str, Any]:
    fields = {
        "handler": given["handler"],
        "event": given["event"],
        "timeout_seconds": given["timeout"],
        "memory_mb": given["memory"],
        "concurrency": given["concurrency"],
        "max_retries": given["retries"],
        "description": given["description"],
    }
    if given["max_event_age"] is not None:
        fields["max_event_age_seconds"] = round(given["max_event_age"])
    for which in ("on_success", "on_failure"):
        if given[which] is not None:
            fields[which] = read_destination(given[which])
    return {
        key: value
        for key, value in fields.items()
        if value is not None or given.get(key) is not None
    }


def _upload(client: Client, name: str, body: bytes, *, check: bool) -> Any:
    from .progress import bar

    then = "Loading its code once" if check else "Storing it"
    with bar(f"Uploading {name}", len(body), of_bytes=True, then=then) as advance:
        answer = client.request(
            "PUT",
            f"/v1/functions/{part(name)}",
            query=None if check else {"check": "false"},
            body=body,
            headers={"Content-Type": "application/json"},
            timeout_seconds=120,
            sent=advance,
        )
    return answer.json()


def _show(function: dict[str, Any], as_json: bool, code_bytes: int) -> None:
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
    _show_changes(function.get("changes") or [])
    for warning in function.get("warnings") or []:
        say(f"Warning: {warning}")
    say(f"Call it:  thence invoke {clean(function['name'])} --data '{{}}' --wait")


def _show_changes(changes: list[dict[str, Any]]) -> None:
    """What is not as it was before, and what of it was reset because nothing says it now."""
    if not changes:
        return
    heading("Changed")
    print_facts({one["field"]: change_text(one) for one in changes})
    reset = [one["field"] for one in changes if one["reset"]]
    if reset:
        say(
            f"Reset to the default, because neither options nor {SETTINGS_FILE} say it: "
            f"{', '.join(reset)}."
        )


def change_text(change: dict[str, Any]) -> str:
    """`3 -> 5 (reset)`."""
    field, before, after = change["field"], change["before"], change["after"]
    if field.startswith("environment."):
        told = "removed" if after is None else "set" if before is None else "set to another value"
    elif before == after:
        told = f"{_value(after)} (other secrets or headers)"
    elif field == "code":
        told = f"{before[:12]} -> {after[:12]}"
    elif field == "retry_wait":
        told = ", ".join(
            f"{one} {_value(before[one])} -> {_value(after[one])}"
            for one in after
            if before[one] != after[one]
        )
    else:
        told = f"{_value(before)} -> {_value(after)}"
    return f"{told} (reset)" if change["reset"] else told


def _value(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, dict) and "type" in value:
        return destination_text(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def destination_text(written: Any) -> str:
    """A destination as one line."""
    if isinstance(written, dict):
        return str(written.get("url") or f"{written.get('type')}:{written.get('name')}")
    return "" if written is None else str(written)


def held_back(one: dict[str, Any]) -> str:
    """Why not all of its calls begin at once: disabled, paused, limited; empty where nothing does."""
    disabled, limit = one.get("disabled"), one.get("limit")
    if disabled is not None:
        return f"disabled: {' '.join(disabled.split())}" if disabled.strip() else "disabled"
    if limit == 0:
        return "paused (limit 0)"
    if one["concurrency"] == 0:
        return "paused (0 slots)"
    return "" if limit is None else f"limited to {limit}"


@click.command()
@click.argument("name", metavar="NAME[@VERSION]", shell_complete=qualified_names)
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
def delete(client: Client, name: str, yes: bool) -> int:
    """Delete a function, or one version of it.

    A function goes with all its versions. What waits ends as invalid (function_deleted); what runs
    may finish; its invocations stay until their retention ends. 'thence rm' is the same.

    \b
    Example:
      thence delete hello --yes
      thence delete hello@1 --yes
    """
    function, version = qualified(name)
    path = f"/v1/functions/{part(function)}"
    if version is not None:
        path = f"{path}/versions/{part(version)}"
    question = f"Delete {clean(name)}? What waits for it can then never run."
    if not yes and not agreed(question):
        say("Nothing was deleted.")
        return 1
    client.delete(path)
    say(f"{clean(name)} is deleted.")
    return 0
