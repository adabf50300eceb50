"""The properties of the component `fc` (FC 2.0, reference 12.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .wanted import Wanted, WantedTrigger, code, listed, table, text

LEFT_OUT = {
    "customDomains": "there are no custom domains here",
    "layers": "layers are not taken; put what they hold into the code",
}


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
    found.service_body = _named(service, "serviceName", found, ("logConfig", "role", "vpcConfig"))
    skipped = {"codeUri", "ossBucket", "ossKey", "asyncConfiguration", "caPort"}
    given = {name: value for name, value in function.items() if name not in skipped}
    found.body = _named(given, "functionName", found, ())
    found.archive = code(f"{where}.function.codeUri", function.get("codeUri"), folder)
    config = table(f"{where}.function", function, "asyncConfiguration")
    if config:
        found.async_configs["LATEST"] = _async(config)
    found.triggers = [
        _trigger(f"{where}.triggers", one) for one in listed(where, props, "triggers")
    ]
    found.left_out += [f"{name}: {why}" for name, why in LEFT_OUT.items() if props.get(name)]
    return found


def _named(
    given: dict[str, Any], name: str, found: Wanted, auto: tuple[str, ...]
) -> dict[str, Any]:
    """With the API's word for the name, without what the tool would make by itself."""
    body: dict[str, Any] = {name: given["name"]}
    for key, value in given.items():
        if key == "name" or value is None:
            continue
        if key in auto and (value == "auto" or (key == "logConfig" and value == "auto")):
            found.left_out.append(f"{key}: auto: nothing of that kind is made here")
        elif key == "environmentVariables" and isinstance(value, dict):
            body[key] = {str(one): str(text) for one, text in value.items()}
        else:
            body[key] = value
    return body


def _async(config: dict[str, Any]) -> dict[str, Any]:
    """The tool's `destination: {onSuccess: ARN}` as the API's `destinationConfig`."""
    body = {name: value for name, value in config.items() if name != "destination"}
    targets = config.get("destination") or {}
    body["destinationConfig"] = {
        which: {"destination": arn} for which, arn in targets.items() if arn
    }
    return body


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
