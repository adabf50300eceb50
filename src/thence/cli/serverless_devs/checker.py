"""What the service will refuse of a plan, all of it at once: by the rules of its door, and by what it
says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...api.doors import installed, record_forms
from ...api.fc.arn import name_and_qualifier
from ...api.fc.errors import invalid
from ...api.fc.names import qualifier_of
from ...catalog.code import check_archive
from ...catalog.destination import Target
from ...catalog.function import LATEST
from ...catalog.graph import cycle_with
from ...destinations.kinds import KINDS, install_kinds
from ...errors import ThenceError
from .code_folder import Archive
from .door_rules import (
    called_functions,
    concurrency_refusals,
    config_refusals,
    function_refusals,
    service_refusals,
    tag_refusals,
    trigger_refusals,
)
from .fc_client import V3
from .plan import Change, Plan
from .service_facts import ServiceFacts

_FIRST = ("service", "function")
"""What all else of a plan needs."""


class Checker:
    def __init__(self, facts: ServiceFacts) -> None:
        install_kinds(KINDS, tuple(record_forms(installed())))  # an ARN leads to no other kind
        self._facts = facts
        self._codes: dict[Archive, list[str]] = {}
        self._made: set[str] = set()  # functions that the plans make

    def check(self, plans: Sequence[Plan]) -> None:
        """Fills `problems` of the changes. Raises Refused, Unreachable."""
        changes = [
            (plan, change) for plan in plans for change in plan.changes if change.kind != "same"
        ]
        for first in (True, False):  # a destination may be a function of the same file
            for plan, change in changes:
                if (change.what in _FIRST) is first:
                    _add(change.problems, self._refusals(plan, change))
            self._made |= {
                plan.function for plan in plans if plan.resource.function and not _is_broken(plan)
            }
        for plan in plans:
            self._check_without_name(plan)
        for plan, change in changes:
            if change.what == "async config" and not change.problems and not _is_broken(plan):
                self._check_cycle(plan, change)

    def _check_without_name(self, plan: Plan) -> None:
        """A function that the file gives no name is in no change: what else is wrong with it is a
        mistake of the resource."""
        resource = plan.resource
        if not resource.body or any(change.what == "function" for change in plan.changes):
            return
        body = {**resource.body, "functionName": "name"}
        third = resource.generation == V3
        found = function_refusals(body, third=third, new=True, mistakes=resource.problems)
        for config in resource.async_configs.values():
            found += self._config_refusals(plan, config)
        _add(resource.problems, found)

    def _refusals(self, plan: Plan, change: Change) -> list[str]:
        match change.what:
            case "service":
                return service_refusals(change.body)
            case "function":
                return self._of_function(plan, change)
            case "tags":
                return self._of_tags(plan, change)
            case "concurrency":
                return concurrency_refusals(change.body)
            case "async config":
                return self._of_config(plan, change)
            case _:
                return trigger_refusals(change.body)

    def _of_function(self, plan: Plan, change: Change) -> list[str]:
        resource, new = plan.resource, change.kind == "create"
        third = resource.generation == V3
        found = function_refusals(change.body, third=third, new=new, mistakes=resource.problems)
        _add(found, tag_refusals(change.body.get("tags")))
        if resource.archive is not None:
            return found + self._of_code(resource.archive)
        missing = new and not _is_code_mistaken(plan)
        return [*found, "code: it is required; write its path"] if missing else found

    def _of_code(self, archive: Archive) -> list[str]:
        if archive not in self._codes:
            try:
                check_archive(archive.data, self._facts.code_limits)
                self._codes[archive] = []
            except ThenceError as error:
                self._codes[archive] = [error.detail]
        return self._codes[archive]

    def _of_tags(self, plan: Plan, change: Change) -> list[str]:
        """Together with those that are there, which stay."""
        found = tag_refusals(change.body["Tag"])
        kept = [{"Key": tag["Key"], "Value": ""} for tag in self._facts.tags(plan.function)]
        _add(found, tag_refusals([*kept, *change.body["Tag"]]))
        return found

    # ------------------------------------------------------------ asynchronous configurations

    def _of_config(self, plan: Plan, change: Change) -> list[str]:
        found = self._config_refusals(plan, change.body)
        try:
            qualifier = qualifier_of(str(change.query.get("qualifier", "")))
            if qualifier != LATEST and not self._facts.has(plan.function, qualifier):
                found.append(
                    f"qualifier: {plan.resource.shown} has no version or alias {qualifier!r}; publish "
                    "or make it first"
                )
        except ThenceError as error:
            found.append(error.detail)
        return found

    def _config_refusals(self, plan: Plan, body: dict[str, Any]) -> list[str]:
        third = plan.resource.generation == V3
        return config_refusals(body, self._facts.home, self._check_target, third=third)

    def _check_target(self, target: Target, field: str) -> None:
        name, qualifier = name_and_qualifier(target)
        if name.ours in self._made and qualifier == LATEST:
            return
        if not self._facts.has(name.ours, qualifier):
            at = "" if qualifier == LATEST else f", or no version or alias {qualifier!r} of it"
            raise invalid(f"{field}: there is no function {name.ours!r}{at}")

    def _check_cycle(self, plan: Plan, change: Change) -> None:
        """Destinations that lead back, over functions of the file and of the service. In the order in
        which they are put, since one that is refused leads nowhere."""
        called = self._facts.called_by(plan.function)
        qualifier = change.query["qualifier"]
        named = called_functions(change.body, self._facts.home)
        said = [(field, name) for name, field in named]
        cycle = cycle_with(plan.function, said, self._all_called)
        if cycle is None:
            called[qualifier] = [name for name, _ in named]
            return
        fields, path = " and ".join(cycle.fields), " -> ".join(cycle.names)
        change.problems.append(f"{fields}: these destinations form a cycle: {path}")

    def _all_called(self, function: str) -> Iterable[str]:
        return [name for names in self._facts.called_by(function).values() for name in names]


def _add(found: list[str], more: Iterable[str]) -> None:
    """Each once."""
    found += [sentence for sentence in more if sentence not in found]


def _is_code_mistaken(plan: Plan) -> bool:
    """Whether the file names code, but none that can be had: its own mistakes say so."""
    fields = [problem.partition(": ")[0] for problem in plan.resource.problems]
    return any(field.endswith((".code", ".codeUri")) for field in fields)


def _is_broken(plan: Plan) -> bool:
    """Whether what it has beside its function is not tried."""
    return bool(plan.resource.problems) or any(
        change.problems for change in plan.changes if change.what in _FIRST
    )
