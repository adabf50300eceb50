"""`thence deploy s.yaml`: reads a project, shows its plan, makes it."""

from __future__ import annotations

from pathlib import Path

from ...errors import InvalidInput
from ..client import Client
from ..options import credentials
from ..output import print_json
from . import fc, fc3
from .apply import Done, apply
from .document import Document, read_document
from .plan import Services, make_plan
from .show import plan_json, show_done, show_plan
from .vendor import Vendor
from .wanted import Wanted

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
    """The exit status: 0 all is as the file says, 1 something was refused. Raises InvalidInput,
    Refused, Unreachable."""
    key = credentials()
    vendors: dict[str, Vendor] = {}

    def vendor(generation: str) -> Vendor:
        return vendors.setdefault(generation, Vendor(client, generation, key))

    found = wanted_of(read_document(path), only)
    if skip_triggers:
        for one in found:
            one.left_out += [f"trigger {trigger.name}: --skip-triggers" for trigger in one.triggers]
            one.triggers = []
    services: Services = {}
    plans = [make_plan(one, vendor(one.generation), services) for one in found]
    if not as_json:
        show_plan(plans)
    if dry_run:
        if as_json:
            print_json(plan_json(plans, None))
        return 0

    def told(one: Done) -> None:
        if not as_json:
            show_done(one)

    done = apply(plans, lambda plan: vendor(plan.wanted.generation), told)
    if as_json:
        print_json(plan_json(plans, done))
    return 1 if any(one.refusal for one in done) else 0


def wanted_of(document: Document, only: tuple[str, ...] = ()) -> list[Wanted]:
    """What the resources of a file want, those of `only` where it names any. Raises InvalidInput."""
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
    return [
        _one(document, field, str(name), resource)
        for name, resource in resources.items()
        if not only or name in only
    ]


def _one(document: Document, field: str, name: str, resource: object) -> Wanted:
    where = f"{field}.{name}"
    if not isinstance(resource, dict) or not isinstance(resource.get("props"), dict):
        raise InvalidInput(f"{where}.props: an object is needed.", field=f"{where}.props")
    component = str(resource.get("component", "")).partition("@")[0].rpartition("/")[2]
    read = COMPONENTS.get(component)
    if read is None:
        raise InvalidInput(
            f"{where}.component: {component!r} is not one that this command knows; it deploys "
            f"{' and '.join(COMPONENTS)}. Leave it out with --resource NAME.",
            field=f"{where}.component",
            value=component,
        )
    found = read(name, resource["props"], document.folder)
    if resource.get("actions"):
        found.left_out.append("actions: commands of the file are not run")
    if resource.get("extend"):
        raise InvalidInput(
            f"{where}.extend: templates are not put together here; write the properties out.",
            field=f"{where}.extend",
        )
    return found
