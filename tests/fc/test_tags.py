"""Tags of functions and services: /tags-v2 of FC 3.0, /tag and /tags of the others."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from thence.catalog.code import pack

V2_TAGS = "/2023-03-30/tags-v2"
FUNCTIONS = "/2023-03-30/functions"
ZIP = base64.b64encode(pack([("index.py", b"handler = print\n")])).decode()
FUNCTION = {
    "functionName": "f",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"zipFile": ZIP},
}
ARN = "acs:fc:local:thence:functions/f"
SERVICE_ARN = "acs:fc:local:thence:services/s"
GENERATIONS = ["/2023-03-30", "/2021-04-06", "/2016-08-15"]


def pairs(**tags: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


async def tag(door: Any, *arns: str, kind: str = "function", **tags: str) -> Any:
    body = {"ResourceId": list(arns), "ResourceType": kind, "Tag": pairs(**tags)}
    return await door.post(V2_TAGS, json=body)


async def untag(door: Any, query: str, *arns: str, kind: str = "function") -> Any:
    ids = quote(json.dumps(arns))
    return await door.delete(f"{V2_TAGS}?ResourceId={ids}&ResourceType={kind}&{query}")


async def rows(door: Any, query: str = "") -> list[tuple[str, str, str]]:
    answer = await door.get(f"{V2_TAGS}?ResourceType=function&{query}")
    assert answer.status == 200, answer.body
    found = answer.json["TagResources"]
    assert all(entry["ResourceType"] == "function" for entry in found)
    return [(entry["ResourceId"], entry["TagKey"], entry["TagValue"]) for entry in found]


async def shown(door: Any, name: str = "f") -> Any:
    return (await door.get(f"{FUNCTIONS}/{name}")).json["tags"]


# ---------------------------------------------------------------- FC 3.0


async def test_tags_are_put_shown_and_taken_away(door: Any) -> None:
    await door.service.function("f")
    assert (await tag(door, ARN, a="1", b="")).status == 200
    assert await shown(door) == pairs(a="1", b="")
    assert (await tag(door, ARN, a="2")).status == 200
    assert await rows(door) == [(ARN, "a", "2"), (ARN, "b", "")]
    assert (await untag(door, f"TagKey={quote(json.dumps(['a']))}", ARN)).status == 200
    assert await shown(door) == pairs(b="")
    assert (await untag(door, "All=True", ARN)).status == 200
    assert await shown(door) == [] and await rows(door) == []


async def test_tags_can_come_with_a_function_and_go_with_it(door: Any) -> None:
    answer = await door.post(FUNCTIONS, json={**FUNCTION, "tags": pairs(k="v")})
    assert answer.json["tags"] == pairs(k="v")
    assert (await door.delete(f"{FUNCTIONS}/f")).status == 204
    assert (await door.post(FUNCTIONS, json={**FUNCTION, "tags": []})).json["tags"] == []


async def test_tags_are_of_all_versions_of_a_function(door: Any) -> None:
    await door.service.function("f")
    await door.engine.functions.publish_version("f")
    await tag(door, ARN, k="v")
    assert (await door.get(f"{FUNCTIONS}/f?qualifier=1")).json["tags"] == pairs(k="v")


async def test_a_tag_changes_the_etag(door: Any) -> None:
    await door.service.function("f")
    before = (await door.get(f"{FUNCTIONS}/f")).headers["etag"]
    await tag(door, ARN, k="v")
    assert (await door.get(f"{FUNCTIONS}/f")).headers["etag"] != before


async def test_a_list_of_tags_is_by_resource_and_by_tag_in_pages(door: Any) -> None:
    for name in ("a", "b", "s$c"):
        await door.service.function(name)
    a, b = (f"acs:fc:local:thence:functions/{name}" for name in "ab")
    c = "acs:fc:local:thence:services/s.LATEST/functions/c"
    await tag(door, a, b, c, k="v")
    await tag(door, b, m="n")
    assert await rows(door) == [(a, "k", "v"), (b, "k", "v"), (b, "m", "n"), (c, "k", "v")]
    assert await rows(door, f"ResourceId={quote(json.dumps([a]))}") == [(a, "k", "v")]
    assert await rows(door, f"Tag={quote(json.dumps(pairs(m='')))}") == [
        (b, "k", "v"),
        (b, "m", "n"),
    ]
    assert await rows(door, f"Tag={quote(json.dumps(pairs(m='x')))}") == []
    first = (await door.get(f"{V2_TAGS}?ResourceType=function&Limit=3")).json
    assert len(first["TagResources"]) == 3 and first["RequestId"]
    token = first["NextToken"]
    assert await rows(door, f"Limit=3&NextToken={token}") == [(c, "k", "v")]


@pytest.mark.parametrize("arn", [ARN, "acs:fc:::functions/f", "functions/f"])
async def test_arns_are_taken_with_and_without_region_and_account(door: Any, arn: str) -> None:
    await door.service.function("f")
    assert (await tag(door, arn, k="v")).status == 200
    assert await shown(door) == pairs(k="v")


@pytest.mark.parametrize("home", ["cn-hangzhou:", ":1"])
async def test_an_arn_of_elsewhere_is_refused(door: Any, home: str) -> None:
    await door.service.function("f")
    answer = await tag(door, f"acs:fc:{home}:functions/f", k="v")
    assert answer.error()[:2] == (400, "InvalidArgument")
    assert await shown(door) == []


async def test_a_service_has_tags_as_well(door: Any) -> None:
    await door.post("/2021-04-06/services", json={"serviceName": "s"})
    assert (await tag(door, SERVICE_ARN, kind="ALIYUN::FC::SERVICE", k="v")).status == 200
    answer = await door.get(f"{V2_TAGS}?ResourceType=service")
    assert answer.json["TagResources"] == [
        {"ResourceId": SERVICE_ARN, "ResourceType": "service", "TagKey": "k", "TagValue": "v"}
    ]
    await door.delete("/2021-04-06/services/s")
    await door.post("/2021-04-06/services", json={"serviceName": "s"})
    assert (await door.get(f"{V2_TAGS}?ResourceType=service")).json["TagResources"] == []


async def test_what_is_not_there_has_no_tags(door: Any) -> None:
    answer = await tag(door, ARN, k="v")
    assert answer.error() == (404, "FunctionNotFound", "function 'f' does not exist")
    answer = await tag(door, SERVICE_ARN, kind="service", k="v")
    assert answer.error() == (404, "ServiceNotFound", "service 's' does not exist")


async def test_of_several_resources_either_all_are_tagged_or_none(door: Any) -> None:
    await door.service.function("f")
    answer = await tag(door, ARN, "functions/missing", k="v")
    assert answer.error()[:2] == (404, "FunctionNotFound")
    assert await shown(door) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"Tag": []}, "Tag"),
        ({"Tag": pairs(**{"k" * 65: "v"})}, "tags"),
        ({"Tag": pairs(**{"": "v"})}, "tags"),
        ({"Tag": pairs(k="v" * 129)}, "tags"),
        ({"Tag": pairs(aliyun="v")}, "tags"),
        ({"Tag": pairs(k="http://a")}, "tags"),
        ({"Tag": [{"Key": "k", "Value": 1}]}, "Tag[0].Value"),
        ({"ResourceId": []}, "ResourceId"),
        ({"ResourceId": ["functions/f"] * 51}, "ResourceId"),
        ({"ResourceId": ["acs:oss:::b"]}, "resource"),
        ({"ResourceType": "service"}, "resource"),
        ({"ResourceType": "layer"}, "ResourceType"),
        ({"Hope": 1}, "Hope"),
    ],
)
async def test_a_wrong_value_is_refused_with_its_field(door: Any, body: Any, field: str) -> None:
    await door.service.function("f")
    right = {"ResourceId": [ARN], "ResourceType": "function", "Tag": pairs(k="v")}
    status, code, message = (await door.post(V2_TAGS, json={**right, **body})).error()
    assert (status, code) == (400, "InvalidArgument") and message.startswith(field)
    assert await shown(door) == []


async def test_a_resource_has_at_most_twenty_tags(door: Any) -> None:
    await door.service.function("f")
    assert (await tag(door, ARN, **{f"k{n}": "" for n in range(20)})).status == 200
    assert (await tag(door, ARN, k0="again")).status == 200
    assert (await tag(door, ARN, more="")).error()[:2] == (400, "LimitExceededError")
    assert len(await shown(door)) == 20


async def test_untag_needs_keys_or_all(door: Any) -> None:
    await door.service.function("f")
    await tag(door, ARN, k="v")
    assert (await untag(door, "All=False", ARN)).error()[:2] == (400, "InvalidArgument")
    assert (await untag(door, "TagKey=k", ARN)).error()[:2] == (400, "InvalidArgument")
    assert await shown(door) == pairs(k="v")


# ---------------------------------------------------------------- FC 2.0 and older


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def of(door: Any, generation: str, arn: str) -> Any:
    answer = await door.get(f"{generation}/tag?resourceArn={quote(arn)}")
    assert answer.status == 200 and answer.json["requestId"], answer.body
    assert answer.json["resourceArn"].endswith(arn)
    return answer.json["tags"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_one_resource_is_tagged_by_its_arn(door: Any, generation: str, method: str) -> None:
    await door.post("/2021-04-06/services", json={"serviceName": "s"})
    path = f"{generation}/tag"
    body = {"resourceArn": SERVICE_ARN, "tags": {"a": "1", "b": "", "c": "3"}}
    answer = await door.post(path, json=body)
    assert answer.status == 200 and answer.json["requestId"]
    assert await of(door, generation, "services/s") == {"a": "1", "b": "", "c": "3"}
    body = {"resourceArn": "services/s", "tagKeys": ["a"], "all": True}
    assert (await door.request(method, path, json=body)).status == 200
    assert await of(door, generation, SERVICE_ARN) == {"b": "", "c": "3"}
    body = {"resourceArn": "services/s", "tagKeys": [], "all": True}
    assert (await door.request(method, path, json=body)).status == 200
    assert await of(door, generation, SERVICE_ARN) == {}


@pytest.mark.parametrize("keys", ["a,b", "%5B%22a%22%2C%22b%22%5D"], ids=["commas", "json"])
async def test_the_first_clients_of_fc_3_name_resource_and_keys_in_the_query(
    door: Any, keys: str
) -> None:
    """alibabacloud_fc20230330 1.0 and 2.0."""
    await door.service.function("f")
    path = "/2023-03-30/tag"
    body = {"resourceArn": ARN, "resourceType": "function", "tags": {"a": "1", "b": "", "c": "3"}}
    assert (await door.post(path, json=body)).status == 200
    asked = f"{path}?arn={quote(ARN, safe='')}"
    assert (await door.get(asked)).json["tags"] == {"a": "1", "b": "", "c": "3"}
    assert (await door.delete(f"{asked}&tagKeys={keys}&all=False")).status == 200
    assert (await door.get(asked)).json["tags"] == {"c": "3"}
    for wrong in ("", "&all=False", "&tagKeys=%5B1%5D", "&all=maybe"):
        answer = await door.delete(f"{asked}{wrong}")
        assert answer.error()[:2] == (400, "InvalidArgument")
    assert (await door.delete(f"{asked}&all=True")).status == 200
    assert (await door.get(asked)).json["tags"] == {}


@pytest.mark.parametrize("older", ["/2021-04-06", "/2016-08-15"])
async def test_what_older_clients_sign_names_the_resource_and_not_the_query(
    door: Any, older: str
) -> None:
    """The scheme of the oldest leaves the query open."""
    await door.service.function("f")
    await door.service.function("s$g")
    for arn in (ARN, "services/s"):
        body = {"resourceArn": arn, "tags": {"a": "1"}}
        assert (await door.post(f"{older}/tag", json=body)).status == 200
    other = f"{older}/tag?arn={quote(ARN, safe='')}&all=true"
    body = {"resourceArn": "services/s", "tagKeys": ["a"]}
    assert (await door.delete(other, json=body)).status == 200
    assert await of(door, older, ARN) == {"a": "1"}
    assert await of(door, older, "services/s") == {}


async def test_the_type_of_a_resource_is_compared_where_it_is_given(
    door: Any, generation: str
) -> None:
    await door.service.function("f")
    for kind, status in (("ALIYUN::FC::FUNCTION", 200), ("service", 400), ("queue", 400)):
        body = {"resourceArn": ARN, "resourceType": kind, "tags": {"a": "1"}}
        assert (await door.post(f"{generation}/tag", json=body)).status == status


async def test_tagged_resources_are_listed_in_pages(door: Any, generation: str) -> None:
    await door.service.function("f")
    await door.service.function("s$g")
    for arn in ("functions/f", "services/s", "services/s/functions/g"):
        body = {"resourceArn": arn, "tags": {"k": "v"}}
        assert (await door.post(f"{generation}/tag", json=body)).status == 200
    first = (await door.get(f"{generation}/tags?limit=2")).json
    rest = (await door.get(f"{generation}/tags?limit=2&nextToken={first['nextToken']}")).json
    found = first["resources"] + rest["resources"]
    assert [(entry["resourceArn"], entry["resouceType"]) for entry in found] == [
        (ARN, "ALIYUN::FC::FUNCTION"),
        (SERVICE_ARN, "ALIYUN::FC::SERVICE"),
        ("acs:fc:local:thence:services/s.LATEST/functions/g", "ALIYUN::FC::FUNCTION"),
    ]
    assert all(entry["tags"] == {"k": "v"} for entry in found) and not rest.get("nextToken")


async def test_an_arn_that_is_none_is_refused(door: Any, generation: str) -> None:
    answer = await door.get(f"{generation}/tag")
    assert answer.error()[:2] == (400, "InvalidArgument")
    body = {"resourceArn": "x", "tags": {"a": "b"}}
    answer = await door.post(f"{generation}/tag", json=body)
    assert answer.error()[:2] == (400, "InvalidArgument")
