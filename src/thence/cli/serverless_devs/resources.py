"""The resources of a project: each read by its component, and what is wrong with them together."""

from __future__ import annotations

from itertools import islice
from typing import Any

from ...api.fc.names import Name
from ...errors import InvalidInput
from . import fc, fc3
from .code_folder import Folder
from .document import Document
from .missing_values import MissingValue, why_missing, without_missing
from .resource import Resource

THINGS_MAX = 2_000  # of one file: the service is asked about each
NAME_CHARACTERS_MAX = 256  # of a resource: all that is told of it begins so
COMPONENTS = {"fc3": fc3.read_resource, "fc": fc.read_resource}


def read_resources(document: Document, only: tuple[str, ...] = ()) -> list[Resource]:
    """What the resources of a file are to be, those of `only` where it names any; mistakes in one are in
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
    found = [_resource(folder, field, str(name), resources[name], resources) for name in names]
    things = sum(1 + len(resource.async_configs) + len(resource.triggers) for resource in found)
    if things > THINGS_MAX:
        raise InvalidInput(
            f"{document.path}: it wants {things} functions, configurations and triggers; at most "
            f"{THINGS_MAX} at once. Deploy a part of it with --resource NAME, which may be repeated.",
            field=field,
        )
    _no_function_twice(found)
    return found


def _no_function_twice(resources: list[Resource]) -> None:
    """Of two that make the same function (of two regions, as a rule) the first resource counts."""
    first: dict[str, str] = {}
    for resource in resources:
        if not resource.function or resource.problems:
            continue
        name = Name(resource.function, resource.service).ours
        if name in first:
            resource.problems.append(
                f"{resource.name}: the resource {first[name]} is the function {resource.shown} too; give "
                f"one of them another name, or deploy one alone with --resource {resource.name}."
            )
        first.setdefault(name, resource.name)


def _resource(folder: Folder, field: str, name: str, written: Any, all: dict[Any, Any]) -> Resource:
    where = f"{field}.{name}"
    props = written.get("props") if isinstance(written, dict) else written
    if not isinstance(written, dict) or not isinstance(props, dict):
        why = (
            props.why if isinstance(props, MissingValue) else f"{where}.props: an object is needed."
        )
        return Resource(name, "2023-03-30", problems=[why])
    component = written.get("component", "")
    if isinstance(component, MissingValue):
        return Resource(name, "2023-03-30", problems=[component.why])
    read = COMPONENTS.get(str(component).partition("@")[0].rpartition("/")[2])
    if read is None:
        problem = _not_known(where, str(component), name, all)
        return Resource(name, "2023-03-30", problems=[problem])
    resource = read(name, props, folder)
    if written.get("actions"):
        resource.left_out.append("actions: commands of the file are not run")
    if written.get("extend"):
        resource.problems.append(
            f"{where}.extend: templates are not put together here; write the properties out."
        )
    _drop_missing(resource)
    for what, given in (("the function's", resource.function), ("the service's", resource.service)):
        if "}}" in given.partition("{{")[2]:
            resource.problems.append(
                f"{where}.props: {what} name is {given[:80]!r}, a placeholder of a template that was not "
                "filled in; write the name."
            )
    return resource


def _not_known(where: str, component: str, name: str, all: dict[Any, Any]) -> str:
    others = list(islice((f"--resource {other}" for other in all if str(other) != name), 8))
    advice = f" Deploy the others without it: {' '.join(others)}." if others else ""
    return (
        f"{where}.component: {component!r} is not one that this command knows; it deploys "
        f"{' and '.join(COMPONENTS)}.{advice}"
    )


def _drop_missing(resource: Resource) -> None:
    """What uses a value that is not known is a mistake of this resource."""
    parts = (resource.service_body, resource.body, resource.async_configs, resource.tags)
    told = set(resource.problems)
    resource.problems += [why for why in why_missing(list(parts)) if why not in told]
    resource.service_body, resource.body = (
        without_missing(resource.service_body),
        without_missing(resource.body),
    )
    resource.async_configs, resource.tags = (
        without_missing(resource.async_configs),
        without_missing(resource.tags),
    )
