"""What can be set: every setting with its default, its limits and what it means. The sections have a
file by subject each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, cast

from msgspec import Struct, defstruct, field

from .about import PREFIX, Setting, redacted, settings_of, without_password
from .keeping import Destinations, Retention
from .limits import Limits
from .running import Leases, Platform, Runtime
from .secret import Secret, about

__all__ = [
    "PREFIX",
    "Destinations",
    "Leases",
    "Limits",
    "Platform",
    "Retention",
    "Runtime",
    "Secret",
    "Section",
    "Setting",
    "Settings",
    "Shown",
    "known_settings",
    "shown",
    "with_sections",
    "without_password",
]


class Section(Struct, frozen=True):
    """A section that belongs to a part of the service, in whose folder it stands."""

    def check(self, settings: Settings, sources: Mapping[str, str]) -> None:
        """Rules between its settings and others. `sources`: where each value that is not a default
        came from. Raises ConfigInvalid."""


ASection = TypeVar("ASection", bound=Section)


class Settings(Struct, frozen=True):
    """All settings, checked. Made by `load()`; `Settings()` has the defaults."""

    data_dir: Annotated[
        str, about("Folder of the database, code and large bodies.", min_length=1)
    ] = "./thence-data"
    listen: Annotated[
        str,
        about(
            "Address and port, `host:port`. Anything but loopback needs credentials. "
            "Port 0 takes a free one."
        ),
    ] = "127.0.0.1:7411"
    public_url: Annotated[
        str,
        about(
            "Where callers reach the service, `https://faas.example.com`: what links in answers "
            "begin with. Without it, the address and port that the request came in on."
        ),
    ] = ""
    root_access_key_id: Annotated[
        str,
        about(
            "Id of the root credentials; with the secret it makes every request need them.",
            max_length=128,
            pattern="^[A-Za-z0-9._-]*$",
        ),
    ] = ""
    root_access_key_secret: Annotated[
        Secret, about("Secret of the root credentials, at most 256 characters.")
    ] = Secret()
    account_id: Annotated[
        str,
        about("Account that functions see in their context.", pattern="^[A-Za-z0-9_-]{1,64}$"),
    ] = "thence"
    region: Annotated[
        str,
        about("Region that functions see in their context.", pattern="^[A-Za-z0-9_-]{1,64}$"),
    ] = "local"
    store: Annotated[
        str,
        about(
            "Where everything is kept, by the driver's name or a URL: `sqlite`, a database in the data "
            "directory."
        ),
    ] = "sqlite"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        about("Lowest level that is logged; transitions are `debug`."),
    ] = "info"
    log_format: Annotated[
        Literal["console", "json"], about("Log lines for people or for programs.")
    ] = "console"
    grace_seconds: Annotated[
        float,
        about(
            "After SIGTERM, time for running attempts to end; closing takes up to 5 more.",
            ge=0,
            le=3600,
        ),
    ] = 25.0
    limits: Limits = Limits()
    runtime: Runtime = field(default_factory=Runtime)
    leases: Leases = Leases()
    retention: Retention = Retention()
    destinations: Destinations = Destinations()
    platform: Platform = Platform()

    @property
    def address(self) -> tuple[str, int]:
        """Host (without brackets) and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    def section(self, kind: type[ASection]) -> ASection:
        """The section of that kind; as it comes where there is none."""
        values = (getattr(self, name) for name in self.__struct_fields__)
        return next((value for value in values if isinstance(value, kind)), None) or kind()

    def redacted(self) -> dict[str, Any]:
        """The settings by section as plain values; a secret is `…` when set, empty when not."""
        return redacted(self)


def with_sections(sections: Mapping[str, Section]) -> type[Settings]:
    """Settings with more sections, which have these values where nothing is set."""
    fields = [(name, type(section), section) for name, section in sections.items()]
    return cast(
        "type[Settings]",
        defstruct("Settings", fields, bases=(Settings,), module=__name__, frozen=True),
    )


def known_settings(kind: type[Settings] = Settings) -> list[Setting]:
    """Every setting, in the order of the file."""
    return settings_of(kind())


class Shown(Struct):
    """A setting and its value, as people and programs are told of it. `value` of a secret: `…` where
    it is set, else empty. `default`: it is as it comes."""

    name: str
    value: Any
    default: bool
    variable: str
    description: str


def shown(settings: Settings) -> list[Shown]:
    """Every setting with its value, in the order of the file, without secrets."""
    redacted, found = settings.redacted(), []
    for setting in known_settings(type(settings)):
        section, _, name = setting.name.rpartition(".")
        value = (redacted[section] if section else redacted)[name]
        default = value == ("" if setting.secret else setting.default)
        found.append(Shown(setting.name, value, default, setting.variable, setting.description))
    return found
