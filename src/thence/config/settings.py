"""What can be set: every setting with its default, its limits and what it means. The sections have a
file by subject each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct, field

from .about import PREFIX, Setting, redacted, settings_of, without_password
from .doors import Fc, FunctionGraph
from .keeping import Destinations, Retention
from .limits import Limits
from .running import Leases, Platform, Runtime
from .secret import Secret, about

__all__ = [
    "PREFIX",
    "Destinations",
    "Fc",
    "FunctionGraph",
    "Leases",
    "Limits",
    "Platform",
    "Retention",
    "Runtime",
    "Secret",
    "Setting",
    "Settings",
    "Shown",
    "known_settings",
    "shown",
    "without_password",
]


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
    fc: Fc = Fc()
    functiongraph: FunctionGraph = FunctionGraph()

    @property
    def address(self) -> tuple[str, int]:
        """Host (without brackets) and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    def redacted(self) -> dict[str, Any]:
        """The settings by section as plain values; a secret is `…` when set, empty when not."""
        return redacted(self)


def known_settings() -> list[Setting]:
    """Every setting, in the order of the file."""
    return settings_of(Settings())


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
    for setting in known_settings():
        section, _, name = setting.name.rpartition(".")
        value = (redacted[section] if section else redacted)[name]
        default = value == ("" if setting.secret else setting.default)
        found.append(Shown(setting.name, value, default, setting.variable, setting.description))
    return found
