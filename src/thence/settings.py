"""The settings of a whole service: those of `config/`, and the section of each door that has one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import config as of_all
from .api.doors import sections
from .config import Setting

Settings = of_all.with_sections(sections())


def load(
    *,
    config: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> of_all.Settings:
    """See config.load."""
    return of_all.load(config=config, environment=environment, flags=flags, kind=Settings)


def known_settings() -> list[Setting]:
    """Every setting, in the order of the file."""
    return of_all.known_settings(Settings)
