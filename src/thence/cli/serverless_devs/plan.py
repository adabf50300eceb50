"""What there is against what a project wants: a list of changes. Looks, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from .fc_client import Vendor, segment
from .resource import Archive, Wanted, WantedTrigger

Kind = Literal["create", "update", "same"]
SECRET = "(changed)"


class Difference(Struct):
    """One field: what it is and what it will be; None: not there."""

    field: str
    before: Any
    after: Any


class Change(Struct):
    """One thing to be made. `what`: service, function, tags, concurrency, async config, trigger.
    `problems`: why the service will refuse it, all that is known beforehand (checker.py)."""

    what: str
    name: str
    kind: Kind
    method: str
    path: str
    body: dict[str, Any]
    query: dict[str, Any] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    archive: Archive | None = None  # goes into the body when it is sent, no sooner


class Plan(Struct):
    """The changes of one function of the project, in the order in which they are made."""

    wanted: Wanted
    changes: list[Change]


class _Made:
    """What will be there once the plans before this one are carried out: resources of one file may
    share a service. What will be refused makes nothing."""

    def __init__(self, taken: Callable[[dict[str, Any]], bool]) -> None:
        self.taken = taken
        self.services: dict[str, dict[str, Any]] = {}


def make_plans(
    found: Sequence[Wanted],
    vendor: Callable[[str], Vendor],
    taken: Callable[[dict[str, Any]], bool],
) -> list[Plan]:
    """Asks the service what there is. `taken`: whether it will take that body of a service. Raises
    Refused, Unreachable."""
    made = _Made(taken)
    return [_plan(one, vendor(one.generation), made) for one in found]


def _plan(wanted: Wanted, vendor: Vendor, made: _Made) -> Plan:
    changes: list[Change] = []
    root = ""
    if wanted.service:
        root = f"/services/{segment(wanted.service)}"
        changes += _service(wanted, vendor, root, made)
    if not wanted.function or (wanted.generation == "2021-04-06" and not wanted.service):
        return Plan(wanted, changes)  # a service alone, or a mistake that is told
    home = f"{root}/functions/{segment(wanted.function)}"
    function = _function(wanted, vendor, f"{root}/functions", home)
    changes.append(function)
    is_new = function.kind == "create"
    if wanted.tags is not None:
        changes += _tags(wanted, function, vendor, home)
    if wanted.reserved_concurrency is not None:
        body = {"reservedConcurrency": wanted.reserved_concurrency}
        changes.append(
            _put("concurrency", wanted.shown, vendor, f"{home}/concurrency", body, {}, is_new)
        )
    for qualifier, body in wanted.async_configs.items():
        path, query = f"{home}/async-invoke-config", {"qualifier": qualifier}
        name = f"{wanted.shown} {qualifier}"
        changes.append(_put("async config", name, vendor, path, body, query, is_new))
    changes += [_trigger(one, wanted, vendor, home, is_new) for one in wanted.triggers]
    return Plan(wanted, changes)


def _service(wanted: Wanted, vendor: Vendor, root: str, made: _Made) -> list[Change]:
    """Nothing where an earlier resource of the file makes the same service."""
    name, body = wanted.service, wanted.service_body
    earlier = made.services.get(name)
    before = vendor.find(root) if earlier is None else earlier
    if before is None:
        change = Change("service", name, "create", "POST", "/services", body)
    else:
        change = Change("service", name, "update", "PUT", root, body)
    change.differences = compare(before or {}, body)
    if before is not None and not change.differences:
        change.kind = "same"
    if not wanted.problems and made.taken(body):
        made.services[name] = {**(before or {}), **body}
    return [] if change.kind == "same" and earlier is not None else [change]


def _tags(wanted: Wanted, function: Change, vendor: Vendor, home: str) -> list[Change]:
    """With a new function they are made; later they are of their own. None is taken away: others
    may have set it."""
    tags = wanted.tags or {}
    if function.kind == "create":
        function.body["tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        function.differences += compare({}, {"tags": tags})
        return []
    there = (vendor.find(home) or {}).get("tags") or []
    now = {one["Key"]: one["Value"] for one in there}
    # Not by compare(): an empty value is a value here.
    found = [Difference(k, now.get(k), v) for k, v in tags.items() if now.get(k) != v]
    body = {
        "ResourceType": "function",
        "ResourceId": [home.removeprefix("/")],
        "Tag": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    kind: Kind = "update" if found else "same"
    return [Change("tags", wanted.shown, kind, "POST", "/tags-v2", body, {}, found)]


def _change(
    what: str, name: str, vendor: Vendor, collection: str, item: str, body: dict[str, Any]
) -> Change:
    now = vendor.find(item)
    if now is None:
        return Change(what, name, "create", "POST", collection, body, {}, compare({}, body))
    found = compare(now, body)
    return Change(what, name, "update" if found else "same", "PUT", item, body, {}, found)


def _function(wanted: Wanted, vendor: Vendor, collection: str, home: str) -> Change:
    change = _change("function", wanted.shown, vendor, collection, home, dict(wanted.body))
    if wanted.archive is None:
        return change
    checksum = wanted.archive.checksum
    now = vendor.find(home) if change.kind != "create" else None
    before = None if now is None else str(now.get("codeChecksum"))
    if before == checksum:
        return change  # the upload is spared
    change.archive = wanted.archive
    was = None if now is None else f"{now.get('codeSize')} bytes, CRC-64 {before}"
    change.differences.append(Difference("code", was, wanted.archive.shown))
    if change.kind == "same":
        change.kind = "update"
    return change


def _put(
    what: str,
    name: str,
    vendor: Vendor,
    path: str,
    body: dict[str, Any],
    query: dict[str, Any],
    is_new: bool,
) -> Change:
    now = None if is_new else vendor.find(path, **query)
    found = compare(now or {}, body)
    kind: Kind = "create" if now is None else "update" if found else "same"
    return Change(what, name, kind, "PUT", path, body, query, found)


def _trigger(one: WantedTrigger, wanted: Wanted, vendor: Vendor, home: str, is_new: bool) -> Change:
    kind = str(one.body.get("triggerType"))
    name = f"{wanted.shown} {one.name} ({kind})"
    collection, item = f"{home}/triggers", f"{home}/triggers/{segment(one.name)}"
    if is_new:
        change = Change("trigger", name, "create", "POST", collection, one.body)
        change.differences = compare({}, one.body)
    else:
        change = _change("trigger", name, vendor, collection, item, one.body)
    change.problems = list(one.problems)
    return change


def compare(now: dict[str, Any], wanted: dict[str, Any], path: str = "") -> list[Difference]:
    """The fields of `wanted` that are not so now; what only `now` has is the service's business.
    Values of environment variables are not shown: they may be secrets."""
    found: list[Difference] = []
    for name, value in wanted.items():
        where = f"{path}.{name}" if path else name
        before = now.get(name)
        if name == "environmentVariables" and isinstance(value, dict):
            found += _environment(where, before or {}, value)
        elif isinstance(value, dict) and value:
            found += compare(before if isinstance(before, dict) else {}, value, where)
        elif not _same(before, value):
            found.append(Difference(where, before, value))
    return found


def _environment(where: str, before: Any, wanted: dict[str, Any]) -> list[Difference]:
    old = before if isinstance(before, dict) else {}
    return [
        Difference(
            f"{where}.{name}",
            None if name not in old else "…",
            None if name not in wanted else SECRET if name in old else "…",
        )
        for name in sorted({*old, *wanted})
        if str(old.get(name, "\0")) != str(wanted.get(name, "\0"))
    ]


def _same(before: Any, wanted: Any) -> bool:
    if wanted in ("", [], {}) and before in (None, "", [], {}):
        return True
    if isinstance(wanted, list) and isinstance(before, list):
        key = repr
        return sorted(map(key, before)) == sorted(map(key, wanted))
    return bool(before == wanted)
