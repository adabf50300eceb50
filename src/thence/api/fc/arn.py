"""Destinations as Function Compute writes them, as ours and back (reference 4.4). Pure.

    acs:mns:R:A:/queues/Q/messages               queue:Q              64 KiB   form fc
    acs:mns:R:A:/topics/T/messages               topic:T              64 KiB   form fc
    acs:mq:R:A:/instances/I/topic/T              topic:I.T             4 MiB   form fc
    acs:eventbridge:R:A:eventbus/B               stream:B             64 KiB   form fc-eventbridge
    acs:fc:R:A:functions/F[/Q]                   function F@Q        128 KiB   form fc
    acs:fc:R:A:services/S[.Q]/functions/F        function S$F@Q      128 KiB   form fc

Names of MNS topics have no dot, so that a RocketMQ topic (always with one) never is one of them.
Region R and account A are empty or this service's own: a destination elsewhere cannot be reached
from here, and to take it for the local one of the same name would send records astray.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from ...catalog.destination import Destination, Target
from ...catalog.function import LATEST
from ...catalog.kinds import parse_destination
from ...destinations.function import FunctionDestination
from ...destinations.mailbox import MailboxDestination
from ...errors import InvalidInput
from .errors import FcError, invalid
from .names import FUNCTION, QUALIFIER, SERVICE, Name, function_arn, qualifier_of

KIB = 1024
MNS_BYTES_MAX = 64 * KIB  # seed alibaba-fc-result-callback, also the three below
FUNCTION_BYTES_MAX = 128 * KIB
EVENTBRIDGE_BYTES_MAX = 64 * KIB
ROCKETMQ_BYTES_MAX = 4 * KIB * KIB
ARN_MAX = 512

_MNS = re.compile(r"/(queues|topics)/([A-Za-z0-9_-]{1,120})/messages")
_ROCKETMQ = re.compile(r"/?instances/([A-Za-z0-9_-]{1,64})/topics?/([A-Za-z0-9_-]{1,127})")
_BUS = re.compile(r"/?eventbus/([A-Za-z0-9_.-]{1,127})")
_FUNCTION = re.compile(rf"functions/({FUNCTION.pattern})(?:/({QUALIFIER.pattern}))?")
_IN_SERVICE = re.compile(
    rf"services/({SERVICE.pattern})(?:\.({QUALIFIER.pattern}))?/functions/({FUNCTION.pattern})"
)
FORMS = (
    "acs:fc:::functions/FUNCTION, acs:fc:::services/SERVICE.QUALIFIER/functions/FUNCTION, "
    "acs:mns:::/queues/QUEUE/messages, acs:mns:::/topics/TOPIC/messages, "
    "acs:eventbridge:::eventbus/BUS, acs:mq:::/instances/INSTANCE/topic/TOPIC"
)


class Home(Struct, frozen=True):
    """Where this service is, as ARNs say it."""

    region: str
    account: str


def destination_of(arn: str, home: Home, field: str) -> dict[str, Any]:
    """What the catalogue keeps for that ARN. Raises FcError (InvalidArgument) naming `field`."""
    parts = arn.split(":", 4)
    if len(arn) > ARN_MAX or len(parts) != 5 or parts[0] != "acs":
        raise _malformed(arn, field)
    _, product, region, account, resource = parts
    read = _PRODUCTS.get(product)
    found = None if read is None else read(resource)
    if found is None:
        raise _malformed(arn, field)
    _check_home("region", region, home.region, field)
    _check_home("account", account, home.account, field)
    try:
        parse_destination(found, field)
    except InvalidInput as error:
        raise invalid(error.detail) from None
    return found


def name_and_qualifier(target: Target) -> tuple[Name, str]:
    """The function that a destination calls: the vendor's name, our qualifier."""
    service, inside, function = target.name.partition("$")
    return (Name(function, service) if inside else Name(service)), target.qualifier


def arn_of(destination: Destination, home: Home) -> str:
    """The ARN of a destination that was configured at another door; our own words where Function
    Compute has none for it (webhooks, buckets)."""
    if isinstance(destination, FunctionDestination):
        name, qualifier = name_and_qualifier(destination.calls())
        return function_arn(name, qualifier, home.region, home.account)
    if isinstance(destination, MailboxDestination):
        where = f"{home.region}:{home.account}"
        instance, dot, topic = destination.name.rpartition(".")
        match destination.kind:
            case "queue":
                return f"acs:mns:{where}:/queues/{destination.name}/messages"
            case "topic" if dot:
                return f"acs:mq:{where}:/instances/{instance}/topic/{topic}"
            case "topic":
                return f"acs:mns:{where}:/topics/{destination.name}/messages"
            case "stream":
                return f"acs:eventbridge:{where}:eventbus/{destination.name}"
    return destination.describe()


def _mns(resource: str) -> dict[str, Any] | None:
    match = _MNS.fullmatch(resource)
    return (
        _box(match[1].removesuffix("s"), match[2], "fc", MNS_BYTES_MAX)
        if match is not None
        else None
    )


def _rocketmq(resource: str) -> dict[str, Any] | None:
    match = _ROCKETMQ.fullmatch(resource)
    return (
        _box("topic", f"{match[1]}.{match[2]}", "fc", ROCKETMQ_BYTES_MAX)
        if match is not None
        else None
    )


def _eventbridge(resource: str) -> dict[str, Any] | None:
    match = _BUS.fullmatch(resource)
    return (
        _box("stream", match[1], "fc-eventbridge", EVENTBRIDGE_BYTES_MAX)
        if match is not None
        else None
    )


def _function(resource: str) -> dict[str, Any] | None:
    match = _FUNCTION.fullmatch(resource)
    if match is not None:
        name, qualifier = Name(match[1]), match[2]
    else:
        match = _IN_SERVICE.fullmatch(resource)
        if match is None:
            return None
        name, qualifier = Name(match[3], match[1]), match[2]
    if qualifier == LATEST:
        return None  # it is not how the vendor writes it
    return {
        "type": "function",
        "name": name.ours,
        "qualifier": qualifier_of(qualifier),
        "form": "fc",
        "record_bytes_max": FUNCTION_BYTES_MAX,
    }


_PRODUCTS: dict[str, Callable[[str], dict[str, Any] | None]] = {
    "mns": _mns,
    "mq": _rocketmq,
    "eventbridge": _eventbridge,
    "fc": _function,
}


def _box(kind: str, name: str, form: str, bytes_max: int) -> dict[str, Any]:
    return {"type": kind, "name": name, "form": form, "record_bytes_max": bytes_max}


def _check_home(which: str, given: str, own: str, field: str) -> None:
    if given in ("", own):
        return
    setting = {"region": "THENCE_REGION", "account": "THENCE_ACCOUNT_ID"}[which]
    raise invalid(
        f"{field}: the {which} {given[:64]!r} is not this service's, {own!r}; leave it empty in "
        f"the ARN, write {own!r}, or give the service the {which} of your account with {setting}"
    )


def _malformed(arn: str, field: str) -> FcError:
    return invalid(f"{field}: {arn[:200]!r} is not an ARN of a destination; use one of {FORMS}")
