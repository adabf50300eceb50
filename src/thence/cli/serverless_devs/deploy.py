"""`thence deploy s.yaml`: reads a project, shows its plan, makes it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from ...api.fc.names import Name
from ...errors import InvalidInput
from ..client import Client
from ..options import credentials
from ..output import print_json
from . import fc, fc3
from .apply import Done, apply
from .checker import Foretelling, takes_service
from .document import Document, read_document
from .fc_client import Vendor
from .missing_values import Unresolved, reasons, without
from .plan import Plan, make_plans
from .plan_text import plan_json, show_done, show_plan
from .resource import Folder, Wanted

THINGS_MAX = 2_000  # of one file: the service is asked about each
NAME_CHARACTERS_MAX = 256  # of a resource: all that is told of it begins so
COMPONENTS = {"fc3": fc3.wanted, "fc": fc.wanted}


def deploy_project(
    client: Client,
    path: Path,
    *,
    dry_run: bool,
    only: tuple[str, ...],
    skip_triggers: bool,
    as_json: bool,
) -> int:
    """The exit status: 0 all is (or would be) as the file says, 1 something was (or will be) refused.
    Raises InvalidInput, Refused, Unreachable."""
    key = credentials()
    vendors: dict[str, Vendor] = {}

    def vendor(generation: str) -> Vendor:
        return vendors.setdefault(generation, Vendor(client, generation, key))

    foretelling = Foretelling(client, vendor)
    found = wanted_of(read_document(path, account=lambda: foretelling.home.account), only)
    if skip_triggers:
        for one in found:
            one.left_out += [f"trigger {trigger.name}: --skip-triggers" for trigger in one.triggers]
            one.triggers = []
    plans = make_plans(found, vendor, takes_service)
    foretelling.foretell(plans)
    if not as_json:
        show_plan(plans)
    if dry_run:
        if as_json:
            print_json(plan_json(plans, None))
        return 1 if any(map(_refused, plans)) else 0

    def told(one: Done) -> None:
        if not as_json:
            show_done(one)

    done = apply(plans, lambda plan: vendor(plan.wanted.generation), told)
    if as_json:
        print_json(plan_json(plans, done))
    mistaken = any(plan.wanted.problems for plan in plans)
    return 1 if mistaken or any(one.refusal for one in done) else 0


def _refused(plan: Plan) -> bool:
    return bool(plan.wanted.problems) or any(
        change.problems for change in plan.changes if change.kind != "same"
    )


def wanted_of(document: Document, only: tuple[str, ...] = ()) -> list[Wanted]:
    """What the resources of a file want, those of `only` where it names any; mistakes in one are in
    its `problems`. Raises InvalidInput where there is nothing to deploy."""
    field = "resources" if "resources" in document.data else "services"
    resources = document.data.get(field)
    if not isinstance(resources, dict) or not resources:
        raise InvalidInput(
            f"{document.path}: it names no resources; a project of Serverless Devs has "
            "'resources:' (fc3) or 'services:' (fc).",
            field="resources",
        )
    missing = [name for name in only if name not in resources]
    if missing:
        raise InvalidInput(
            f"--resource {missing[0]}: {document.path} has {', '.join(map(str, resources))}.",
            field="resource",
            value=missing[0],
        )
    names = [name for name in resources if not only or name in only]
    long = next((name for name in resources if len(name) > NAME_CHARACTERS_MAX), None)
    if long is not None:
        raise InvalidInput(
            f"{document.path}: {field}.{long[:40]}…: a resource's name has at most "
            f"{NAME_CHARACTERS_MAX} characters.",
            field=field,
        )
    folder = Folder(document.folder)
    found = [_one(folder, field, str(name), resources[name], resources) for name in names]
    things = sum(1 + len(one.async_configs) + len(one.triggers) for one in found)
    if things > THINGS_MAX:
        raise InvalidInput(
            f"{document.path}: it wants {things} functions, configurations and triggers; at most "
            f"{THINGS_MAX} at once. Deploy a part of it with --resource NAME, which may be repeated.",
            field=field,
        )
    _no_function_twice(found)
    return found


def _no_function_twice(found: list[Wanted]) -> None:
    """Of two that make the same function (of two regions, as a rule) the first one counts."""
    first: dict[str, str] = {}
    for one in found:
        if not one.function or one.problems:
            continue
        name = Name(one.function, one.service).ours
        if name in first:
            one.problems.append(
                f"{one.resource}: the resource {first[name]} is the function {one.shown} too; give "
                f"one of them another name, or deploy one alone with --resource {one.resource}."
            )
        first.setdefault(name, one.resource)


def _one(folder: Folder, field: str, name: str, resource: Any, all: dict[Any, Any]) -> Wanted:
    where = f"{field}.{name}"
    props = resource.get("props") if isinstance(resource, dict) else resource
    if not isinstance(resource, dict) or not isinstance(props, dict):
        why = props.why if isinstance(props, Unresolved) else f"{where}.props: an object is needed."
        return Wanted(name, "2023-03-30", problems=[why])
    written = resource.get("component", "")
    if isinstance(written, Unresolved):
        return Wanted(name, "2023-03-30", problems=[written.why])
    read = COMPONENTS.get(str(written).partition("@")[0].rpartition("/")[2])
    if read is None:
        problem = _not_known(where, str(written), name, all)
        return Wanted(name, "2023-03-30", problems=[problem])
    found = read(name, props, folder)
    if resource.get("actions"):
        found.left_out.append("actions: commands of the file are not run")
    if resource.get("extend"):
        found.problems.append(
            f"{where}.extend: templates are not put together here; write the properties out."
        )
    _without_unresolved(found)
    for what, one in (("the function's", found.function), ("the service's", found.service)):
        if "}}" in one.partition("{{")[2]:
            found.problems.append(
                f"{where}.props: {what} name is {one[:80]!r}, a placeholder of a template that was not "
                "filled in; write the name."
            )
    return found


def _not_known(where: str, component: str, name: str, all: dict[Any, Any]) -> str:
    others = list(islice((f"--resource {one}" for one in all if str(one) != name), 8))
    advice = f" Deploy the others without it: {' '.join(others)}." if others else ""
    return (
        f"{where}.component: {component!r} is not one that this command knows; it deploys "
        f"{' and '.join(COMPONENTS)}.{advice}"
    )


def _without_unresolved(found: Wanted) -> None:
    """What uses a value that is not known is a mistake of this resource."""
    parts = (found.service_body, found.body, found.async_configs, found.tags)
    told = set(found.problems)
    found.problems += [why for why in reasons(list(parts)) if why not in told]
    found.service_body, found.body = without(found.service_body), without(found.body)
    found.async_configs, found.tags = without(found.async_configs), without(found.tags)
