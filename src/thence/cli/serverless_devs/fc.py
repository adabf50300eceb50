"""The properties of the component `fc` (FC 2.0)."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from ...errors import InvalidInput
from .code_folder import Folder
from .left_out import put
from .missing_values import why_missing, without_missing
from .properties import async_config, listed, table, text, texts
from .resource import Resource, ResourceTrigger

READ = ("region", "service", "function", "triggers")
LEFT_OUT = {
    "customDomains": "there are no custom domains here",
}
AGE_SECONDS = 86_400  # the door's own where a configuration names none
_OF_CODE = {"codeUri", "ossBucket", "ossKey"}
_UNSAID = {"name", "environmentVariables", "asyncConfiguration", "code", *_OF_CODE}


def read_resource(name: str, props: dict[str, Any], folder: Folder) -> Resource:
    """Mistakes are in its `problems`. A resource may be a service alone, without a function."""
    where = f"services.{name}.props"
    resource = Resource(name, "2021-04-06", ignored={"region"})
    for prop, value in props.items():
        if prop not in READ and value:
            resource.leave_out(prop, LEFT_OUT.get(prop, "this command does not know it"))
    with resource.noting():
        service = table(where, props, "service")
        resource.service = text(f"{where}.service", service, "name")
        resource.service_body = {"serviceName": resource.service}
        _named(service, resource.service_body, resource, {"name"})
    function: dict[str, Any] | None = None  # not known
    with resource.noting():
        function = table(where, props, "function")
        if function:
            _function(f"{where}.function", function, folder, resource)
    with resource.noting():
        for at, trigger in enumerate(listed(where, props, "triggers")):
            with resource.noting():
                resource.triggers.append(_trigger(f"{where}.triggers[{at}]", trigger))
        if resource.triggers and function == {}:
            raise InvalidInput(
                f"{where}.triggers: they belong to a function, and the resource has none.",
                field=f"{where}.triggers",
            )
    return resource


def _function(where: str, function: dict[str, Any], folder: Folder, resource: Resource) -> None:
    with resource.noting():
        resource.function = text(where, function, "name")
        resource.body["functionName"] = resource.function
    if function.get("ossBucket") or function.get("ossKey"):
        with resource.noting():
            raise InvalidInput(
                f"{where}.ossBucket: code from OSS is not fetched; write the path of a folder or a "
                ".zip in codeUri.",
                field=f"{where}.ossBucket",
            )
    if function.get("code") is not None:
        with resource.noting():
            raise InvalidInput(
                f"{where}.code: this component has no such property; write the path in codeUri.",
                field=f"{where}.code",
            )
    _named(function, resource.body, resource, _UNSAID)
    if function.get("environmentVariables") is not None:
        with resource.noting():
            resource.body["environmentVariables"] = texts(
                resource, where, function, "environmentVariables"
            )
    with resource.noting():
        resource.archive = folder.code(f"{where}.codeUri", function.get("codeUri"))
    with resource.noting():
        config = table(where, function, "asyncConfiguration")
        if config:
            resource.async_configs["LATEST"] = _async(
                f"{where}.asyncConfiguration", config, resource
            )


def _named(
    given: dict[str, Any], body: dict[str, Any], resource: Resource, unsaid: Set[str]
) -> None:
    for key, value in given.items():
        if key not in unsaid and value is not None:
            put(resource, body, key, value)


def _async(where: str, given: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The tool's `destination: {onSuccess: ARN}` as the API's `destinationConfig`."""
    config = {name: value for name, value in given.items() if name != "destination"}
    targets: dict[str, Any] = {}
    with resource.noting():
        targets = table(where, given, "destination")
    return async_config(
        resource,
        f"{where}.destination",
        config,
        targets,
        maxAsyncEventAgeInSeconds=AGE_SECONDS,
        statefulInvocation=False,
    )


def _trigger(where: str, trigger: dict[str, Any]) -> ResourceTrigger:
    name, problems = text(where, trigger, "name"), why_missing(trigger)
    given = without_missing(trigger)
    body = {
        "triggerName": name,
        "triggerType": given.get("type"),
        "triggerConfig": json.dumps(given.get("config") or {}, separators=(",", ":")),
        "qualifier": given.get("qualifier"),
        "sourceArn": given.get("sourceArn"),
        "invocationRole": given.get("role"),
    }
    body = {key: value for key, value in body.items() if value is not None}
    return ResourceTrigger(name, body, problems)
