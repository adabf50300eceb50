"""What a deployment changes: field by field, never with a value that may be a secret. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from .function import FunctionSpec, render_spec

_TOLD = frozenset(
    {
        "runtime", "handler", "event", "timeout_seconds", "memory_mb", "concurrency", "max_retries",
        "max_event_age_seconds", "retry_wait", "contract", "initializer",
        "initializer_timeout_seconds", "pre_stop", "pre_stop_timeout_seconds", "listed",
        "stop_notifies", "version", "weights", "limit",
    }
)  # fmt: skip
"""Fields whose values a log may show."""
_STAMPS = frozenset({"name", "created_at", "updated_at"})


class Difference(Struct, frozen=True):
    """One field. Variables of the environment are fields of their own (`environment.NAME`) without
    values: null is one that is not set, `…` one that is. Destinations are without their secrets; where
    only these differ, `before` and `after` are the same."""

    field: str
    before: Any
    after: Any


def differences(before: FunctionSpec, after: FunctionSpec) -> list[Difference]:
    """The fields that differ, in the order of the spec."""
    was, now = msgspec.to_builtins(before), msgspec.to_builtins(after)
    old, new = render_spec(before), render_spec(after)
    found: list[Difference] = []
    for name in was:
        if was[name] == now[name]:
            continue
        if name == "environment":
            found.extend(_variables(was[name], now[name]))
        elif name == "attributes":
            found.append(Difference(name, None, None))
        else:
            found.append(Difference(name, old[name], new[name]))
    return found


def _variables(was: dict[str, str], now: dict[str, str]) -> list[Difference]:
    return [
        Difference(
            f"environment.{name}", "…" if name in was else None, "…" if name in now else None
        )
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    ]


def brief(difference: Difference) -> str:
    """The same for a log: `max_retries 3 -> 5`, and of what may hold a secret the name alone."""
    return _brief(difference.field, difference.before, difference.after)


def briefs(before: Struct, after: Struct) -> list[str]:
    """What differs between two asynchronous configurations, aliases or controls, for a log."""
    was, now = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return [_brief(name, was[name], now[name]) for name in now
            if name not in _STAMPS and was[name] != now[name]]  # fmt: skip


def _brief(name: str, before: Any, after: Any) -> str:
    if name == "retry_wait":
        parts = (
            f"{name}.{part} {_told(before[part])} -> {_told(after[part])}"
            for part in before
            if before[part] != after[part]
        )
        return ", ".join(parts)
    if name == "disabled":
        if before is not None and after is not None:
            return "disabled: another reason"
        return "enabled" if after is None else "disabled"
    return f"{name} {_told(before)} -> {_told(after)}" if name in _TOLD else name


def _told(value: Any) -> str:
    return "none" if value is None else str(value)


__all__ = ["Difference", "brief", "briefs", "differences"]
