"""What is to be said of settings: each with its default, unit and environment variable, and its value
without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from msgspec import Meta, Struct

from .secret import Secret

PREFIX = "THENCE_"


class Setting(Struct, frozen=True):
    """One setting, as documents, help texts and checks need it."""

    name: str  # dotted
    type: Any
    default: Any
    default_text: str
    description: str

    @property
    def variable(self) -> str:
        return PREFIX + self.name.replace(".", "_").upper()

    @property
    def secret(self) -> bool:
        return isinstance(self.default, Secret)

    @property
    def unit(self) -> str:
        """`bytes`, `seconds`, … from the name, or empty."""
        words = self.name.split("_")
        return next((w for w in ("bytes", "seconds", "days", "hours") if w in words), "")


def settings_of(defaults: Struct) -> list[Setting]:
    """Every setting of a struct with the default values, in the order of the file."""
    return list(_walk(type(defaults), defaults, ""))


def _walk(kind: type[Struct], defaults: Struct, section: str) -> Iterator[Setting]:
    for name, hint in get_type_hints(kind, include_extras=True).items():
        default = getattr(defaults, name)
        if isinstance(default, Struct):
            yield from _walk(type(default), default, f"{name}.")
            continue
        about = next(each for each in get_args(hint) if isinstance(each, Meta))
        text = (about.extra or {}).get("default", _default_text(default))
        yield Setting(section + name, hint, default, text, about.description or "")


def _default_text(value: Any) -> str:
    if isinstance(value, Secret) or value in ("", ()):
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def redacted(settings: Struct) -> dict[str, Any]:
    """The settings by section as plain values; a secret is `…` when set, empty when not."""
    shown: dict[str, Any] = {}
    for setting in settings_of(settings):
        section, _, name = setting.name.rpartition(".")
        value = setting.default
        if isinstance(value, Secret):
            value = "…" if value else ""
        elif setting.name == "store":
            value = without_password(value)
        (shown.setdefault(section, {}) if section else shown)[name] = value
    return shown


def without_password(store: Any) -> Any:
    """The setting `store` as it may be shown: of a URL neither password nor query."""
    if not isinstance(store, str) or "://" not in store:
        return store
    scheme, _, rest = store.partition("://")
    login, at, server = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{colon and ':…'}{at}{server.partition('?')[0]}"
