"""What the service will refuse of a plan, all of it at once.

The rules are those of the Function Compute door itself, which are pure; what they need of the service
(its region, account and limits, functions that are there) is asked of it. The door stops at the first
thing that is wrong, so what was found is taken out and the rest looked at again.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...api.fc import async_config, concurrency, function_spec, services, tags, triggers
from ...api.fc.arn import Home, name_and_qualifier
from ...api.fc.call import convert
from ...api.fc.errors import invalid
from ...api.fc.function_input import FunctionInput3, Tag
from ...api.fc.names import Name, check_function, check_service, qualifier_of
from ...catalog.code import CodeLimits, check_archive
from ...catalog.destination import Target
from ...catalog.function import LATEST, FunctionSpec
from ...catalog.graph import find_cycle
from ...catalog.kinds import parse_destination
from ...destinations.forms import FORMS
from ...destinations.kinds import KINDS, install_kinds
from ...errors import ThenceError
from ..client import Client
from .fc_client import Vendor, segment
from .plan import Change, Plan
from .resource import Archive

PROBLEMS_MAX = 50  # of one change
_FIELD = re.compile(r"([A-Za-z_][\w.\[\]-]*): ")
_STAND_INS = {
    "runtime": "python3",
    "handler": "index.handler",
    "triggerName": "name",
    "triggerType": "timer",
}
"""What must be there takes the place of what was found wrong."""
_FIRST = ("service", "function")
V3, V2 = "2023-03-30", "2021-04-06"

Check = Callable[[dict[str, Any]], None]


class Foretelling:
    def __init__(self, client: Client, vendor: Callable[[str], Vendor]) -> None:
        install_kinds(KINDS, tuple(FORMS))  # an ARN leads to no other kind
        self._client = client
        self._vendor = vendor
        self._settings: dict[str, Any] | None = None
        self._there: dict[tuple[str, str], bool] = {}
        self._codes: dict[Archive, list[str]] = {}
        self._targets: dict[str, dict[str, list[str]]] = {}

    @property
    def settings(self) -> dict[str, Any]:
        if self._settings is None:
            items = self._client.items("/v1/settings")
            self._settings = {str(one["name"]): one["value"] for one in items}
        return self._settings

    @property
    def home(self) -> Home:
        return Home(str(self.settings["region"]), str(self.settings["account_id"]))

    def foretell(self, plans: Sequence[Plan]) -> None:
        """Fills `problems` of the changes. Raises Refused, Unreachable."""
        made: set[str] = set()
        changes = [(plan, one) for plan in plans for one in plan.changes if one.kind != "same"]
        for first in (True, False):  # a destination may be a function of the same file
            for plan, change in changes:
                if (change.what in _FIRST) is first:
                    self._foretell(plan, change, made)
            made |= {_ours(plan) for plan in plans if plan.wanted.function and not _is_broken(plan)}
        for plan in plans:
            self._without_name(plan, made)
        self._cycles(plans)

    def _without_name(self, plan: Plan, made: set[str]) -> None:
        """A function that the file gives no name is in no change: what else is wrong with it is a
        mistake of the resource."""
        wanted = plan.wanted
        if not wanted.body or any(change.what == "function" for change in plan.changes):
            return
        body = {**wanted.body, "functionName": "name"}
        found = _function_problems(body, wanted.generation == V3, True, wanted.problems)
        for config in wanted.async_configs.values():
            found += self._config(plan, config, made)
        wanted.problems += [one for one in found if one not in wanted.problems]

    def _foretell(self, plan: Plan, change: Change, made: set[str]) -> None:
        match change.what:
            case "service":
                found = _all(_check_service, change.body)
            case "function":
                found = self._function(plan, change)
            case "tags":
                found = self._tags(plan, change)
            case "concurrency":
                found = _all(lambda body: _convert(body, concurrency.PutConcurrency), change.body)
            case "async config":
                found = self._async_config(plan, change, made)
            case _:
                found = _trigger(change)
        change.problems += [one for one in found if one not in change.problems]

    # ------------------------------------------------------------ functions

    def _function(self, plan: Plan, change: Change) -> list[str]:
        new = change.kind == "create"
        third = plan.wanted.generation == V3
        found = _function_problems(change.body, third, new, plan.wanted.problems)
        found += [one for one in _tag_problems(change.body.get("tags")) if one not in found]
        if plan.wanted.archive is None:
            missing = new and not _is_code_mistaken(plan)
            return [*found, "code: it is required; write its path"] if missing else found
        return found + self._code(plan.wanted.archive)

    def _code(self, archive: Archive) -> list[str]:
        if archive not in self._codes:
            try:
                check_archive(archive.data, self._code_limits())
                self._codes[archive] = []
            except ThenceError as error:
                self._codes[archive] = [error.detail]
        return self._codes[archive]

    def _code_limits(self) -> CodeLimits:
        names = CodeLimits.__struct_fields__
        return CodeLimits(**{name: int(self.settings[f"limits.{name}"]) for name in names})

    def _tags(self, plan: Plan, change: Change) -> list[str]:
        """Together with those that are there, which stay."""
        found = _tag_problems(change.body["Tag"])
        there = self._vendor(V3).find(f"/functions/{segment(_ours(plan))}") or {}
        kept = [{"Key": one["Key"], "Value": ""} for one in there.get("tags") or ()]
        found += [one for one in _tag_problems([*kept, *change.body["Tag"]]) if one not in found]
        return found

    # ------------------------------------------------------------ asynchronous configurations

    def _config(self, plan: Plan, body: dict[str, Any], made: set[str]) -> list[str]:
        kind = (
            async_config.PutAsyncConfig
            if plan.wanted.generation == V3
            else async_config.PutAsyncConfigOfService
        )

        def check_target(written: dict[str, Any], field: str) -> None:
            target = parse_destination(written, field).calls()
            if target is not None:
                self._check_target(target, field, made)

        return _all(
            lambda given: _ignore(async_config.read_config(given, kind, self.home, check_target)),
            body,
        )

    def _async_config(self, plan: Plan, change: Change, made: set[str]) -> list[str]:
        found = self._config(plan, change.body, made)
        try:
            qualifier = qualifier_of(str(change.query.get("qualifier", "")))
            if qualifier != LATEST and not self._is_there(_ours(plan), qualifier):
                found.append(
                    f"qualifier: {plan.wanted.shown} has no version or alias {qualifier!r}; publish "
                    "or make it first"
                )
        except ThenceError as error:
            found.append(error.detail)
        return found

    def _check_target(self, target: Target, field: str, made: set[str]) -> None:
        name, qualifier = name_and_qualifier(target)
        if name.ours in made and qualifier == LATEST:
            return
        if not self._is_there(name.ours, qualifier):
            at = "" if qualifier == LATEST else f", or no version or alias {qualifier!r} of it"
            raise invalid(f"{field}: there is no function {name.ours!r}{at}")

    def _is_there(self, ours: str, qualifier: str) -> bool:
        key = (ours, qualifier)
        if key not in self._there:
            query = {} if qualifier == LATEST else {"qualifier": qualifier}
            found = self._vendor(V3).find(f"/functions/{segment(ours)}", **query)
            self._there[key] = found is not None
        return self._there[key]

    # ------------------------------------------------------------ cycles

    def _cycles(self, plans: Sequence[Plan]) -> None:
        """Destinations that lead back, over functions of the file and of the service. In the order in
        which they are put, since one that is refused leads nowhere."""
        for plan in plans:
            for change in plan.changes:
                if change.what == "async config" and change.kind != "same":
                    self._cycle(plan, change)

    def _cycle(self, plan: Plan, change: Change) -> None:
        name = _ours(plan)
        if _is_broken(plan) or change.problems:
            return
        there = self._targets_there(name)
        before = there.get(change.query["qualifier"])
        named = self._named(change.body)
        there[change.query["qualifier"]] = [one for one, _ in named]
        cycle = find_cycle(name, self._all_targets) if named else None
        if cycle is None:
            return
        fields = " and ".join(field for one, field in named if one == cycle[1])
        change.problems.append(f"{fields}: these destinations form a cycle: {' -> '.join(cycle)}")
        there[change.query["qualifier"]] = before or []

    def _all_targets(self, ours: str) -> Iterable[str]:
        return [name for some in self._targets_there(ours).values() for name in some]

    def _named(self, body: dict[str, Any]) -> list[tuple[str, str]]:
        """The functions that a configuration sends to, as far as they can be read, each with the
        field that names it."""
        found: list[tuple[str, str]] = []

        def note(written: dict[str, Any], field: str) -> None:
            target = parse_destination(written, field).calls()
            if target is not None:
                ours = name_and_qualifier(target)[0].ours
                found.append((ours, field.removesuffix(".destination")))

        config = {"destinationConfig": body.get("destinationConfig") or {}}
        _all(
            lambda given: _ignore(
                async_config.read_config(given, async_config.PutAsyncConfig, self.home, note)
            ),
            config,
        )
        return found

    def _targets_there(self, ours: str) -> dict[str, list[str]]:
        """By qualifier, of the configurations that the service has of it."""
        if ours not in self._targets:
            service, inside, function = ours.partition("$")
            path, query = "/async-invoke-configs", {"functionName": ours}
            if inside:
                home = f"/services/{segment(service)}/functions/{segment(function)}"
                path, query = f"{home}/async-invoke-configs", {}
            answer = self._vendor(V2 if inside else V3).find(path, **query, limit=100) or {}
            self._targets[ours] = {
                _qualifier(one): [name for name, _ in self._named(one)]
                for one in answer.get("configs", ())
            }
        return self._targets[ours]


# ---------------------------------------------------------------- the door's rules


def _all(check: Check, body: dict[str, Any]) -> list[str]:
    """Every sentence that the check has for the body."""
    found: dict[str, str] = {}  # by the field that it names
    body = copy.deepcopy(body)
    while len(found) < PROBLEMS_MAX:
        try:
            check(body)
        except ThenceError as error:
            field = error.detail.partition(": ")[0]
            if field not in found:  # else it is missing because it was taken out
                found[field] = error.detail
                if _mend(body, error.detail):
                    continue
        break
    return list(found.values())


def _mend(body: dict[str, Any], sentence: str) -> bool:
    """Take out what the sentence names. False: it names nothing that is there."""
    match = _FIELD.match(sentence)
    if match is None:
        return False
    path = re.findall(r"[^.\[\]]+", match.group(1))
    if path[0] in _STAND_INS and len(path) == 1 and body.get(path[0]) != _STAND_INS[path[0]]:
        body[path[0]] = _STAND_INS[path[0]]
        return True
    holder: Any = body
    for part in path[:-1]:
        inner = _item(holder, part)
        if not isinstance(inner, (dict, list)):
            break
        holder = inner
    if isinstance(holder, dict) and path[-1] in holder:
        del holder[path[-1]]
        return True
    return body.pop(path[0], None) is not None


def _item(holder: Any, part: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(part)
    at = int(part) if part.isdecimal() else len(holder)
    return holder[at] if at < len(holder) else None


def takes_service(body: dict[str, Any]) -> bool:
    """Whether the service takes that body of a service."""
    return not _all(_check_service, body)


def _check_service(body: dict[str, Any]) -> None:
    given = services.read_service(body)
    check_service(given.service_name or "")


def _check_function(body: dict[str, Any], third: bool, new: bool) -> None:
    given = function_spec.read_3(body) if third else function_spec.read_2(body)
    if new:
        function_spec.new_spec(given)
    else:
        function_spec.changed_spec(FunctionSpec(), given)
    if isinstance(given, FunctionInput3):
        tags.check_tags(given.tags or [])
    check_function(given.function_name or "")


def _function_problems(
    body: dict[str, Any], third: bool, new: bool, mistakes: Sequence[str]
) -> list[str]:
    """Of the whole, then of each variable alone: the check stops at the first. What is missing
    because the file's value of it is a mistake is not told again."""
    told = {one.partition(": ")[0].rpartition(".")[2] for one in mistakes}
    stand_ins = {name: value for name, value in _STAND_INS.items() if name in told}
    found = _all(lambda given: _check_function(given, third, new), {**stand_ins, **body})
    needed = {"functionName": "name", **{one: _STAND_INS[one] for one in ("runtime", "handler")}}
    variables = body.get("environmentVariables")
    for name, value in variables.items() if isinstance(variables, dict) else ():
        alone = {**needed, "environmentVariables": {name: value}}
        for one in _all(lambda given: _check_function(given, third, True), alone):
            if one not in found and len(found) < PROBLEMS_MAX:
                found.append(one)
    return found


def _tag_problems(given: Any) -> list[str]:
    """Of each alone, then of all together."""
    found: dict[str, None] = {}
    all_of_them = given if isinstance(given, list) else []
    for some in (*([one] for one in all_of_them), all_of_them):
        try:
            tags.check_tags(convert(one, Tag) for one in some)
        except ThenceError as error:
            found[error.detail] = None
    return list(found)


def _trigger(change: Change) -> list[str]:
    body = {name: value for name, value in change.body.items() if value is not None}

    def check(given: dict[str, Any]) -> None:
        asked = convert(given, triggers.CreateTrigger)
        triggers.check_trigger(asked, old=False)

    found = _all(check, body)
    kind = triggers.KINDS.get(str(body.get("triggerType")))
    if kind is not None and not kind.fires:
        found.append(triggers.cannot_fire(str(body["triggerType"]), kind).detail)
    return found


def _convert(body: dict[str, Any], kind: type[Any]) -> None:
    convert(body, kind)


def _ignore(_: Any) -> None:
    """Only whether it can be read counts."""


def _ours(plan: Plan) -> str:
    return Name(plan.wanted.function, plan.wanted.service).ours


def _is_code_mistaken(plan: Plan) -> bool:
    """Whether the file names code, but none that can be had: its own mistakes say so."""
    fields = [one.partition(": ")[0] for one in plan.wanted.problems]
    return any(field.endswith((".code", ".codeUri")) for field in fields)


def _is_broken(plan: Plan) -> bool:
    """Whether what it has beside its function is not tried."""
    return bool(plan.wanted.problems) or any(
        change.problems for change in plan.changes if change.what in _FIRST
    )


def _qualifier(config: dict[str, Any]) -> str:
    """Of a configuration that the service shows: in its ARN, which LATEST is left out of, or beside."""
    written = str(config.get("qualifier") or "")
    return (
        written
        or str(config.get("functionArn", "")).partition(":functions/")[2].partition("/")[2]
        or "LATEST"
    )
