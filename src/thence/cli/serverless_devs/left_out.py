"""Properties whose forms ask for other parts of the vendor's cloud: what is kept of them, what is left
out with a note. Both components have them."""

from __future__ import annotations

from typing import Any

from ...api.fc.function_input import asks
from .resource import Resource

_NETWORK = "functions use the network of the machine"
_MOUNTS = "nothing can be mounted here; put files into the code"
_LOG = "output is kept with each invocation"
_ROLE = "no role is made here; functions get the credentials of the service's settings"
LEFT_OUT = {
    "vpcConfig": _NETWORK,
    "nasConfig": _MOUNTS,
    "ossMountConfig": _MOUNTS,
}
"""Left out in every form."""
_TRACES = "no traces are sent"
LOG_FIELDS = (
    *("project", "logstore", "logBeginRule", "enableRequestMetrics", "enableInstanceMetrics"),
    "enableLlmMetrics",
)


def put(resource: Resource, body: dict[str, Any], name: str, value: Any) -> None:
    """A property as it goes into a request's body, or a note of why it does not."""
    if name in LEFT_OUT:
        if asks(value):
            resource.leave_out(name, f"{_form(value)}{LEFT_OUT[name]}")
    elif name == "tracingConfig" and not isinstance(value, dict):
        if value and value != "Disable":
            resource.leave_out(name, f"{_form(value)}{_TRACES}")
    elif name == "role" and (value == "auto" or isinstance(value, dict)):
        resource.leave_out(name, f"{_form(value)}{_ROLE}")
    elif name == "logConfig" and not isinstance(value, dict):
        resource.leave_out(name, f"{_form(value)}{_LOG}")
    elif name == "logConfig":
        body[name] = {key: inner for key, inner in value.items() if key in LOG_FIELDS}
        for key in value:
            if key not in LOG_FIELDS:
                resource.left_out.append(f"logConfig.{key}: {_LOG}")
    else:
        body[name] = value


def _form(value: Any) -> str:
    return f"{value}: " if isinstance(value, str) and value else ""
