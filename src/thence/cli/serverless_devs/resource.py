"""What a project wants: plain data in the words of the vendor's API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import fastcrc
from msgspec import Struct, field

from ...catalog.code import pack
from ...errors import InvalidInput
from ..files import inside, read_bounded
from ..source import pack_folder
from .missing_values import Unresolved

TARGETS = ("onSuccess", "onFailure")
TOLD_MAX = 50  # of mistakes of one kind
CODE_FILE_BYTES_MAX = 512 * 1024 * 1024  # far over what a service takes


class Archive:
    """Code as it is sent. Resources of one path share it: its figures are counted once."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @cached_property
    def checksum(self) -> str:
        return str(fastcrc.crc64.xz(self.data))

    @cached_property
    def shown(self) -> str:
        return f"{len(self.data)} bytes, CRC-64 {self.checksum}"


class WantedTrigger(Struct):
    name: str
    body: dict[str, Any]  # as the create call takes it
    problems: list[str] = field(default_factory=list)


class Wanted(Struct):
    """One function of a project with what belongs to it, or a service alone. `service` is empty in
    FC 3.0."""

    resource: str  # its name in the file
    generation: Literal["2023-03-30", "2021-04-06"]
    function: str = ""  # empty: the service alone, or the file does not name it
    service: str = ""
    service_body: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)  # without code
    archive: Archive | None = None  # None: the code is not the file's business
    async_configs: dict[str, dict[str, Any]] = field(default_factory=dict)  # by qualifier
    tags: dict[str, str] | None = None  # None: they are not the file's business
    triggers: list[WantedTrigger] = field(default_factory=list)
    reserved_concurrency: int | None = None
    left_out: list[str] = field(default_factory=list)
    """What the file says and this service has nothing of: sentences for people."""
    ignored: set[str] = field(default_factory=set)
    """Properties of the file that are not looked at."""
    problems: list[str] = field(default_factory=list)
    """Mistakes of the file in this resource, each a sentence: it is not deployed then."""

    @property
    def shown(self) -> str:
        return f"{self.service}/{self.function}" if self.service else self.function

    @contextmanager
    def noting(self) -> Iterator[None]:
        """A mistake in here is one of the resource, and the next property is read all the same."""
        try:
            yield
        except InvalidInput as error:
            self.problems.append(error.detail)

    def leave_out(self, name: str, why: str) -> None:
        self.ignored.add(name)
        self.left_out.append(f"{name}: {why}")


def _given(props: dict[str, Any], name: str) -> Any:
    value = props.get(name)
    if isinstance(value, Unresolved):
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
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise InvalidInput(f"{where}.{name}: a list of objects is needed.", field=f"{where}.{name}")
    return value


def number(where: str, props: dict[str, Any], name: str) -> int:
    """A whole number that must be there."""
    value = _given(props, name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"{where}.{name}: a whole number is needed.", field=f"{where}.{name}")
    return value


def texts(found: Wanted, where: str, props: dict[str, Any], name: str) -> dict[str, str]:
    """An object of texts. What YAML reads as numbers and truth values are texts here. Those that
    are none are problems of `found`."""
    given = table(where, props, name)
    wrong = [key for key, value in given.items() if isinstance(value, dict | list)]
    found.problems += [f"{where}.{name}.{key}: a text is needed." for key in wrong[:TOLD_MAX]]
    return {key: plain(value) for key, value in given.items() if not isinstance(value, dict | list)}


def plain(value: Any) -> str:
    """A single value as its text: `true`, not Python's `True`; nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def async_config(
    found: Wanted, where: str, given: dict[str, Any], targets: dict[str, Any], **defaults: Any
) -> dict[str, Any]:
    """The whole of a configuration, because a PUT is the whole of it: what the file no longer says
    ends. targets: `{"onSuccess": ARN, …}`. Mistakes go to the problems of `found`."""
    for which, arn in targets.items():
        with found.noting():
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


class Folder:
    """The project's folder, which all paths of its file begin in."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._codes: dict[Path, Archive | str] = {}  # or why there is none

    def code(self, where: str, value: Any) -> Archive | None:
        """The archive of a `code` or `codeUri`: a path of a folder, a file or an archive, inside of
        the project's folder."""
        if value is None:
            return None
        if isinstance(value, dict) and isinstance(value.get("src"), str):
            value = value["src"]
        if isinstance(value, Unresolved):
            raise InvalidInput(value.why, field=where)
        if not isinstance(value, str) or not value:
            raise InvalidInput(
                f"{where}: write the path of a folder or a .zip; code from OSS is not fetched.",
                field=where,
            )
        try:
            path = inside(self._path, value)
        except ValueError as error:
            raise InvalidInput(f"{where}: {error}.", field=where, value=value[:200]) from None
        if path not in self._codes:
            self._codes[path] = _read(path)
        found = self._codes[path]
        if isinstance(found, str):
            raise InvalidInput(f"{where}: {found}", field=where)
        return found


def _read(path: Path) -> Archive | str:
    try:
        if path.is_dir():
            return Archive(pack_folder(path))
        data = read_bounded(path, CODE_FILE_BYTES_MAX)
        return Archive(data if path.suffix == ".zip" else pack([(path.name, data)]))
    except InvalidInput as error:
        return error.detail
