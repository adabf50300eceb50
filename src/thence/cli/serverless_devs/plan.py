"""What there is against what a project says: a list of changes. Looks, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from ...api.fc.names import Name
from .code_folder import Archive
from .fc_client import FcClient, segment
from .resource import Resource, ResourceTrigger

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

    resource: Resource
    changes: list[Change]

    @property
    def function(self) -> str:
        """Its function as the service names it."""
        return Name(self.resource.function, self.resource.service).ours


class _Made:
    """What will be there once the plans before this one are carried out: resources of one file may
    share a service. What will be refused makes nothing."""

    def __init__(self, taken: Callable[[dict[str, Any]], bool]) -> None:
        self.taken = taken
        self.services: dict[str, dict[str, Any]] = {}


def make_plans(
    resources: Sequence[Resource],
    client_of: Callable[[str], FcClient],
    taken: Callable[[dict[str, Any]], bool],
) -> list[Plan]:
    """Asks the service what there is. `taken`: whether it will take that body of a service. Raises
    Refused, Unreachable."""
    made = _Made(taken)
    return [_plan(resource, client_of(resource.generation), made) for resource in resources]


def _plan(resource: Resource, client: FcClient, made: _Made) -> Plan:
    changes: list[Change] = []
    root = ""
    if resource.service:
        root = f"/services/{segment(resource.service)}"
        changes += _service(resource, client, root, made)
    if not resource.function or (resource.generation == "2021-04-06" and not resource.service):
        return Plan(resource, changes)  # a service alone, or a mistake that is told
    home = f"{root}/functions/{segment(resource.function)}"
    function = _function(resource, client, f"{root}/functions", home)
    changes.append(function)
    is_new = function.kind == "create"
    if resource.tags is not None:
        changes += _tags(resource, function, client, home)
    if resource.reserved_concurrency is not None:
        body = {"reservedConcurrency": resource.reserved_concurrency}
        changes.append(
            _put("concurrency", resource.shown, client, f"{home}/concurrency", body, {}, is_new)
        )
    for qualifier, body in resource.async_configs.items():
        path, query = f"{home}/async-invoke-config", {"qualifier": qualifier}
        name = f"{resource.shown} {qualifier}"
        changes.append(_put("async config", name, client, path, body, query, is_new))
    changes += [_trigger(trigger, resource, client, home, is_new) for trigger in resource.triggers]
    return Plan(resource, changes)


def _service(resource: Resource, client: FcClient, root: str, made: _Made) -> list[Change]:
    """Nothing where an earlier resource of the file makes the same service."""
    name, body = resource.service, resource.service_body
    earlier = made.services.get(name)
    before = client.find(root) if earlier is None else earlier
    if before is None:
        change = Change("service", name, "create", "POST", "/services", body)
    else:
        change = Change("service", name, "update", "PUT", root, body)
    change.differences = compare(before or {}, body)
    if before is not None and not change.differences:
        change.kind = "same"
    if not resource.problems and made.taken(body):
        made.services[name] = {**(before or {}), **body}
    return [] if change.kind == "same" and earlier is not None else [change]


def _tags(resource: Resource, function: Change, client: FcClient, home: str) -> list[Change]:
    """With a new function they are made; later they are of their own. None is taken away: others
    may have set it."""
    tags = resource.tags or {}
    if function.kind == "create":
        function.body["tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        function.differences += compare({}, {"tags": tags})
        return []
    there = (client.find(home) or {}).get("tags") or []
    now = {tag["Key"]: tag["Value"] for tag in there}
    # Not by compare(): an empty value is a value here.
    found = [Difference(k, now.get(k), v) for k, v in tags.items() if now.get(k) != v]
    body = {
        "ResourceType": "function",
        "ResourceId": [home.removeprefix("/")],
        "Tag": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    kind: Kind = "update" if found else "same"
    return [Change("tags", resource.shown, kind, "POST", "/tags-v2", body, {}, found)]


def _change(
    what: str, name: str, client: FcClient, collection: str, item: str, body: dict[str, Any]
) -> Change:
    now = client.find(item)
    if now is None:
        return Change(what, name, "create", "POST", collection, body, {}, compare({}, body))
    found = compare(now, body)
    return Change(what, name, "update" if found else "same", "PUT", item, body, {}, found)


def _function(resource: Resource, client: FcClient, collection: str, home: str) -> Change:
    change = _change("function", resource.shown, client, collection, home, dict(resource.body))
    if resource.archive is None:
        return change
    checksum = resource.archive.checksum
    now = client.find(home) if change.kind != "create" else None
    before = None if now is None else str(now.get("codeChecksum"))
    if before == checksum:
        return change  # the upload is spared
    change.archive = resource.archive
    was = None if now is None else f"{now.get('codeSize')} bytes, CRC-64 {before}"
    change.differences.append(Difference("code", was, resource.archive.shown))
    if change.kind == "same":
        change.kind = "update"
    return change


def _put(
    what: str,
    name: str,
    client: FcClient,
    path: str,
    body: dict[str, Any],
    query: dict[str, Any],
    is_new: bool,
) -> Change:
    now = None if is_new else client.find(path, **query)
    found = compare(now or {}, body)
    kind: Kind = "create" if now is None else "update" if found else "same"
    return Change(what, name, kind, "PUT", path, body, query, found)


def _trigger(
    trigger: ResourceTrigger, resource: Resource, client: FcClient, home: str, is_new: bool
) -> Change:
    kind = str(trigger.body.get("triggerType"))
    name = f"{resource.shown} {trigger.name} ({kind})"
    collection, item = f"{home}/triggers", f"{home}/triggers/{segment(trigger.name)}"
    if is_new:
        change = Change("trigger", name, "create", "POST", collection, trigger.body)
        change.differences = compare({}, trigger.body)
    else:
        change = _change("trigger", name, client, collection, item, trigger.body)
    change.problems = list(trigger.problems)
    return change


def compare(now: dict[str, Any], desired: dict[str, Any], path: str = "") -> list[Difference]:
    """The fields of `desired` that are not so now; what only `now` has is the service's business.
    Values of environment variables are not shown: they may be secrets."""
    found: list[Difference] = []
    for name, value in desired.items():
        where = f"{path}.{name}" if path else name
        before = now.get(name)
        if name == "environmentVariables" and isinstance(value, dict):
            found += _environment(where, before or {}, value)
        elif isinstance(value, dict) and value:
            found += compare(before if isinstance(before, dict) else {}, value, where)
        elif not _same(before, value):
            found.append(Difference(where, before, value))
    return found


def _environment(where: str, before: Any, desired: dict[str, Any]) -> list[Difference]:
    old = before if isinstance(before, dict) else {}
    return [
        Difference(
            f"{where}.{name}",
            None if name not in old else "…",
            None if name not in desired else SECRET if name in old else "…",
        )
        for name in sorted({*old, *desired})
        if str(old.get(name, "\0")) != str(desired.get(name, "\0"))
    ]


def _same(before: Any, desired: Any) -> bool:
    if desired in ("", [], {}) and before in (None, "", [], {}):
        return True
    if isinstance(desired, list) and isinstance(before, list):
        key = repr
        return sorted(map(key, before)) == sorted(map(key, desired))
    return bool(before == desired)
