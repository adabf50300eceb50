"""Properties of a resource, read as what they must be; those of both components."""

from __future__ import annotations

from typing import Any

from ...errors import InvalidInput
from .missing_values import MissingValue
from .resource import Resource

TARGETS = ("onSuccess", "onFailure")
TOLD_MAX = 50  # of mistakes of one kind


def _given(props: dict[str, Any], name: str) -> Any:
    value = props.get(name)
    if isinstance(value, MissingValue):
        raise InvalidInput(value.why, field=name)
    return value


def text(where: str, props: dict[str, Any], name: str) -> str:
    """A text that must be there."""
    value = _given(props, name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{where}.{name}: a text is needed.", field=f"{where}.{name}")
    return value


def table(where: str, props: dict[str, Any], name: str) -> dict[str, Any]:
    """An object, empty where there is none."""
    value = _given(props, name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}.{name}: an object is needed.", field=f"{where}.{name}")
    return value


def listed(where: str, props: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects, empty where there is none."""
    value = _given(props, name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidInput(f"{where}.{name}: a list of objects is needed.", field=f"{where}.{name}")
    return value


def number(where: str, props: dict[str, Any], name: str) -> int:
    """A whole number that must be there."""
    value = _given(props, name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{where}.{name}: a whole number is needed.", field=f"{where}.{name}")
    return value


def texts(resource: Resource, where: str, props: dict[str, Any], name: str) -> dict[str, str]:
    """An object of texts. What YAML reads as numbers and truth values are texts here. Those that
    are none are problems of `resource`."""
    given = table(where, props, name)
    wrong = [key for key, value in given.items() if isinstance(value, dict | list)]
    resource.problems += [f"{where}.{name}.{key}: a text is needed." for key in wrong[:TOLD_MAX]]
    return {key: plain(value) for key, value in given.items() if not isinstance(value, dict | list)}


def plain(value: Any) -> str:
    """A single value as its text: `true`, not Python's `True`; nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def async_config(
    resource: Resource, where: str, given: dict[str, Any], targets: dict[str, Any], **defaults: Any
) -> dict[str, Any]:
    """The whole of a configuration, because a PUT is the whole of it: what the file no longer says
    ends. targets: `{"onSuccess": ARN, …}`. Mistakes go to the problems of `resource`."""
    for which, arn in targets.items():
        with resource.noting():
            if which not in TARGETS:
                raise InvalidInput(
                    f"{where}: {which!r} is not onSuccess or onFailure.", field=where, value=which
                )
            if not isinstance(arn, str | None):
                raise InvalidInput(f"{where}.{which}: a text is needed.", field=f"{where}.{which}")
    arns = {name: arn if isinstance(arn, str) else "" for name, arn in targets.items()}
    destinations = {which: {"destination": arns.get(which, "")} for which in TARGETS}
    chosen = {name: value for name, value in given.items() if value is not None}
    return {"maxAsyncRetryAttempts": 3, **defaults, **chosen, "destinationConfig": destinations}
