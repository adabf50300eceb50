"""Targets of notifications: the vendor's `destination` and `param`, and ours (reference 5.2).

    OBS            {"bucket": "b", "prefix": "p/", "expires": 7}   bucket b, its objects below p/
    SMN            {"topic_urn": "urn:smn:REGION:PROJECT:NAME"}    topic NAME
    DIS            {"stream_name": "s"}                            stream s
    FunctionGraph  {"func_urn": "urn:fss:…"}                       that function, version or alias

`param` is JSON text: spaces and the order of keys are the client's business, optional keys may be
missing; what is in it is checked strictly. Until a connection leads elsewhere, buckets, topics and
streams are those of the built-in mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ...catalog.destination import Destination
from ...catalog.kinds import parse_destination
from ...destinations.function import FunctionDestination
from ...destinations.mailbox import MailboxDestination
from ...errors import InvalidInput
from .call import convert
from .errors import FssError, invalid
from .urn import Urn, has_urn, name_of, read, write

FORM = "functiongraph"
EXPIRES_DAYS_MAX = 365  # seed huawei-functiongraph-notification-policy
KINDS = ("OBS", "SMN", "DIS", "FunctionGraph")


class ObsParam(Struct, forbid_unknown_fields=True):
    bucket: Annotated[str, Meta(min_length=1, max_length=63)]
    prefix: str = ""
    expires: Annotated[int, Meta(ge=0, le=EXPIRES_DAYS_MAX)] = 0  # days; 0: never


class SmnParam(Struct, forbid_unknown_fields=True):
    topic_urn: str


class DisParam(Struct, forbid_unknown_fields=True):
    stream_name: Annotated[str, Meta(min_length=1, max_length=64)]


class FunctionParam(Struct, forbid_unknown_fields=True):
    func_urn: str


def target_of(
    kind: str, param: str, field: str, region: str, project: str
) -> tuple[dict[str, Any], Urn | None]:
    """A destination as catalog/kinds.py takes it, and the function that it is, if it is one.
    Raises FssError naming the field."""
    if kind not in KINDS:
        raise invalid(
            f"{field}.destination: {kind[:60]!r} is not a target; use one of {', '.join(KINDS)}"
        )
    data = _param(param, f"{field}.param")
    try:
        written, urn = _READERS[kind](data, region, project)
        parse_destination(written, f"{field}.param")
    except FssError as error:
        raise FssError(error.status, error.fss_code, f"{field}.param: {error.detail}") from None
    except InvalidInput as error:
        raise invalid(error.detail) from None
    return written, urn


def shown_target(
    destination: Destination, region: str, project: str, aliases: Callable[[str], Collection[str]]
) -> dict[str, str]:
    """`destination` and `param` of one of our destinations; for those that another door wrote.
    aliases: the names of those that a function (our name) has."""
    if isinstance(destination, FunctionDestination) and has_urn(destination.name):
        qualifier = destination.qualifier
        urn = msgspec.structs.replace(
            name_of(destination.name),
            qualifier=qualifier,
            alias=qualifier in aliases(destination.name),
        )
        return _shown("FunctionGraph", {"func_urn": write(urn, region, project)})
    if isinstance(destination, MailboxDestination):
        name = destination.name
        match destination.kind:
            case "bucket":
                param = {
                    "bucket": name,
                    "prefix": destination.prefix,
                    "expires": destination.expires_days,
                }
                return _shown("OBS", param)
            case "stream":
                return _shown("DIS", {"stream_name": name})
            case "topic":
                return _shown("SMN", {"topic_urn": f"urn:smn:{region}:{project}:{name}"})
    # What FunctionGraph has no word for, as a queue or a webhook: said without its secrets.
    return {"destination": "other", "param": "{}"}


def _shown(kind: str, param: dict[str, Any]) -> dict[str, str]:
    return {"destination": kind, "param": msgspec.json.encode(param).decode()}


def _param(text: str, field: str) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"{field}: it is JSON in a text; this is not valid JSON ({error})") from None
    if not isinstance(data, dict):
        raise invalid(f"{field}: a JSON object in a text is needed")
    return {key: value for key, value in data.items() if value is not None}


def _obs(data: dict[str, Any], _region: str, _project: str) -> tuple[dict[str, Any], None]:
    param = convert(data, ObsParam)
    return {
        "type": "bucket",
        "name": param.bucket,
        "prefix": param.prefix,
        "expires_days": param.expires,
        "form": FORM,
    }, None


def _smn(data: dict[str, Any], region: str, project: str) -> tuple[dict[str, Any], None]:
    urn = convert(data, SmnParam).topic_urn
    parts = urn.split(":")
    if len(parts) != 5 or parts[:2] != ["urn", "smn"] or not parts[4]:
        raise invalid(
            f"topic_urn: {urn[:120]!r} is not like urn:smn:{region}:{project}:NAME", "FSS.1102"
        )
    if parts[2:4] != [region, project]:
        raise invalid(
            f"topic_urn: {urn[:120]!r} is not of this service's region and project "
            f"({region}, {project})",
            "FSS.1102",
        )
    return {"type": "topic", "name": parts[4], "form": FORM}, None


def _dis(data: dict[str, Any], _region: str, _project: str) -> tuple[dict[str, Any], None]:
    return {"type": "stream", "name": convert(data, DisParam).stream_name, "form": FORM}, None


def _function(data: dict[str, Any], region: str, project: str) -> tuple[dict[str, Any], Urn]:
    urn = read(convert(data, FunctionParam).func_urn, region, project)
    written = {"type": "function", "name": urn.ours, "qualifier": urn.qualifier, "form": FORM}
    return written, urn


_READERS = {"OBS": _obs, "SMN": _smn, "DIS": _dis, "FunctionGraph": _function}
