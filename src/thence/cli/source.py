"""What `deploy` sends: a folder, a file or an archive as code, and the settings beside it."""

from __future__ import annotations

import io
import posixpath
import re
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

from ..catalog.code import pack
from ..catalog.function import NAME
from ..config import toml
from ..errors import InvalidInput
from .files import read_bounded, walk

SETTINGS_FILE = "thence.function.toml"
SKIPPED = frozenset(
    {"__pycache__", "node_modules", "thence-data", "venv", ".venv", ".git", SETTINGS_FILE}
)
SOURCE_BYTES_MAX = 512 * 1024 * 1024  # far over what a service takes: a wrong folder, most likely
SOURCE_FILES_MAX = 100_000


class Source:
    """Code and what its folder says of itself."""

    def __init__(
        self,
        name: str,
        archive: bytes,
        settings: dict[str, Any],
        file: Path | None,
        written: set[str],
    ) -> None:
        self.name = name
        self.archive = archive
        self.settings = settings
        self.file = file
        """Where settings are written, if there is such a file."""
        self.written = frozenset(written)
        """Which of the settings that file says."""


def read_source(target: Path, name: str | None = None) -> Source:
    """A folder (packed, without hidden files and caches), a `.py` file or a `.zip` archive. `name`:
    what the function is called, whatever the source says.

    Raises InvalidInput naming the file and what to do.
    """
    try:
        return _read(target, name)
    except OSError as error:
        path = str(error.filename or target)
        raise InvalidInput(
            f"{path}: it cannot be read ({error.strerror or error}).", field=path
        ) from None


def _read(target: Path, called: str | None) -> Source:
    settings: dict[str, Any] = {}
    file, said = target / SETTINGS_FILE, set[str]()
    if target.is_dir():
        settings = read_settings(file)
        said = set(settings)
        files = _folder(target)
        archive = pack(files)
        settings.setdefault("handler", _handler([name for name, _ in files]))
    elif target.suffix == ".zip":
        archive = read_bounded(target, SOURCE_BYTES_MAX)
    elif target.suffix == ".py":
        archive = pack([(target.name, read_bounded(target, SOURCE_BYTES_MAX))])
        settings["handler"] = _handler([target.name])
    else:
        raise InvalidInput(
            f"{target}: a function is a folder, a .py file or a .zip archive (and a project a .yaml "
            "file). Name the folder that holds its code.",
            field=str(target),
        )
    written = settings.pop("name", None)
    name = called or written or function_name(target)
    return Source(str(name), archive, settings, file if said else None, said)


def function_name(target: Path) -> str:
    """The folder's or file's name, where a function can be called so. Raises InvalidInput with one
    that is near: two folders must not become one function in silence."""
    path = target.resolve()
    name = path.name if target.is_dir() else path.stem
    if NAME.fullmatch(name) is not None:
        return name
    plain = (
        unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    )
    near = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-")
    near = near if re.match(r"[A-Za-z_]", near) else f"f-{near}".rstrip("-")
    raise InvalidInput(
        f"A function cannot be called {name!r}: letters, digits, _ and - are taken, a letter or _ "
        f"first. Say how it is called, such as --name {near[:128]} (or `name` in {SETTINGS_FILE}).",
        field="name",
        value=name,
    )


def read_settings(path: Path) -> dict[str, Any]:
    """The table of `thence.function.toml`; empty where there is none."""
    if not path.exists():
        return {}
    try:
        settings = toml.parse(read_bounded(path, toml.TOML_BYTES_MAX))
    except ValueError as error:
        raise InvalidInput(f"{path}: it cannot be read ({error}).", field=str(path)) from None
    if "code" in settings:
        raise InvalidInput(
            f"{path}: code: the code is what lies beside this file; remove the field.", field="code"
        )
    for name in ("environment", "retry_wait"):
        if not isinstance(settings.get(name, {}), dict):
            raise InvalidInput(
                f"{path}: {name} must be a table; write [{name}] and its fields below it.",
                field=name,
            )
    return settings


def check_handler(archive: bytes, handler: str) -> None:
    """Raises InvalidInput when the archive has nothing that could be the handler's module. What is
    no archive or no handler is for the service to refuse."""
    try:
        members = zipfile.ZipFile(io.BytesIO(archive)).namelist()
    except zipfile.BadZipFile:
        return
    names = [posixpath.normpath(name) for name in members]  # `./main.py` is main.py
    top, dot, _ = handler.partition(".")
    if dot and not any(name.startswith((f"{top}.", f"{top}/")) for name in names):
        deeper = next((name for name in names if name.endswith(f"/{top}.py")), None)
        project = next((name for name in ("s.yaml", "s.yml") if name in names), None)
        do = "Add it, or name another one with --handler MODULE.FUNCTION."
        if project is not None:
            do = f"There is {project}: name that file, and not its folder, to deploy the project."
        elif deeper is not None:
            do = (
                f"There is {deeper}: deploy what is inside of {deeper.rpartition('/')[0]}, not the "
                "folder around it."
            )
        raise InvalidInput(
            f"handler: {handler!r} needs a module {top!r}, and there is no {top}.py beside the other "
            f"files. {do}",
            field="handler",
            value=handler,
        )


def pack_folder(folder: Path) -> bytes:
    """The archive of a folder's files, without what is hidden, caches and its settings. Raises
    InvalidInput."""
    return pack(_folder(folder))


def _folder(folder: Path) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    total = 0
    root = folder.resolve()
    for path in walk(root, SKIPPED):
        if path.suffix == ".pyc":
            continue
        total += path.stat().st_size
        if total > SOURCE_BYTES_MAX or len(found) >= SOURCE_FILES_MAX:
            raise InvalidInput(
                f"{folder} holds more than {SOURCE_FILES_MAX} files or {SOURCE_BYTES_MAX >> 20} MiB; "
                "deploy the folder that holds the function only.",
                field=str(folder),
                limit=SOURCE_BYTES_MAX,
            )
        found.append((path.relative_to(root).as_posix(), read_bounded(path, SOURCE_BYTES_MAX)))
    if not found:
        raise InvalidInput(f"{folder} holds no file to deploy.", field=str(folder))
    return sorted(found)


def _handler(names: list[str]) -> str:
    """`main.handler`, or that of the only module where there is no `main.py`."""
    modules = [name[:-3] for name in names if name.endswith(".py") and "/" not in name]
    if "main" not in modules and len(modules) == 1:
        if re.fullmatch(r"[A-Za-z0-9_]+", modules[0]) is None:
            near = re.sub(r"[^A-Za-z0-9_]+", "_", modules[0]).strip("_") or "main"
            raise InvalidInput(
                f"{modules[0]}.py: a module with a handler has a name of letters, digits and _. "
                f"Rename the file, such as to {near}.py.",
                field="handler",
                value=modules[0],
            )
        return f"{modules[0]}.handler"
    return "main.handler"
