"""The settings: `thence.toml` < environment (`THENCE_…`) < flags, each checked where it came from.

A setting is written `name` or `section.name`; its environment variable is `THENCE_NAME` or
`THENCE_SECTION_NAME`. Names end with their unit. Limits and meanings stand in the annotations of
`settings.py` and its sections, from which `thence serve --help`, `thence config` and `docs/reference/settings.md`
take them. Nothing here imports a room: the
sections of doors stand in their folders, and `thence/settings.py` puts all together.
"""

from .load import load
from .secret import about
from .settings import (
    PREFIX,
    Secret,
    Section,
    Setting,
    Settings,
    Shown,
    known_settings,
    shown,
    with_sections,
    without_password,
)

__all__ = [
    "PREFIX",
    "Secret",
    "Section",
    "Setting",
    "Settings",
    "Shown",
    "about",
    "known_settings",
    "load",
    "shown",
    "with_sections",
    "without_password",
]
