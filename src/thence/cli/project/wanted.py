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
