"""Whether a value may be what a setting is set to; a refusal names setting, value, source, limit."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import inspect

from ..bounds import rule
from ..errors import ConfigInvalid
from .settings import Secret, Section, Setting, Settings, without_password

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


def invalid(name: str, value: Any, source: str, reason: str, limit: str) -> ConfigInvalid:
    return ConfigInvalid(
        f"{name} = {value!r} ({source}) is not valid: {reason}.",
        setting=name,
        value=value,
        source=source,
        limit=limit,
    )


def checked(setting: Setting, value: Any, source: str) -> Any:
    """The value in its type. Texts of the environment and of flags are read as what is asked for;
    a file has types of its own. Raises ConfigInvalid, never with a secret in it."""
    if setting.secret:
        if not isinstance(value, str) or len(value) > 256 or not value.isprintable():
            reason = "it must be a text of at most 256 printable characters"
            raise invalid(setting.name, "…", source, reason, "256 characters")
        return Secret(value)
    from_text = isinstance(value, str) and not source.startswith("file")
    if from_text and get_origin(get_args(setting.type)[0]) is tuple:
        value = [part.strip() for part in value.split(",") if part.strip()]
    shown = without_password(value) if setting.name == "store" else value
    try:
        result = msgspec.convert(value, type=setting.type, strict=not from_text)
    except msgspec.ValidationError:
        reason = f"it must be {rule(inspect.type_info(setting.type))}"
        raise invalid(setting.name, shown, source, reason, reason) from None
    refusal = _refusal(setting.name, result)
    if refusal:
        raise invalid(setting.name, shown, source, refusal, refusal)
    return result


def _refusal(name: str, value: Any) -> str:
    """What is wrong with a value of the right type, as the end of a sentence, or empty."""
    if name == "store" and not re.fullmatch(r"[a-z][a-z0-9+_-]{0,39}(://[!-~]{1,1000})?", value):
        # Whether there is such a driver is known where the store is made.
        return "it must be the name of a store driver ('sqlite') or a URL of ASCII without spaces"
    if name == "listen":
        host, colon, port = value.rpartition(":")
        right = colon and host and port.isascii() and port.isdigit() and int(port) <= 65_535
        if not right or (":" in host and not (host.startswith("[") and host.endswith("]"))):
            return "it must be host:port (an IPv6 address in brackets), the port 0 to 65535"
    if name == "public_url" and value and not _is_base(value):
        return (
            "it must be http://HOST, https://HOST or these with :PORT, in ASCII and without user, "
            "path, query or fragment: the paths of every door begin at the root"
        )
    if name == "destinations.allow_networks":
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                return f"{error}; write networks such as 10.0.0.0/8"
    return ""


def check_together(settings: Settings, sources: Mapping[str, str]) -> None:
    """Rules between settings. `sources`: where each value that is not a default came from."""
    has_id, has_secret = bool(settings.root_access_key_id), bool(settings.root_access_key_secret)
    if has_id != has_secret:
        missing = "root_access_key_secret" if has_id else "root_access_key_id"
        raise ConfigInvalid(
            f"{missing} is missing: the id and the secret of the root credentials are set together.",
            setting=missing,
            value="",
            source=sources.get(missing, "default"),
        )
    for name in settings.__struct_fields__:
        section = getattr(settings, name)
        if isinstance(section, Section):
            section.check(settings, sources)
    _check_waits(settings, sources)
    host, _ = settings.address
    if not has_secret and not _is_loopback(host):
        raise ConfigInvalid(
            f"listen = {settings.listen!r} is reachable from other machines, and there are no "
            "credentials. Set THENCE_ROOT_ACCESS_KEY_ID and THENCE_ROOT_ACCESS_KEY_SECRET, or "
            "listen on 127.0.0.1.",
            setting="listen",
            value=settings.listen,
            source=sources.get("listen", "default"),
            limit="loopback",
        )


def _check_waits(settings: Settings, sources: Mapping[str, str]) -> None:
    """The first wait of a delivery fits into the time of all its attempts, or it would not act."""
    names = ("destinations.first_seconds", "destinations.budget_seconds")
    first, budget = settings.destinations.first_seconds, settings.destinations.budget_seconds
    if first <= budget:
        return
    where = [sources.get(name, "default") for name in names]
    raise ConfigInvalid(
        f"{names[0]} = {first:g} ({where[0]}) is longer than {names[1]} = {budget:g} ({where[1]}): "
        "no wait between two attempts of a delivery can be. Lower the one or raise the other.",
        setting=names[0],
        value=first,
        source=where[0],
        limit=f"{budget:g}",
    )


def _is_base(url: str) -> bool:
    """Whether it is a scheme, a host and perhaps a port (a slash at the end is forgiven)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    bare, host = f"{parts.scheme}://{parts.netloc}", parts.hostname or ""
    # urlsplit forgives what stands behind a bracket, and other things than addresses within.
    beside = parts.netloc.lower().removeprefix(f"[{host}]" if ":" in host else host)
    return (
        parts.scheme in ("http", "https")
        and _HOST.fullmatch(host) is not None
        and (not beside or (beside[0] == ":" and beside[1:].isdigit()))
        and port != 0
        and url in (bare, f"{bare}/")
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may lead anywhere
