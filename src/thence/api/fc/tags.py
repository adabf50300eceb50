"""Tags of functions and services, and what carries them. The operations are in tagging.py.

A tag is an entry of the catalogue: its owner is the family of a function (it goes with that), or
`service/NAME`; its name is the key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from ...catalog.function import LATEST, Function
from ...engine.engine import Engine
from ...engine.plan import Plan, delete_entry, put_entry, together
from ...errors import FunctionNotFound
from .call import Call
from .errors import FcError, invalid
from .function_input import Tag
from .names import FUNCTION, QUALIFIER, SERVICE, Name, function_arn, name_of
from .refused import SERVICE as SERVICE_KIND
from .refused import function_missing

KIND = "fc.tag"
SERVICE_OWNER = "service/"
TAGS_MAX = 20  # of one resource
KEY_MAX, VALUE_MAX = 64, 128  # characters
FUNCTION_TYPE, SERVICE_TYPE = "function", "service"
_TYPES = {
    "function": FUNCTION_TYPE,
    "aliyun::fc::function": FUNCTION_TYPE,
    "service": SERVICE_TYPE,
    "aliyun::fc::service": SERVICE_TYPE,
}
_ARN = re.compile(r"(?:acs:fc:([^:]*):([^:]*):)?(.+)")
_FUNCTION = re.compile(rf"functions/(?:({SERVICE.pattern})\$)?({FUNCTION.pattern})")
_IN_SERVICE = re.compile(
    rf"services/({SERVICE.pattern})(?:\.{QUALIFIER.pattern})?/functions/({FUNCTION.pattern})"
)
_SERVICE = re.compile(rf"services/({SERVICE.pattern})")


class Resource(Struct, frozen=True):
    type: str
    arn: str
    owner: str


# ---------------------------------------------------------------- for others


def function_owner(function: Function) -> str:
    return str(function.family)


def service_names(engine: Engine) -> list[str]:
    """All services: those that were created, and those that are there for their functions."""
    of_functions = {
        service
        for service, inside, _ in (
            function.name.partition("$") for function in engine.functions.all()
        )
        if inside
    }
    return sorted(of_functions | {entry.name for entry in engine.functions.entries(SERVICE_KIND)})


def service_owner(service: str) -> str:
    return f"{SERVICE_OWNER}{service}"


def tags_by_owner(engine: Engine) -> dict[str, dict[str, str]]:
    """All tags there are."""
    found: dict[str, dict[str, str]] = {}
    for entry in engine.functions.entries(KIND):
        found.setdefault(entry.owner, {})[entry.name] = msgspec.json.decode(entry.data, type=str)
    return found


def tag_plan(owner: str, tags: dict[str, str], *, function: str = "") -> Plan:
    """`function`: instead of an owner, the name of a function that the same change makes."""
    return together(
        put_entry(KIND, owner, key, msgspec.json.encode(value), function=function)
        for key, value in tags.items()
    )


def untag_plan(engine: Engine, owner: str, keys: Iterable[str] | None = None) -> Plan:
    """Those keys, or all."""
    found = (tag.name for tag in engine.functions.entries(KIND, owner))
    return together(delete_entry(KIND, owner, key) for key in found if keys is None or key in keys)


def check_tags(tags: Iterable[Tag]) -> dict[str, str]:
    """As a map. Raises InvalidArgument (reference: the vendor's models)."""
    found: dict[str, str] = {}
    for tag in tags:
        low = tag.key.lower()
        if not 1 <= len(tag.key) <= KEY_MAX or low.startswith(("aliyun", "acs:")):
            raise invalid(
                f"tags: the key {tag.key[:80]!r} is not valid; 1 to {KEY_MAX} characters, not "
                "beginning with aliyun or acs:"
            )
        if len(tag.value) > VALUE_MAX:
            raise invalid(
                f"tags: the value of {tag.key!r} has {len(tag.value)} characters; at most "
                f"{VALUE_MAX}"
            )
        if any(mark in text for mark in ("http://", "https://") for text in (low, tag.value)):
            raise invalid(f"tags: {tag.key!r} holds http:// or https://, which tags may not")
        found[tag.key] = tag.value
    if len(found) > TAGS_MAX:
        raise _too_many(len(found))
    return found


def read_tag_filter(text: str, where: str) -> dict[str, str]:
    """JSON of a list of `{"Key": …, "Value": …}`; without a value any value is meant."""
    if not text:
        return {}
    try:
        return {tag.key: tag.value for tag in msgspec.json.decode(text, type=list[Tag])}
    except (msgspec.DecodeError, RecursionError):
        raise invalid(
            f'{where}: {text[:80]!r} is not JSON of the form [{{"Key":"k","Value":"v"}}]'
        ) from None


def has_tags(tags: dict[str, str], wanted: dict[str, str]) -> bool:
    return all(key in tags and value in ("", tags[key]) for key, value in wanted.items())


# ---------------------------------------------------------------- resources


def type_of(text: str) -> str:
    """FUNCTION_TYPE or SERVICE_TYPE, of either spelling. Raises InvalidArgument."""
    found = _TYPES.get(text.lower())
    if found is None:
        raise invalid(f"ResourceType: {text[:60]!r} is not {FUNCTION_TYPE} or {SERVICE_TYPE}")
    return found


def resource_of(call: Call, text: str, kind: str | None = None) -> Resource:
    """What an ARN, or the part of it behind the account, names; of that type where one is given.
    Raises FcError."""
    match = _ARN.fullmatch(text)
    path = "" if match is None else match[3]
    if match is not None:
        _check_home(call, match[1], match[2])
    found: Resource | None = None
    if match := _FUNCTION.fullmatch(path):
        found = _function(call, Name(match[2], match[1] or ""))
    elif match := _IN_SERVICE.fullmatch(path):
        found = _function(call, Name(match[2], match[1]))
    elif match := _SERVICE.fullmatch(path):
        if match[1] not in service_names(call.engine):
            raise FcError(404, "ServiceNotFound", f"service '{match[1]}' does not exist")
        found = of_service(call, match[1])
    if found is None or kind not in (None, found.type):
        raise invalid(
            f"resource: {text[:200]!r} is not the ARN of a {kind or 'function or service'}; use "
            "acs:fc:REGION:ACCOUNT:functions/NAME or acs:fc:REGION:ACCOUNT:services/NAME"
        )
    return found


def _check_home(call: Call, region: str | None, account: str | None) -> None:
    """An ARN of elsewhere does not mean what has the same name here."""
    state = call.state
    for which, given, own in (
        ("region", region, state.region),
        ("account", account, state.account),
    ):
        if given and given != own:
            raise invalid(
                f"resource: the {which} {given[:64]!r} is not this service's, {own!r}; write that "
                "or leave it empty"
            )


def all_of(call: Call, kind: str) -> list[Resource]:
    """All resources of that type."""
    if kind == SERVICE_TYPE:
        return [of_service(call, name) for name in service_names(call.engine)]
    return [of_function(call, function) for function in call.engine.functions.all()]


def of_function(call: Call, function: Function) -> Resource:
    state = call.state
    arn = function_arn(name_of(function.name), LATEST, state.region, state.account)
    return Resource(FUNCTION_TYPE, arn, function_owner(function))


def of_service(call: Call, name: str) -> Resource:
    state = call.state
    arn = f"acs:fc:{state.region}:{state.account}:services/{name}"
    return Resource(SERVICE_TYPE, arn, service_owner(name))


def _function(call: Call, name: Name) -> Resource:
    try:
        return of_function(call, call.engine.functions.get(name.ours))
    except FunctionNotFound:
        raise function_missing(call.engine, name) from None


def check_room(engine: Engine, resource: Resource, tags: dict[str, str]) -> None:
    """Raises FcError where a resource would have more than TAGS_MAX tags."""
    there = {entry.name for entry in engine.functions.entries(KIND, resource.owner)} | tags.keys()
    if len(there) > TAGS_MAX:
        raise _too_many(len(there))


def _too_many(count: int) -> FcError:
    return FcError(
        400, "LimitExceededError", f"tags: {count} on one resource; at most {TAGS_MAX} are allowed"
    )
