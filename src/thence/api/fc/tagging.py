"""Tags: the operations of both of the vendor's APIs.

FC 3.0            /tags-v2      resources by ARN and type, tags as lists of Key and Value
FC 2.0 and older  /tag, /tags   one resource by ARN, tags as a map; the first clients of FC 3.0
                                have these too, and name the resource and its keys in the query
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

from ...engine.plan import Plan, together
from ..shared.answer import answer
from .call import Call, convert
from .errors import invalid
from .function_input import Tag
from .keys import recased
from .paging import page, paged
from .route import V2, V3, Route
from .tags import (
    FUNCTION_TYPE,
    SERVICE_TYPE,
    Resource,
    all_of,
    check_room,
    check_tags,
    has_tags,
    read_tag_filter,
    resource_of,
    tag_plan,
    tags_by_owner,
    type_of,
    untag_plan,
)

RESOURCES_MAX = 50  # of one request
LONG_TYPES = {FUNCTION_TYPE: "ALIYUN::FC::FUNCTION", SERVICE_TYPE: "ALIYUN::FC::SERVICE"}


class TagResources(Struct, forbid_unknown_fields=True, rename="pascal"):
    resource_id: list[str]
    resource_type: str = FUNCTION_TYPE
    tag: list[Tag] = []


class TagOne(Struct, forbid_unknown_fields=True, rename="camel"):
    resource_arn: str
    resource_type: str = ""
    tags: dict[str, str] = {}


class UntagOne(Struct, forbid_unknown_fields=True, rename="camel"):
    resource_arn: str
    resource_type: str = ""
    tag_keys: list[str] = []
    all: bool = False


# ---------------------------------------------------------------- FC 3.0


async def tag_resources(call: Call) -> Response:
    given = await call.json(TagResources)
    tags = check_tags(given.tag)
    await _tag(call, _named(call, given.resource_id, type_of(given.resource_type)), tags, "Tag")
    return _done(call)


async def untag_resources(call: Call) -> Response:
    kind = type_of(call.query.get("ResourceType") or FUNCTION_TYPE)
    found = _named(call, _texts(call, "ResourceId"), kind)
    everything = call.query.get("All", "").lower() == "true"
    await _untag(call, found, _texts(call, "TagKey"), everything, "TagKey")
    return _done(call)


async def list_tag_resources(call: Call) -> Response:
    """All tags of those resources (of all where none is named) that have every one of `Tag`."""
    kind = type_of(call.query.get("ResourceType") or FUNCTION_TYPE)
    names = _texts(call, "ResourceId")
    found = _named(call, names, kind) if names else all_of(call, kind)
    wanted = read_tag_filter(call.query.get("Tag", ""), "Tag")
    tags = tags_by_owner(call.engine)
    rows = [
        {
            "ResourceId": resource.arn,
            "ResourceType": resource.type,
            "TagKey": key,
            "TagValue": value,
        }
        for resource in sorted(found, key=lambda resource: resource.arn)
        if has_tags(tags.get(resource.owner, {}), wanted)
        for key, value in sorted(tags.get(resource.owner, {}).items())
    ]
    for theirs in ("Limit", "NextToken"):  # as this operation alone spells them
        call.query[theirs[0].lower() + theirs[1:]] = call.query.get(theirs, "")
    part, token = page(call, rows, lambda row: (row["ResourceId"], row["TagKey"]))
    return answer({"TagResources": part, "NextToken": token, "RequestId": call.request_id})


# ---------------------------------------------------------------- FC 2.0 and older


async def tag_resource(call: Call) -> Response:
    given = convert(recased(await call.object(), TagOne), TagOne)
    tags = check_tags(Tag(key, value) for key, value in given.tags.items())
    await _tag(call, [_one(call, given.resource_arn, given.resource_type)], tags, "tags")
    return _done(call)


async def untag_resource(call: Call) -> Response:
    """`PUT /tag`; the oldest clients send `DELETE /tag` with the same body, and the first ones of
    FC 3.0 the same in the query: theirs is signed, that of the oldest is not."""
    if call.v3 and "arn" in call.query:
        arn = call.query["arn"]
        given = UntagOne(arn, tag_keys=_keys(call.query.get("tagKeys", "")), all=call.flag("all"))
    else:
        given = convert(recased(await call.object(), UntagOne), UntagOne)
    found = [_one(call, given.resource_arn, given.resource_type)]
    await _untag(call, found, given.tag_keys, given.all, "tagKeys")
    return _done(call)


async def get_resource_tags(call: Call) -> Response:
    resource = resource_of(call, call.query.get("resourceArn") or call.query.get("arn", ""))
    shown = _show(resource, tags_by_owner(call.engine).get(resource.owner, {}))
    return answer({**shown, "requestId": call.request_id})


async def list_tagged_resources(call: Call) -> Response:
    tags = tags_by_owner(call.engine)
    found = [*all_of(call, FUNCTION_TYPE), *all_of(call, SERVICE_TYPE)]
    tagged = sorted(
        (resource for resource in found if resource.owner in tags),
        key=lambda resource: resource.arn,
    )
    part, token = page(call, tagged, lambda resource: (resource.arn,))
    shown = {"resources": [_show(resource, tags[resource.owner]) for resource in part]}
    return answer(paged(call, {**shown, "requestId": call.request_id}, token))


# ---------------------------------------------------------------- inside


async def _tag(call: Call, found: list[Resource], tags: dict[str, str], where: str) -> None:
    if not tags:
        raise invalid(f"{where}: at least one tag is needed")

    async def decide() -> Plan:
        for resource in found:
            check_room(call.engine, resource, tags)
        return together(tag_plan(resource.owner, tags) for resource in found)

    await call.engine.functions.change(decide)


async def _untag(
    call: Call, found: list[Resource], keys: list[str], everything: bool, where: str
) -> None:
    """Keys that are named count before "all" (PY2)."""
    if not keys and not everything:
        raise invalid(f"{where}: name at least one key, or ask for all")

    async def decide() -> Plan:
        return together(untag_plan(call.engine, resource.owner, keys or None) for resource in found)

    await call.engine.functions.change(decide)


def _one(call: Call, arn: str, type: str) -> Resource:
    """type: of either spelling, or empty."""
    return resource_of(call, arn, type_of(type) if type else None)


def _keys(text: str) -> list[str]:
    """A list in the query, whose form the clients leave to the caller: JSON, or commas between."""
    if text.startswith("["):
        return _list("tagKeys", text)
    return [key for key in text.split(",") if key]


def _named(call: Call, texts: list[str], kind: str) -> list[Resource]:
    if not 1 <= len(texts) <= RESOURCES_MAX:
        raise invalid(f"ResourceId: {len(texts)} resources; 1 to {RESOURCES_MAX} are allowed")
    return [resource_of(call, text, kind) for text in texts]


def _texts(call: Call, name: str) -> list[str]:
    """A list of the query: JSON text."""
    text = call.query.get(name, "")
    return _list(name, text) if text else []


def _list(name: str, text: str) -> list[str]:
    try:
        return msgspec.json.decode(text, type=list[str])
    except (msgspec.DecodeError, RecursionError):
        raise invalid(f"{name}: {text[:80]!r} is not a JSON list of texts") from None


def _show(resource: Resource, tags: dict[str, str]) -> dict[str, Any]:
    # The clients' models spell it so.
    return {"resourceArn": resource.arn, "resouceType": LONG_TYPES[resource.type], "tags": tags}


def _done(call: Call) -> Response:
    """Some clients read no body, others want JSON."""
    return answer({"RequestId": call.request_id, "requestId": call.request_id})


BOTH = (*V3, *V2)
ROUTES = (
    Route("TagResources", "POST", "/tags-v2", tag_resources, V3),
    Route("UntagResources", "DELETE", "/tags-v2", untag_resources, V3),
    Route("ListTagResources", "GET", "/tags-v2", list_tag_resources, V3),
    Route("TagResource", "POST", "/tag", tag_resource, BOTH),
    Route("UntagResource", "PUT", "/tag", untag_resource, BOTH),
    Route("UntagResource", "DELETE", "/tag", untag_resource, BOTH),
    Route("GetResourceTags", "GET", "/tag", get_resource_tags, BOTH),
    Route("ListTaggedResources", "GET", "/tags", list_tagged_resources, BOTH),
)
