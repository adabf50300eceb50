"""Functions for people: a table, all about one, what holds it back, what a deployment changed."""

from __future__ import annotations

from typing import Any

from .figures import instant_utc, size, span
from .output import print_facts, print_table


def print_functions(functions: list[dict[str, Any]]) -> None:
    print_table(
        (
            *("function", "state", "revision", "handler", "slots", "retries", "time limit"),
            *("code", "on success", "on failure"),
        ),
        [
            (
                function["name"],
                held_back(function),
                function["revision"],
                function["handler"],
                function["concurrency"],
                function["max_retries"],
                span(function["timeout_seconds"]),
                size(function["code_bytes"]),
                destination_text(function["on_success"]),
                destination_text(function["on_failure"]),
            )
            for function in functions
        ],
        "There are no functions. Deploy one:  thence deploy DIR",
        optional=("code", "revision", "time limit", "retries", "slots", "handler"),
        prose="state",
    )


def print_function(function: dict[str, Any], aliases: list[dict[str, Any]]) -> None:
    wait = function["retry_wait"]
    print_facts(
        {
            "function": f"{function['name']} (revision {function['revision']})",
            "state": held_back(function) or "takes calls",
            "description": " ".join(function["description"].split()),
            "handler": function["handler"],
            "contract": function["contract"],
            "event": function["event"],
            "code": f"{size(function['code_bytes'])}, sha256 {function['code_digest'][:12]}",
            "time limit": span(function["timeout_seconds"]),
            "memory": f"{function['memory_mb']} MiB",
            "slots": function["concurrency"],
            "limit": function["limit"],
            "retries": function["max_retries"],
            "retry wait": f"{span(wait['first_seconds'])} to {span(wait['cap_seconds'])}",
            "event age": span(function["max_event_age_seconds"]),
            "on success": destination_text(function["on_success"]),
            "on failure": destination_text(function["on_failure"]),
            "initializer": function["initializer"],
            "pre-stop": function["pre_stop"],
            "environment": ", ".join(sorted(function["environment"])),
            "versions": ", ".join(function["versions"]),
            "aliases": ", ".join(map(_alias, aliases)),
            "created": instant_utc(function["created_at"]),
            "changed": instant_utc(function["updated_at"]),
        }
    )


def _alias(alias: dict[str, Any]) -> str:
    """`prod=1`, with the shares of other versions behind: `prod=1 (2=0.25)`."""
    shares = shares_text(alias)
    return f"{alias['name']}={alias['version']}{f' ({shares})' if shares else ''}"


def shares_text(alias: dict[str, Any]) -> str:
    """The versions that get a share of an alias's calls: `2=0.25`."""
    return ", ".join(f"{version}={share:g}" for version, share in sorted(alias["weights"].items()))


def held_back(function: dict[str, Any]) -> str:
    """Why not all of its calls begin at once: disabled, paused, limited; empty where nothing does."""
    disabled, limit = function.get("disabled"), function.get("limit")
    if disabled is not None:
        return f"disabled: {' '.join(disabled.split())}" if disabled.strip() else "disabled"
    if limit == 0:
        return "paused (limit 0)"
    if function["concurrency"] == 0:
        return "paused (0 slots)"
    return "" if limit is None else f"limited to {limit}"


def destination_text(destination: Any) -> str:
    """A destination as one line."""
    if isinstance(destination, dict):
        kind = str(destination.get("type"))
        for word in ("installed", "readable"):
            if destination.get(word) is False:
                return f"{kind} (not {word})"
        if "url" in destination:
            return str(destination["url"])
        return f"{kind}:{destination['name']}" if "name" in destination else kind
    return "" if destination is None else str(destination)


def change_text(change: dict[str, Any]) -> str:
    """What a deployment did to a field: `3 -> 5 (reset)`."""
    field, before, after = change["field"], change["before"], change["after"]
    if field.startswith("environment."):
        text = "removed" if after is None else "set" if before is None else "set to another value"
    elif before == after:
        text = f"{_value(after)} (other secrets or headers)"
    elif field == "code":
        text = f"{before[:12]} -> {after[:12]}"
    elif field == "retry_wait":
        text = ", ".join(
            f"{name} {_value(before[name])} -> {_value(after[name])}"
            for name in after
            if before[name] != after[name]
        )
    else:
        text = f"{_value(before)} -> {_value(after)}"
    return f"{text} (reset)" if change["reset"] else text


def _value(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, dict) and "type" in value:
        return destination_text(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
