"""The properties of the component `fc3` (FC 3.0, reference 12.1)."""

from __future__ import annotations

import json
from typing import Any

from ...errors import InvalidInput
from .left_out import put
from .missing_values import reasons, without
from .resource import (
    TOLD_MAX,
    Folder,
    Wanted,
    WantedTrigger,
    async_config,
    listed,
    number,
    plain,
    table,
    text,
    texts,
)

# Of the tool or of other parts of the cloud: nothing of the function itself.
TOOLS = (
    *("region", "endpoint", "code", "triggers", "asyncInvokeConfig", "concurrencyConfig"),
    *("tags", "environmentVariables"),
)
IGNORED = {"region", "endpoint"}
AGE_SECONDS = 18_000  # what the tool sends where the file names none
ELSEWHERE = {
    "customDomain": "there are no custom domains here",
    "vpcBinding": "functions are called from wherever the service is reached",
    "provisionConfig": "instances are kept warm by use, not by provision",
    "scalingConfig": "instances are kept warm by use, not by provision",
    "artifact": "code is taken from the path in `code`",
}


def wanted(resource: str, props: dict[str, Any], folder: Folder) -> Wanted:
    """Mistakes are in its `problems`."""
    where = f"resources.{resource}.props"
    found = Wanted(resource, "2023-03-30", ignored=set(IGNORED))
    with found.noting():
        found.function = text(where, props, "functionName")
    for name, value in props.items():
        if name in TOOLS or value is None:
            continue
        if name in ELSEWHERE:
            found.leave_out(name, ELSEWHERE[name])
        else:
            put(found, found.body, name, value)
    found.body.setdefault("memorySize", 512)  # the tool's own default
    if "environmentVariables" in props:
        with found.noting():
            found.body["environmentVariables"] = texts(found, where, props, "environmentVariables")
    with found.noting():
        found.tags = _tags(found, where, props)
    with found.noting():
        found.archive = folder.code(f"{where}.code", props.get("code"))
    _async(where, props, found)
    with found.noting():
        for at, one in enumerate(listed(where, props, "triggers")):
            with found.noting():
                found.triggers.append(_trigger(f"{where}.triggers[{at}]", one))
    with found.noting():
        concurrency = table(where, props, "concurrencyConfig")
        if concurrency:
            here = f"{where}.concurrencyConfig"
            _only(found, here, concurrency, "reservedConcurrency")
            found.reserved_concurrency = number(here, concurrency, "reservedConcurrency")
    return found


def _tags(found: Wanted, where: str, props: dict[str, Any]) -> dict[str, str] | None:
    """Of an object, or of a list of `{key, value}`."""
    if props.get("tags") is None:
        return None
    if isinstance(props["tags"], dict):
        return texts(found, where, props, "tags")
    tags: dict[str, str] = {}
    for at, one in enumerate(listed(where, props, "tags")):
        key = text(f"{where}.tags[{at}]", one, "key")
        if key in tags:
            here = f"{where}.tags[{at}].key"
            raise InvalidInput(f"{here}: {key[:80]!r} is there twice; take one out.", field=here)
        tags[key] = plain(one.get("value"))
    return tags


def _only(found: Wanted, here: str, given: dict[str, Any], name: str) -> None:
    """What the object has beside that one field would vanish in silence."""
    others = [other for other in given if other != name]
    found.problems += [
        f"{here}.{other}: there is no such field; remove it or correct its name."
        for other in others[:TOLD_MAX]
    ]


def _async(where: str, props: dict[str, Any], found: Wanted) -> None:
    given = props.get("asyncInvokeConfig")
    for one in given if isinstance(given, list) else [given]:
        if one is not None:
            with found.noting():
                _one_config(f"{where}.asyncInvokeConfig", one, found)


def _one_config(here: str, one: Any, found: Wanted) -> None:
    if not isinstance(one, dict):
        raise InvalidInput(f"{here}: an object is needed.", field=here)
    config = dict(one)
    qualifier = str(config.pop("qualifier", None) or "LATEST")
    if qualifier in found.async_configs:
        raise InvalidInput(f"{here}: {qualifier} is configured twice.", field=here, value=qualifier)
    targets: dict[str, Any] = {}
    with found.noting():
        written = table(here, config, "destinationConfig")
        for which in written:
            with found.noting():
                target = table(f"{here}.destinationConfig", written, which)
                _only(found, f"{here}.destinationConfig.{which}", target, "destination")
                targets[which] = target.get("destination")
    found.async_configs[qualifier] = async_config(
        found,
        f"{here}.destinationConfig",
        config,
        targets,
        maxAsyncEventAgeInSeconds=AGE_SECONDS,
        asyncTask=False,
    )


def _trigger(where: str, one: dict[str, Any]) -> WantedTrigger:
    name = text(where, one, "triggerName")
    body, problems = without(one), reasons(one)
    if isinstance(body.get("triggerConfig"), dict):
        body["triggerConfig"] = json.dumps(body["triggerConfig"], separators=(",", ":"))
    return WantedTrigger(name, body, problems)
