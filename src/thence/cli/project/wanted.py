"""What a project wants: plain data in the words of the vendor's API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from ...catalog.code import pack
from ...errors import InvalidInput
from ..source import read_source


class WantedTrigger(Struct):
    name: str
    body: dict[str, Any]  # as the create call takes it


class Wanted(Struct):
    """One function of a project with what belongs to it. `service` is empty in FC 3.0."""

    resource: str  # its name in the file
    generation: Literal["2023-03-30", "2021-04-06"]
    function: str
    service: str = ""
    service_body: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)  # without code
    archive: bytes | None = None  # None: the code is not the file's business
    async_configs: dict[str, dict[str, Any]] = field(default_factory=dict)  # by qualifier
    tags: dict[str, str] | None = None  # None: they are not the file's business
    triggers: list[WantedTrigger] = field(default_factory=list)
    reserved_concurrency: int | None = None
    left_out: list[str] = field(default_factory=list)
    """What the file says and this service has nothing of: sentences for people."""

    @property
    def shown(self) -> str:
        return f"{self.service}/{self.function}" if self.service else self.function


def text(where: str, props: dict[str, Any], name: str) -> str:
    """A text that must be there."""
    value = props.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{where}.{name}: a text is needed.", field=f"{where}.{name}")
    return value


def table(where: str, props: dict[str, Any], name: str) -> dict[str, Any]:
    """An object, empty where there is none."""
    value = props.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}.{name}: an object is needed.", field=f"{where}.{name}")
    return value


def listed(where: str, props: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects, empty where there is none."""
    value = props.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise InvalidInput(f"{where}.{name}: a list of objects is needed.", field=f"{where}.{name}")
    return value


def number(where: str, props: dict[str, Any], name: str) -> int:
    """A whole number that must be there."""
    value = props.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{where}.{name}: a whole number is needed.", field=f"{where}.{name}")
    return value


def texts(where: str, props: dict[str, Any], name: str) -> dict[str, str]:
    """An object of texts. What YAML reads as numbers and truth values are texts here."""
    found = {}
    given: dict[Any, Any] = table(where, props, name)  # YAML's keys may be anything
    for key, value in given.items():
        if key is None or isinstance(key, bool):
            raise InvalidInput(
                f"{where}.{name}: YAML reads a name as {key}; put it in quotes.",
                field=f"{where}.{name}",
            )
        if isinstance(value, dict | list):
            raise InvalidInput(
                f"{where}.{name}.{key}: a text is needed.", field=f"{where}.{name}.{key}"
            )
        found[str(key)] = plain(value)
    return found


def plain(value: Any) -> str:
    """A single value as its text: `true`, not Python's `True`; nothing is empty."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def async_config(
    where: str, given: dict[str, Any], targets: dict[str, Any], **defaults: Any
) -> dict[str, Any]:
    """The whole of a configuration, because a PUT is the whole of it: what the file no longer says
    ends. targets: `{"onSuccess": ARN, …}`."""
    unknown = sorted(set(targets) - {"onSuccess", "onFailure"})
    if unknown:
        raise InvalidInput(
            f"{where}: {unknown[0]!r} is not onSuccess or onFailure.", field=where, value=unknown[0]
        )
    for which, arn in targets.items():
        if not isinstance(arn, str | None):
            raise InvalidInput(f"{where}.{which}: a text is needed.", field=f"{where}.{which}")
    destinations = {
        which: {"destination": targets.get(which) or ""} for which in ("onSuccess", "onFailure")
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    return {"maxAsyncRetryAttempts": 3, **defaults, **chosen, "destinationConfig": destinations}


def code(where: str, value: Any, folder: Path) -> bytes | None:
    """The archive of a `code` or `codeUri`: a path of a folder, a file or an archive."""
    if value is None:
        return None
    if isinstance(value, dict) and isinstance(value.get("src"), str):
        value = value["src"]
    if not isinstance(value, str):
        raise InvalidInput(
            f"{where}: write the path of a folder or a .zip; code from OSS is not fetched.",
            field=where,
        )
    path = folder / value
    if not path.exists():
        raise InvalidInput(f"{where}: there is no {path}.", field=where, value=value)
    if path.is_file() and path.suffix != ".zip":
        return pack([(path.name, path.read_bytes())])
    return read_source(path).archive
