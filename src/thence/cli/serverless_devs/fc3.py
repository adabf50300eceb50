"""The properties of the component `fc3` (FC 3.0)."""

from __future__ import annotations

import json
from typing import Any

from ...errors import InvalidInput
from .code_folder import Folder
from .left_out import put
from .missing_values import why_missing, without_missing
from .properties import TOLD_MAX, async_config, listed, number, plain, table, text, texts
from .resource import Resource, ResourceTrigger

# Of the tool or of other parts of the cloud: nothing of the function itself.
TOOLS = (
    *("region", "endpoint", "code", "triggers", "asyncInvokeConfig", "concurrencyConfig"),
    *("tags", "environmentVariables"),
)
IGNORED = {"region", "endpoint"}
AGE_SECONDS = 18_000  # what the tool sends where the file names none
LEFT_OUT = {
    "customDomain": "there are no custom domains here",
    "vpcBinding": "functions are called from wherever the service is reached",
    "provisionConfig": "instances are kept warm by use, not by provision",
    "scalingConfig": "instances are kept warm by use, not by provision",
    "artifact": "code is taken from the path in `code`",
}


def read_resource(name: str, props: dict[str, Any], folder: Folder) -> Resource:
    """Mistakes are in its `problems`."""
    where = f"resources.{name}.props"
    resource = Resource(name, "2023-03-30", ignored=set(IGNORED))
    with resource.noting():
        resource.function = text(where, props, "functionName")
    for prop, value in props.items():
        if prop in TOOLS or value is None:
            continue
        if prop in LEFT_OUT:
            resource.leave_out(prop, LEFT_OUT[prop])
        else:
            put(resource, resource.body, prop, value)
    resource.body.setdefault("memorySize", 512)  # the tool's own default
    if "environmentVariables" in props:
        with resource.noting():
            resource.body["environmentVariables"] = texts(
                resource, where, props, "environmentVariables"
            )
    with resource.noting():
        resource.tags = _tags(resource, where, props)
    with resource.noting():
        resource.archive = folder.code(f"{where}.code", props.get("code"))
    _async(where, props, resource)
    with resource.noting():
        for at, trigger in enumerate(listed(where, props, "triggers")):
            with resource.noting():
                resource.triggers.append(_trigger(f"{where}.triggers[{at}]", trigger))
    with resource.noting():
        concurrency = table(where, props, "concurrencyConfig")
        if concurrency:
            here = f"{where}.concurrencyConfig"
            _only(resource, here, concurrency, "reservedConcurrency")
            resource.reserved_concurrency = number(here, concurrency, "reservedConcurrency")
    return resource


def _tags(resource: Resource, where: str, props: dict[str, Any]) -> dict[str, str] | None:
    """Of an object, or of a list of `{key, value}`."""
    if props.get("tags") is None:
        return None
    if isinstance(props["tags"], dict):
        return texts(resource, where, props, "tags")
    tags: dict[str, str] = {}
    for at, tag in enumerate(listed(where, props, "tags")):
        key = text(f"{where}.tags[{at}]", tag, "key")
        if key in tags:
            here = f"{where}.tags[{at}].key"
            raise InvalidInput(f"{here}: {key[:80]!r} is there twice; take one out.", field=here)
        tags[key] = plain(tag.get("value"))
    return tags


def _only(resource: Resource, here: str, given: dict[str, Any], name: str) -> None:
    """What the object has beside that one field would vanish in silence."""
    others = [other for other in given if other != name]
    resource.problems += [
        f"{here}.{other}: there is no such field; remove it or correct its name."
        for other in others[:TOLD_MAX]
    ]


def _async(where: str, props: dict[str, Any], resource: Resource) -> None:
    given = props.get("asyncInvokeConfig")
    for config in given if isinstance(given, list) else [given]:
        if config is not None:
            with resource.noting():
                _config(f"{where}.asyncInvokeConfig", config, resource)


def _config(here: str, given: Any, resource: Resource) -> None:
    if not isinstance(given, dict):
        raise InvalidInput(f"{here}: an object is needed.", field=here)
    config = dict(given)
    qualifier = str(config.pop("qualifier", None) or "LATEST")
    if qualifier in resource.async_configs:
        raise InvalidInput(f"{here}: {qualifier} is configured twice.", field=here, value=qualifier)
    targets: dict[str, Any] = {}
    with resource.noting():
        written = table(here, config, "destinationConfig")
        for which in written:
            with resource.noting():
                target = table(f"{here}.destinationConfig", written, which)
                _only(resource, f"{here}.destinationConfig.{which}", target, "destination")
                targets[which] = target.get("destination")
    resource.async_configs[qualifier] = async_config(
        resource,
        f"{here}.destinationConfig",
        config,
        targets,
        maxAsyncEventAgeInSeconds=AGE_SECONDS,
        asyncTask=False,
    )


def _trigger(where: str, trigger: dict[str, Any]) -> ResourceTrigger:
    name = text(where, trigger, "triggerName")
    body, problems = without_missing(trigger), why_missing(trigger)
    if isinstance(body.get("triggerConfig"), dict):
        body["triggerConfig"] = json.dumps(body["triggerConfig"], separators=(",", ":"))
    return ResourceTrigger(name, body, problems)
