"""The properties of the component `fc` (FC 2.0, reference 12.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from .wanted import Wanted, WantedTrigger, async_config, code, listed, table, text, texts

READ = ("region", "service", "function", "triggers")
LEFT_OUT = {
    "customDomains": "there are no custom domains here",
}
AUTO = ("logConfig", "role", "vpcConfig", "nasConfig")
AGE_SECONDS = 86_400  # the door's own where a configuration names none


def wanted(resource: str, props: dict[str, Any], folder: Path) -> Wanted:
    """Raises InvalidInput naming the place in the file."""
    where = f"services.{resource}.props"
    service = table(where, props, "service")
    function = table(where, props, "function")
    found = Wanted(
        resource,
        "2021-04-06",
        text(f"{where}.function", function, "name"),
        text(f"{where}.service", service, "name"),
    )
    found.service_body = _named(service, "serviceName", found)
    if function.get("ossBucket") or function.get("ossKey"):
        raise InvalidInput(
            f"{where}.function.ossBucket: code from OSS is not fetched; write the path of a folder "
            "or a .zip in codeUri.",
            field=f"{where}.function.ossBucket",
        )
    skipped = {"codeUri", "ossBucket", "ossKey", "asyncConfiguration"}
    given = {name: value for name, value in function.items() if name not in skipped}
    if given.get("environmentVariables") is not None:
        given["environmentVariables"] = texts(f"{where}.function", given, "environmentVariables")
    found.body = _named(given, "functionName", found)
    found.archive = code(f"{where}.function.codeUri", function.get("codeUri"), folder)
    config = table(f"{where}.function", function, "asyncConfiguration")
    if config:
        found.async_configs["LATEST"] = _async(f"{where}.function.asyncConfiguration", config)
    found.triggers = [
        _trigger(f"{where}.triggers", one) for one in listed(where, props, "triggers")
    ]
    found.left_out += [
        f"{name}: {LEFT_OUT.get(name, 'this command does not know it')}"
        for name, value in props.items()
        if name not in READ and value
    ]
    return found


def _named(given: dict[str, Any], name: str, found: Wanted) -> dict[str, Any]:
    """With the API's word for the name, without what the tool would make by itself."""
    body: dict[str, Any] = {name: given["name"]}
    for key, value in given.items():
        if key == "name" or value is None:
            continue
        if key in AUTO and value == "auto":
            found.left_out.append(f"{key}: auto: nothing of that kind is made here")
        else:
            body[key] = value
    return body


def _async(where: str, given: dict[str, Any]) -> dict[str, Any]:
    """The tool's `destination: {onSuccess: ARN}` as the API's `destinationConfig`."""
    config = {name: value for name, value in given.items() if name != "destination"}
    return async_config(
        f"{where}.destination",
        config,
        table(where, given, "destination"),
        maxAsyncEventAgeInSeconds=AGE_SECONDS,
        statefulInvocation=False,
    )


def _trigger(where: str, one: dict[str, Any]) -> WantedTrigger:
    name = text(where, one, "name")
    body = {
        "triggerName": name,
        "triggerType": one.get("type"),
        "triggerConfig": json.dumps(one.get("config") or {}, separators=(",", ":")),
        "qualifier": one.get("qualifier"),
        "sourceArn": one.get("sourceArn"),
        "invocationRole": one.get("role"),
    }
    return WantedTrigger(name, {key: value for key, value in body.items() if value is not None})
