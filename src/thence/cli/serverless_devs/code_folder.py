"""The code that a project names: folders, files and archives below its own folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import fastcrc

from ...catalog.code import pack
from ...errors import InvalidInput
from ..files import inside, read_bounded
from ..source import pack_folder
from .missing_values import MissingValue

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
        if isinstance(value, MissingValue):
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
