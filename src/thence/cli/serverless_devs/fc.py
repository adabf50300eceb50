"""The properties of the component `fc` (FC 2.0, reference 12.2)."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from ...errors import InvalidInput
from .left_out import put
from .missing_values import reasons, without
from .resource import Folder, Wanted, WantedTrigger, async_config, listed, table, text, texts

READ = ("region", "service", "function", "triggers")
LEFT_OUT = {
    "customDomains": "there are no custom domains here",
}
AGE_SECONDS = 86_400  # the door's own where a configuration names none
_OF_CODE = {"codeUri", "ossBucket", "ossKey"}
_UNSAID = {"name", "environmentVariables", "asyncConfiguration", "code", *_OF_CODE}


def wanted(resource: str, props: dict[str, Any], folder: Folder) -> Wanted:
    """Mistakes are in its `problems`. A resource may be a service alone, without a function."""
    where = f"services.{resource}.props"
    found = Wanted(resource, "2021-04-06", ignored={"region"})
    for name, value in props.items():
        if name not in READ and value:
            found.leave_out(name, LEFT_OUT.get(name, "this command does not know it"))
    with found.noting():
        service = table(where, props, "service")
        found.service = text(f"{where}.service", service, "name")
        found.service_body = {"serviceName": found.service}
        _named(service, found.service_body, found, {"name"})
    function: dict[str, Any] | None = None  # not known
    with found.noting():
        function = table(where, props, "function")
        if function:
            _function(f"{where}.function", function, folder, found)
    with found.noting():
        for at, one in enumerate(listed(where, props, "triggers")):
            with found.noting():
                found.triggers.append(_trigger(f"{where}.triggers[{at}]", one))
        if found.triggers and function == {}:
            raise InvalidInput(
                f"{where}.triggers: they belong to a function, and the resource has none.",
                field=f"{where}.triggers",
            )
    return found


def _function(where: str, function: dict[str, Any], folder: Folder, found: Wanted) -> None:
    with found.noting():
        found.function = text(where, function, "name")
        found.body["functionName"] = found.function
    if function.get("ossBucket") or function.get("ossKey"):
        with found.noting():
            raise InvalidInput(
                f"{where}.ossBucket: code from OSS is not fetched; write the path of a folder or a "
                ".zip in codeUri.",
                field=f"{where}.ossBucket",
            )
    if function.get("code") is not None:
        with found.noting():
            raise InvalidInput(
                f"{where}.code: this component has no such property; write the path in codeUri.",
                field=f"{where}.code",
            )
    _named(function, found.body, found, _UNSAID)
    if function.get("environmentVariables") is not None:
        with found.noting():
            found.body["environmentVariables"] = texts(
                found, where, function, "environmentVariables"
            )
    with found.noting():
        found.archive = folder.code(f"{where}.codeUri", function.get("codeUri"))
    with found.noting():
        config = table(where, function, "asyncConfiguration")
        if config:
            found.async_configs["LATEST"] = _async(f"{where}.asyncConfiguration", config, found)


def _named(given: dict[str, Any], body: dict[str, Any], found: Wanted, unsaid: Set[str]) -> None:
    for key, value in given.items():
        if key not in unsaid and value is not None:
            put(found, body, key, value)


def _async(where: str, given: dict[str, Any], found: Wanted) -> dict[str, Any]:
    """The tool's `destination: {onSuccess: ARN}` as the API's `destinationConfig`."""
    config = {name: value for name, value in given.items() if name != "destination"}
    targets: dict[str, Any] = {}
    with found.noting():
        targets = table(where, given, "destination")
    return async_config(
        found,
        f"{where}.destination",
        config,
        targets,
        maxAsyncEventAgeInSeconds=AGE_SECONDS,
        statefulInvocation=False,
    )


def _trigger(where: str, one: dict[str, Any]) -> WantedTrigger:
    name, problems = text(where, one, "name"), reasons(one)
    one = without(one)
    body = {
        "triggerName": name,
        "triggerType": one.get("type"),
        "triggerConfig": json.dumps(one.get("config") or {}, separators=(",", ":")),
        "qualifier": one.get("qualifier"),
        "sourceArn": one.get("sourceArn"),
        "invocationRole": one.get("role"),
    }
    body = {key: value for key, value in body.items() if value is not None}
    return WantedTrigger(name, body, problems)
