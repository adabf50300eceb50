"""Destinations as they are written in a function's configuration.

As text, or as an object where more is needed:

    function:NAME                        another function of this service
    queue:NAME topic:NAME stream:NAME    the built-in mailbox
    bucket:NAME or bucket:NAME/prefix/   the built-in mailbox; objects under a prefix
    https://host/path                    a webhook

    {"type": "webhook", "url": "https://…", "secrets": ["whsec_…", "whsec_…"], "headers": {…}}
    {"type": "bucket", "name": "b", "prefix": "p/", "expires_days": 7}
    {"type": "function", "name": "f"} {"type": "queue", "name": "q"} …

Functions and boxes may say what their records look like: "form" (RECORD_FORMS, one record builder
each under destinations/) and "record_bytes_max", over which a record is refused and recorded.

The first secret of a webhook is the newest; all of them sign, so that a receiver can rotate.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from ..bounds import did_you_mean
from ..errors import InvalidInput

MAILBOX_KINDS = ("queue", "topic", "stream", "bucket")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")
_PART = r"[A-Za-z_][A-Za-z0-9_-]{0,127}"
_FUNCTION = re.compile(rf"({_PART}(?:\${_PART})?)(?:@([A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?")
_RECORD = ("form", "record_bytes_max")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
URL_MAX = 2048
SECRETS_MAX = 4
HEADERS_MAX = 16
RECORD_BYTES_MAX = 64 * 1024 * 1024
RECORD_FORMS = ("native", "fc", "fc-eventbridge", "functiongraph")
SHOWN_SECRET, SHOWN_VALUE = "whsec_…", "…"  # in the place of what is never shown


class FunctionDestination(Struct, frozen=True, tag_field="type", tag="function"):
    name: str
    qualifier: str = "latest"
    form: str = "native"
    record_bytes_max: int = 0  # 0: the service's own limit


class MailboxDestination(Struct, frozen=True, tag_field="type", tag="mailbox"):
    kind: Literal["queue", "topic", "stream", "bucket"]
    name: str
    prefix: str = ""  # bucket only
    expires_days: int = (
        0  # bucket only; 0 = never (FG: 0-365, seed huawei-functiongraph-notification-policy)
    )
    form: str = "native"
    record_bytes_max: int = 0  # 0: no limit


class WebhookDestination(Struct, frozen=True, tag_field="type", tag="webhook"):
    url: str
    secrets: tuple[str, ...] = ()  # `whsec_` + base64, newest first
    headers: dict[str, str] = field(default_factory=dict)


Destination = FunctionDestination | MailboxDestination | WebhookDestination
# `file` and `queue` services of others join here as further files under destinations/.


def parse_destination(written: Any, field_name: str = "destination") -> Destination:
    """A checked destination. Raises InvalidInput naming `field_name`, the value and the rule."""
    if isinstance(written, str):
        return _from_text(written, field_name)
    if isinstance(written, dict):
        return _from_object(written, field_name)
    raise InvalidInput(
        f"{field_name}: a destination is a text such as 'queue:done' or an object with 'type'.",
        field=field_name,
    )


def render_destination(destination: Destination) -> Any:
    """How a destination is shown: text where text says all, secrets as a count and a fingerprint."""
    if not isinstance(destination, WebhookDestination) and (
        destination.form != "native" or destination.record_bytes_max
    ):
        return _formed(destination)
    if isinstance(destination, FunctionDestination):
        suffix = "" if destination.qualifier == "latest" else f"@{destination.qualifier}"
        return f"function:{destination.name}{suffix}"
    if isinstance(destination, MailboxDestination):
        if destination.kind != "bucket":
            return f"{destination.kind}:{destination.name}"
        if not destination.expires_days:
            tail = f"/{destination.prefix}" if destination.prefix else ""
            return f"bucket:{destination.name}{tail}"
        return {
            "type": "bucket",
            "name": destination.name,
            "prefix": destination.prefix,
            "expires_days": destination.expires_days,
        }
    if not destination.secrets and not destination.headers:
        return destination.url
    return {
        "type": "webhook",
        "url": destination.url,
        "secrets": [SHOWN_SECRET for _ in destination.secrets],
        "headers": dict.fromkeys(destination.headers, SHOWN_VALUE),
    }


def _formed(destination: FunctionDestination | MailboxDestination) -> dict[str, Any]:
    """One that says what its records look like, as an object with what is not as usual."""
    shown: dict[str, Any] = msgspec.to_builtins(destination)
    if isinstance(destination, MailboxDestination):
        shown["type"] = shown.pop("kind")
        if destination.kind != "bucket":
            del shown["prefix"], shown["expires_days"]
    return shown


def describe(destination: Destination) -> str:
    """One short line for tables and logs: no secrets, no query string."""
    if isinstance(destination, FunctionDestination):
        return f"function:{qualified(destination)}"
    if isinstance(destination, MailboxDestination) and destination.kind != "bucket":
        return f"{destination.kind}:{destination.name}"
    if isinstance(destination, WebhookDestination):
        parts = urlsplit(destination.url)
        # Without a user and password there is only host and port, an IPv6 address in its brackets.
        return f"{parts.scheme}://{parts.netloc}{parts.path}"
    tail = f"/{destination.prefix}" if destination.prefix or destination.expires_days else ""
    return f"bucket:{destination.name}{tail}"


def qualified(destination: FunctionDestination) -> str:
    """NAME, or NAME@QUALIFIER for another qualifier than `latest`."""
    if destination.qualifier == "latest":
        return destination.name
    return f"{destination.name}@{destination.qualifier}"


def encode_destination(destination: Destination) -> bytes:
    """For the store, secrets included."""
    return msgspec.json.encode(destination)


_decoder = msgspec.json.Decoder(FunctionDestination | MailboxDestination | WebhookDestination)


def decode_destination(data: bytes) -> Destination:
    destination: Destination = _decoder.decode(data)
    return destination


def _from_text(text: str, where: str) -> Destination:
    kind, _, rest = text.partition(":")
    if kind in ("http", "https"):
        return _webhook(text, (), {}, where)
    if kind == "function":
        return _function(rest, where)
    if kind == "bucket":
        name, _, prefix = rest.partition("/")
        return _mailbox("bucket", name, prefix, 0, where)
    if kind in MAILBOX_KINDS:
        return _mailbox(kind, rest, "", 0, where)
    raise InvalidInput(
        f"{where}: {text[:200]!r} is not a destination. Write function:NAME, queue:NAME, "
        "topic:NAME, stream:NAME, bucket:NAME/prefix or a https:// URL.",
        field=where,
        value=text[:200],
    )


def _from_object(data: dict[str, Any], where: str) -> Destination:
    kind = data.get("type")
    allowed: dict[str, tuple[str, ...]] = {
        "function": ("name", "qualifier", *_RECORD),
        "webhook": ("url", "secrets", "headers"),
        "bucket": ("name", "prefix", "expires_days", *_RECORD),
        "queue": ("name", *_RECORD),
        "topic": ("name", *_RECORD),
        "stream": ("name", *_RECORD),
    }
    if not isinstance(kind, str) or kind not in allowed:
        raise InvalidInput(
            f"{where}.type: {str(kind)[:60]!r} is not a destination type; use one of {', '.join(allowed)}.",
            field=f"{where}.type",
        )
    for key in data:
        if key != "type" and key not in allowed[kind]:
            raise InvalidInput(
                f"{where}.{key[:60]}: a {kind} destination has no such field"
                f"{did_you_mean(key, allowed[kind])}; it has "
                f"{', '.join(allowed[kind])}.",
                field=f"{where}.{key[:60]}",
            )
    if kind == "webhook":
        url: Any = data.get("url")
        secrets, headers = data.get("secrets", []), data.get("headers", {})
        if not isinstance(url, str):
            raise InvalidInput(f"{where}.url: a text is needed.", field=f"{where}.url")
        if not isinstance(secrets, (list, tuple)) or not all(isinstance(s, str) for s in secrets):
            raise InvalidInput(
                f"{where}.secrets: a list of texts is needed.", field=f"{where}.secrets"
            )
        if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
            raise InvalidInput(
                f"{where}.headers: an object of texts is needed.", field=f"{where}.headers"
            )
        return _webhook(url, tuple(secrets), headers, where)
    name = data.get("name")
    if not isinstance(name, str):
        raise InvalidInput(f"{where}.name: a text is needed.", field=f"{where}.name")
    if kind == "function":
        qualifier = data.get("qualifier", "latest")
        if not isinstance(qualifier, str):
            raise InvalidInput(f"{where}.qualifier: a text is needed.", field=f"{where}.qualifier")
        function = _function(name if qualifier == "latest" else f"{name}@{qualifier}", where)
        return msgspec.structs.replace(function, **_record(data, where))
    prefix, days = data.get("prefix", ""), data.get("expires_days", 0)
    if not isinstance(prefix, str):
        raise InvalidInput(f"{where}.prefix: a text is needed.", field=f"{where}.prefix")
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= 365:
        raise InvalidInput(
            f"{where}.expires_days: {days!r} is out of range; 0 (never) to 365.",
            field=f"{where}.expires_days",
            value=days,
            limit=365,
        )
    box = _mailbox(kind, name, prefix, days, where)
    return msgspec.structs.replace(box, **_record(data, where))


def _record(data: dict[str, Any], where: str) -> dict[str, Any]:
    """What an object says of its records."""
    form, size = data.get("form", "native"), data.get("record_bytes_max", 0)
    if form not in RECORD_FORMS:
        raise InvalidInput(
            f"{where}.form: {str(form)[:60]!r} is not the form of a record; use one of "
            f"{', '.join(RECORD_FORMS)}.",
            field=f"{where}.form",
            value=str(form)[:60],
        )
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= RECORD_BYTES_MAX:
        raise InvalidInput(
            f"{where}.record_bytes_max: {str(size)[:60]} is out of range; 0 (no limit) to "
            f"{RECORD_BYTES_MAX}.",
            field=f"{where}.record_bytes_max",
            limit=RECORD_BYTES_MAX,
        )
    return {"form": form, "record_bytes_max": size}


def _function(text: str, where: str) -> FunctionDestination:
    match = _FUNCTION.fullmatch(text)
    if match is None:
        raise InvalidInput(
            f"{where}: {text[:140]!r} is not a function name.", field=where, value=text[:140]
        )
    return FunctionDestination(match.group(1), match.group(2) or "latest")


def _mailbox(kind: str, name: str, prefix: str, days: int, where: str) -> MailboxDestination:
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(
            f"{where}: {name[:140]!r} is not a {kind} name; letters, digits, _ . - and at most 120 "
            "characters.",
            field=where,
            value=name[:140],
        )
    if len(prefix) > 512 or "\x00" in prefix or prefix.startswith("/") or ".." in prefix.split("/"):
        raise InvalidInput(
            f"{where}.prefix: at most 512 characters, no leading '/', no '..' part.",
            field=f"{where}.prefix",
            value=prefix[:512],
        )
    return MailboxDestination(kind, name, prefix, days)  # type: ignore[arg-type]


def _webhook(
    url: str, secrets: tuple[str, ...], headers: dict[str, str], where: str
) -> WebhookDestination:
    try:
        parts = urlsplit(url[: URL_MAX + 1])  # it keeps what it was given
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or len(url) > URL_MAX or re.search(r"[\x00-\x20\x7f]", url):
        raise InvalidInput(
            f"{where}: {url[:200]!r} is not a usable http or https URL (at most {URL_MAX} characters).",
            field=where,
            value=url[:200],
        )
    if parts.username or parts.password:
        raise InvalidInput(
            f"{where}: a URL must not hold a user name or password; use headers.", field=where
        )
    if len(secrets) > SECRETS_MAX:
        raise InvalidInput(
            f"{where}.secrets: {len(secrets)} secrets; at most {SECRETS_MAX}.",
            field=f"{where}.secrets",
        )
    for number, secret in enumerate(secrets):
        if secret == SHOWN_SECRET:
            raise _placeholder(f"{where}.secrets[{number}]")
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
            good = secret.startswith("whsec_") and 24 <= len(key) <= 64
        except (binascii.Error, ValueError):
            good = False
        if not good:
            raise InvalidInput(
                f"{where}.secrets[{number}]: a secret is whsec_ and 24 to 64 bytes in base64 "
                "(Standard Webhooks).",
                field=f"{where}.secrets[{number}]",
            )
    if len(headers) > HEADERS_MAX:
        raise InvalidInput(
            f"{where}.headers: {len(headers)} headers; at most {HEADERS_MAX}.",
            field=f"{where}.headers",
        )
    for name, value in headers.items():
        low = name.lower()
        if value == SHOWN_VALUE:
            raise _placeholder(f"{where}.headers.{name[:64]}")
        if (
            _HEADER_NAME.fullmatch(name) is None
            or low in ("host", "content-length", "transfer-encoding", "connection")
            or low.startswith("webhook-")
            or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value)
            or len(value) > 2048
        ):
            raise InvalidInput(
                f"{where}.headers.{name[:64]}: this header or its value cannot be sent.",
                field=f"{where}.headers.{name[:64]}",
            )
    return WebhookDestination(url, secrets, dict(headers))


def _placeholder(where: str) -> InvalidInput:
    """What was shown came back: saved, it would replace the secret that it stands for."""
    return InvalidInput(
        f"{where}: this stands for a secret that is not shown; send the secret itself.",
        field=where,
    )
