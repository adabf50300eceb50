"""Where settings come from: a file, the environment, flags; the later one wins."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

from ..errors import ConfigInvalid
from . import toml
from .checks import check_together, checked, invalid
from .settings import PREFIX, Setting, Settings, known_settings

log = logging.getLogger("thence.config")

CONFIG_FILE = "thence.toml"
CONFIG_VARIABLE = "THENCE_CONFIG"


def load(
    *,
    config: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    kind: type[Settings] = Settings,
) -> Settings:
    """The settings in force.

    config: the file of `--config`; else `THENCE_CONFIG`; else `./thence.toml` where it exists.
    flags: dotted names to values; None means that the flag was not given.
    kind: Settings, or those with more sections (with_sections).
    Raises ConfigInvalid naming the setting, its value, where it came from and the limit.
    """
    environment = os.environ if environment is None else environment
    known = {setting.name: setting for setting in known_settings(kind)}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, value, source in (
        *_from_file(config or environment.get(CONFIG_VARIABLE) or None, known),
        *_from_environment(environment, known),
        *((name, value, "flag") for name, value in (flags or {}).items() if value is not None),
    ):
        if name not in known:
            raise _unknown(name, source, list(known))
        values[name] = checked(known[name], value, source)
        sources[name] = source
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, last = name.rpartition(".")
        sections.setdefault(section, {})[last] = value
    top = sections.pop("", {})
    hints = get_type_hints(kind)
    settings = kind(**top, **{name: hints[name](**part) for name, part in sections.items()})
    check_together(settings, sources)
    return settings


def _from_file(
    given: str | Path | None, known: Mapping[str, Setting]
) -> list[tuple[str, Any, str]]:
    path = Path(given or CONFIG_FILE)
    if given is None and not path.exists():
        return []
    try:
        with open(path, "rb") as file:
            data = toml.parse(file.read(toml.TOML_BYTES_MAX + 1))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigInvalid(
            f"The configuration file {path} cannot be read: {reason}.",
            setting="config",
            value=str(path),
            source="file",
        ) from None
    sections = {name.partition(".")[0] for name in known if "." in name}
    source = f"file {path}"
    found: list[tuple[str, Any, str]] = []
    for name, value in data.items():
        if name in sections and isinstance(value, dict):
            found.extend((f"{name}.{inner}", each, source) for inner, each in value.items())
        elif name in sections:
            raise invalid(name, value, source, f"it is a section: write [{name}]", "a section")
        elif isinstance(value, dict) and name not in known:
            raise _unknown(f"[{name}]", source, [f"[{section}]" for section in sorted(sections)])
        else:
            found.append((name, value, source))
    if any(name in known and known[name].secret and value for name, value, _ in found):
        _warn_of_readers(path)
    return found


def _warn_of_readers(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        log.warning("%s holds a secret and other users may read it: chmod 600 %s", path, path)


def _from_environment(
    environment: Mapping[str, str], known: Mapping[str, Setting]
) -> list[tuple[str, Any, str]]:
    variables = {setting.variable: setting for setting in known.values()}
    files = {
        f"{setting.variable}_FILE": setting
        for setting in known.values()
        if setting.name.startswith("root_access_key_")
    }
    found: list[tuple[str, Any, str]] = []
    for variable, text in environment.items():
        source = f"environment variable {variable}"
        if variable in variables:
            found.append((variables[variable].name, text, source))
        elif variable in files:
            setting = files[variable]
            if setting.variable in environment:
                raise invalid(
                    setting.name, "…", source, f"{setting.variable} is set too; set one of them", ""
                )
            found.append((setting.name, _secret_file(setting.name, text, source), source))
        elif variable.startswith(PREFIX) and variable != CONFIG_VARIABLE:
            _refuse_slips(variable, source, known, [*variables, *files])
    return found


def _secret_file(name: str, path: str, source: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise invalid(name, path, source, f"the file cannot be read: {reason}", "") from None


def _refuse_slips(
    variable: str, source: str, known: Mapping[str, Setting], variables: list[str]
) -> None:
    """Refuse a misspelt variable. Others with our prefix may belong to other programs (the command
    line's own, a wrapper's), so only what is near a setting or in a section counts as a slip."""
    sections = {f"{PREFIX}{name.partition('.')[0].upper()}_" for name in known if "." in name}
    near = difflib.get_close_matches(variable, variables, n=1, cutoff=0.85)
    if near or variable.startswith(tuple(sections)):
        raise _unknown(variable, source, variables)


def _unknown(name: str, source: str, names: list[str]) -> ConfigInvalid:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.65)
    hint = f" Did you mean {near[0]}?" if near else ""
    return ConfigInvalid(
        f"There is no setting {name} ({source}).{hint}", setting=name, value=None, source=source
    )
