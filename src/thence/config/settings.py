"""What can be set: every setting with its default, its limits and what it means."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_type_hints

from msgspec import Meta, Struct, field

PREFIX = "THENCE_"


class Secret:
    """A text that no repr, log or traceback shows; `reveal()` gives it to the one who needs it."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def matches(self, text: str) -> bool:
        """Whether `text` is the secret, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(self._text.encode(), text.encode("utf-8", "surrogatepass"))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret('…')" if self._text else "Secret('')"


def _instances_default() -> int:
    return max(8, 8 * (os.cpu_count() or 1))


def _about(text: str, **limits: Any) -> Meta:
    return Meta(description=text, **limits)


class Limits(Struct, frozen=True):
    """Bounds of what one caller may send or hold."""

    payload_bytes_max: Annotated[
        int, _about("Largest payload of an invocation; more is answered 413.", ge=1, le=1 << 30)
    ] = 1024 * 1024
    inline_bytes_max: Annotated[
        int, _about("Larger bodies are kept as files beside the database.", ge=0, le=1 << 24)
    ] = 64 * 1024
    result_bytes_max: Annotated[
        int, _about("Largest answer of a function; more is a function error.", ge=1, le=1 << 30)
    ] = 6 * 1024 * 1024
    log_bytes_max: Annotated[
        int,
        _about(
            "Output kept per attempt: its last whole lines, behind one that says that more was cut.",
            ge=0,
            le=1 << 24,
        ),
    ] = 64 * 1024
    code_bytes_max: Annotated[
        int,
        _about(
            "Largest code archive. In a JSON body it takes a third more, for which "
            "limits.unproven_bytes_max needs room.",
            ge=1,
            le=1 << 31,
        ),
    ] = 50 * 1024 * 1024
    code_unpacked_bytes_max: Annotated[
        int, _about("Largest code archive when unpacked.", ge=1, le=1 << 34)
    ] = 500 * 1024 * 1024
    code_files_max: Annotated[
        int,
        _about(
            "Most files and folders in a code archive, and most folders that its files lie in.",
            ge=1,
            le=1_000_000,
        ),
    ] = 10_000
    batch_max: Annotated[
        int, _about("Most invocations in one batch request.", ge=1, le=100_000)
    ] = 1000
    wait_seconds_max: Annotated[
        float, _about("Longest wait that `Prefer: wait` and `?wait` may ask for.", ge=0, le=3600)
    ] = 60.0
    waiting_max: Annotated[
        int,
        _about(
            "Most waiting invocations per function; over it an accept is answered 429. 0 = no cap.",
            ge=0,
        ),
    ] = 0
    disk_reserve_bytes: Annotated[
        int,
        _about(
            "Space kept back on the data directory's disk to delete with when it is full; at most a "
            "quarter of the disk. 0 = none.",
            ge=0,
            le=1 << 34,
        ),
    ] = 32 * 1024 * 1024
    connections_max: Annotated[
        int, _about("Most open connections; further ones are answered 503.", ge=1, le=1_000_000)
    ] = 10_000
    unproven_bytes_max: Annotated[
        int,
        _about(
            "Most bytes kept of all requests together before their credentials or signatures are "
            "proven; more is answered 503.",
            ge=1,
            le=1 << 40,
        ),
    ] = 128 * 1024 * 1024
    unread_bytes_max: Annotated[
        int,
        _about(
            "Most bytes kept of all large answers together that their callers have not read yet; "
            "further ones are answered 503.",
            ge=1,
            le=1 << 40,
        ),
    ] = 128 * 1024 * 1024


class Runtime(Struct, frozen=True):
    """The instances that run functions."""

    instances_max: Annotated[
        int,
        Meta(
            description="Most instances (processes) of all functions together.",
            ge=1,
            le=100_000,
            extra={"default": "8 for each CPU, at least 8"},
        ),
    ] = field(default_factory=_instances_default)
    kept_free_percent: Annotated[
        int,
        _about(
            "Part of `instances_max` that is kept free for functions that run nothing at the moment, "
            "at least one instance; 0 keeps none.",
            ge=0,
            le=90,
        ),
    ] = 25
    idle_seconds: Annotated[
        float, _about("An instance without work for so long is ended.", gt=0, le=86_400)
    ] = 60.0
    start_seconds: Annotated[
        float, _about("An instance not ready after so long is a platform error.", gt=0, le=600)
    ] = 30.0
    sandbox: Annotated[
        Literal["auto", "off"],
        _about(
            "`auto`: what the kernel offers keeps functions from the data directory, the node and "
            "each other."
        ),
    ] = "auto"


class Leases(Struct, frozen=True):
    """What a node holds while it runs an attempt."""

    lease_seconds: Annotated[
        float,
        _about("An attempt of a node that is silent for so long counts as lost.", ge=1, le=3600),
    ] = 30.0
    losses_max: Annotated[
        int,
        _about(
            "An invocation may be lost so often; once more and it is quarantined as suspected poison.",
            ge=0,
            le=100,
        ),
    ] = 3
    suspect_alone_seconds: Annotated[
        float,
        _about(
            "An invocation that was lost before has the node to itself for so long; then others begin "
            "beside it. 0: never; it waits then until an instance is free when it is looked, once a second.",
            ge=0,
            le=3600,
        ),
    ] = 5.0


class Retention(Struct, frozen=True):
    """How long finished invocations are kept, by class."""

    payload_days: Annotated[
        float,
        _about(
            "Payloads, from the end of their invocation; none longer than "
            "`retention.history_days`.",
            gt=0,
            le=3650,
        ),
    ] = 7.0
    result_days: Annotated[
        float,
        _about(
            "Results and captured output, from the end; none longer than `retention.history_days`.",
            gt=0,
            le=3650,
        ),
    ] = 7.0
    history_days: Annotated[
        float, _about("States, attempts and deliveries, from the end.", gt=0, le=3650)
    ] = 7.0
    events_hours: Annotated[
        float, _about("Transitions that the event stream can be resumed from.", gt=0, le=8760)
    ] = 24.0
    idempotency_hours: Annotated[
        float, _about("Idempotency keys, from their first use.", gt=0, le=8760)
    ] = 24.0
    unused_days: Annotated[
        float,
        _about(
            "Code and large bodies that nothing in the store uses, from when that was seen.",
            ge=0.05,
            le=3650,
        ),
    ] = 7.0


class Destinations(Struct, frozen=True):
    """How records of finished invocations are delivered (rules: seed alibaba-fc-result-callback)."""

    allow_networks: Annotated[
        tuple[str, ...],
        _about(
            "Private networks (CIDR) that webhooks may reach; without it loopback, private and "
            "metadata addresses are refused. In the environment: separated by commas."
        ),
    ] = ()
    timeout_seconds: Annotated[
        float, _about("One try of a delivery may take so long.", gt=0, le=600)
    ] = 30.0
    first_seconds: Annotated[
        float,
        _about(
            "Wait before the second try; it doubles from there. At most "
            "`destinations.budget_seconds`.",
            gt=0,
            le=3600,
        ),
    ] = 0.5
    budget_seconds: Annotated[
        float,
        _about("A delivery is tried for so long, then it is a dead letter.", gt=0, le=30 * 86_400),
    ] = 1800.0
    concurrency_per_key: Annotated[
        int, _about("Most tries under way at one webhook receiver.", ge=1, le=1000)
    ] = 8


class Platform(Struct, frozen=True):
    """The budget of platform errors (429, 500, 503, unreachable), which is a time."""

    budget_seconds: Annotated[
        float,
        _about(
            "Attempts that end in platform errors are repeated for so long, and so long a call may "
            "be held at a limit. (FunctionGraph's functions: as long as the event is valid.)",
            ge=0,
            le=30 * 86_400,
        ),
    ] = 18_000.0
    wait_cap_seconds: Annotated[
        float,
        _about(
            "Longest wait between two such attempts; of Function Compute's functions see "
            "`fc.platform_wait_cap_seconds`.",
            ge=0.5,
            le=86_400,
        ),
    ] = 300.0


class Fc(Struct, frozen=True):
    """The door of Function Compute (limits: reference 3.3)."""

    async_payload_bytes_max: Annotated[
        int, _about("Largest payload of an asynchronous call at this door.", ge=1, le=1 << 30)
    ] = 128 * 1024
    sync_payload_bytes_max: Annotated[
        int, _about("Largest payload of a synchronous call at this door.", ge=1, le=1 << 30)
    ] = 32 * 1024 * 1024
    platform_wait_cap_seconds: Annotated[
        float,
        _about(
            "Longest wait between two attempts of a Function Compute function that end in platform "
            "errors. 0 = no cap: it doubles until `platform.budget_seconds` are over.",
            ge=0,
            le=86_400,
        ),
    ] = 0.0


class FunctionGraph(Struct, frozen=True):
    """The door of FunctionGraph (limits: reference 4.3)."""

    auth_token: Annotated[
        Secret,
        _about(
            "What `X-Auth-Token` must hold; without one that header is not taken. Needs the root "
            "credentials."
        ),
    ] = Secret()
    async_payload_bytes_max: Annotated[
        int, _about("Largest payload of an asynchronous call at this door.", ge=1, le=1 << 30)
    ] = 256 * 1024
    sync_payload_bytes_max: Annotated[
        int, _about("Largest payload of a synchronous call at this door.", ge=1, le=1 << 30)
    ] = 6 * 1024 * 1024
    retry_attempts_default: Annotated[
        int,
        _about(
            "Retries where asynchronous settings leave out `max_async_retry_attempts`. The vendor's "
            "console page says 3, its API reference 1.",
            ge=0,
            le=3,
        ),
    ] = 3
    gateway_seconds: Annotated[
        float,
        _about("A synchronous call without an answer by then is answered 504.", ge=1, le=86_400),
    ] = 90.0
    status_log_file_bytes_max: Annotated[
        int,
        _about(
            "A file of the status log that has so many bytes is followed by the next one.",
            ge=1,
            le=1 << 34,
        ),
    ] = 64 * 1024 * 1024
    status_log_files_max: Annotated[
        int, _about("So many files of the status log are kept.", ge=1, le=100_000)
    ] = 10
    status_log_otlp_endpoint: Annotated[
        str,
        _about(
            "Where the status log is sent as OpenTelemetry logs too, the whole address: "
            "`http://127.0.0.1:4318/v1/logs`.",
            pattern="^(https?://[^ ]+)?$",
        ),
    ] = ""
    status_log_otlp_headers: Annotated[
        Secret, _about("Headers of these requests: `name=value`, separated by commas.")
    ] = Secret()


class Settings(Struct, frozen=True):
    """All settings, checked. Made by `load()`; `Settings()` has the defaults."""

    data_dir: Annotated[
        str, _about("Folder of the database, code and large bodies.", min_length=1)
    ] = "./thence-data"
    listen: Annotated[
        str,
        _about(
            "Address and port, `host:port`. Anything but loopback needs credentials. "
            "Port 0 takes a free one."
        ),
    ] = "127.0.0.1:7411"
    public_url: Annotated[
        str,
        _about(
            "Where callers reach the service, `https://faas.example.com`: what links in answers "
            "begin with. Without it, the address and port that the request came in on."
        ),
    ] = ""
    root_access_key_id: Annotated[
        str,
        _about(
            "Id of the root credentials; with the secret it makes every request need them.",
            max_length=128,
            pattern="^[A-Za-z0-9._-]*$",
        ),
    ] = ""
    root_access_key_secret: Annotated[
        Secret, _about("Secret of the root credentials, at most 256 characters.")
    ] = Secret()
    account_id: Annotated[
        str,
        _about("Account that functions see in their context.", pattern="^[A-Za-z0-9_-]{1,64}$"),
    ] = "thence"
    region: Annotated[
        str,
        _about("Region that functions see in their context.", pattern="^[A-Za-z0-9_-]{1,64}$"),
    ] = "local"
    store: Annotated[
        str,
        _about(
            "Where everything is kept, by the driver's name or a URL: `sqlite`, a database in the data "
            "directory."
        ),
    ] = "sqlite"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _about("Lowest level that is logged; transitions are `debug`."),
    ] = "info"
    log_format: Annotated[
        Literal["console", "json"], _about("Log lines for people or for programs.")
    ] = "console"
    grace_seconds: Annotated[
        float,
        _about(
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
        shown: dict[str, Any] = {}
        for setting in known_settings():
            section, _, name = setting.name.rpartition(".")
            value = getattr(getattr(self, section) if section else self, name)
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


def known_settings() -> list[Setting]:
    """Every setting, in the order of the file."""
    return list(_walk(Settings, Settings(), ""))


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
