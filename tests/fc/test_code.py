"""The code of a function: its checksum, and the link that downloads it."""

from __future__ import annotations

import base64
import random
from typing import Any
from urllib.parse import urlsplit

import fastcrc
import pytest

from thence.api.fc.code import KNOWN_MAX, checksum, crc64, remember
from thence.api.shared.code_link import LINK_SECONDS
from thence.catalog.code import pack
from thence.config import Secret
from thence.config.settings import Limits
from thence.signing import acs3
from thence.signing.interface import Key

from .conftest import MakeDoor, MakeWire

ARCHIVE = pack([("index.py", b"def handler(event, context):\n    return event\n")])
INPUT = {
    "functionName": "f",
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"zipFile": base64.b64encode(ARCHIVE).decode()},
}
CRC = str(fastcrc.crc64.xz(ARCHIVE))


def relative(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


async def link(door: Any, path: str = "/2023-03-30/functions/f/code") -> str:
    answer = await door.get(path)
    assert answer.status == 200, answer.body
    assert answer.json["checksum"] == CRC
    return str(answer.json["url"])


@pytest.fixture
async def deployed(door: Any) -> Any:
    answer = await door.post("/2023-03-30/functions", json=INPUT)
    assert answer.status == 200, answer.body
    return door


def test_the_checksum_is_crc_64_xz_in_decimal() -> None:
    assert crc64(b"123456789") == str(0x995DC9BBDF1939FA)  # the check value of the catalogue


async def test_a_link_downloads_the_archive_as_it_came(deployed: Any) -> None:
    url = await link(deployed)
    assert url.startswith("http://127.0.0.1:80/2023-03-30/")
    answer = await deployed.get(relative(url))
    assert (answer.status, answer.body) == (200, ARCHIVE)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-length"] == str(len(ARCHIVE))


CLAIMED = {
    "127.0.0.1": "as Node.js clients of FC 2.0 send it, without the port",
    "http://127.0.0.1:1/": "as Python clients send an endpoint with a scheme",
    "1.cn-hangzhou.fc.example.com": "as a client that names the vendor",
    "evil.example:80": "as somebody who wants the link to lead to himself",
}


@pytest.mark.parametrize("host", CLAIMED)
async def test_a_link_works_whatever_host_the_caller_claimed(
    make_wire: MakeWire, host: str
) -> None:
    # With credentials any host is taken: it is the signature that proves the caller.
    wire = await make_wire(root_access_key_id="id", root_access_key_secret=Secret("secret"))
    await wire.service.function("f")
    path = "/2023-03-30/functions/f/code"
    now = wire.service.clock.now()
    key = Key("id", "secret")
    sent = acs3.sign(
        "GET", path.encode(), b"", [(b"host", host.encode())], b"", key, now=now, nonce="n"
    )
    headers = {name.decode(): value.decode() for name, value in sent}
    async with wire.session.get(wire.listener.url + path, headers=headers) as answer:
        url = (await answer.json())["url"]
    assert url.startswith(f"{wire.listener.url}/2023-03-30/function-code/")
    async with wire.session.get(url) as answer:
        assert answer.status == 200 and (await answer.read())[:2] == b"PK"


async def test_a_checksum_that_came_twice_is_refused(make_wire: MakeWire) -> None:
    wire = await make_wire()
    await wire.service.function("f")
    twice = [("x-fc-code-checksum", "1"), ("x-fc-code-checksum", "2")]
    body = {"code": {"zipFile": base64.b64encode(ARCHIVE).decode()}}
    url = f"{wire.listener.url}/2023-03-30/functions/f"
    async with wire.session.put(url, json=body, headers=twice) as answer:
        assert answer.status == 400 and "more than once" in (await answer.json())["Message"]


async def test_a_link_begins_with_the_public_url_where_one_is_set(make_door: MakeDoor) -> None:
    door = await make_door(public_url="https://faas.example.com/")
    await door.service.function("f")
    url = (await door.get("/2023-03-30/functions/f/code")).json["url"]
    assert url.startswith("https://faas.example.com/2023-03-30/function-code/")
    assert (await door.get(relative(url))).status == 200


@pytest.mark.parametrize("generation", ["/2021-04-06", "/2016-08-15"])
async def test_functions_of_services_have_links_too(door: Any, generation: str) -> None:
    await door.post(f"{generation}/services", json={"serviceName": "s"})
    await door.post(f"{generation}/services/s/functions", json=INPUT)
    url = await link(door, f"{generation}/services/s/functions/f/code")
    assert (await door.get(relative(url))).body == ARCHIVE


async def test_a_link_of_a_version_has_the_versions_code(deployed: Any) -> None:
    await deployed.engine.functions.publish_version("f")
    other = base64.b64encode(pack([("index.py", b"handler = print")])).decode()
    await deployed.put("/2023-03-30/functions/f", json={"code": {"zipFile": other}})
    url = await link(deployed, "/2023-03-30/functions/f/code?qualifier=1")
    assert (await deployed.get(relative(url))).body == ARCHIVE


async def test_a_link_expires(deployed: Any) -> None:
    url = relative(await link(deployed))
    await deployed.clock.advance(LINK_SECONDS - 1)
    assert (await deployed.get(url)).status == 200
    await deployed.clock.advance(1)
    status, code, message = (await deployed.get(url)).error()
    assert (status, code) == (403, "AccessDenied") and "expired" in message


async def test_a_link_with_one_character_changed_is_refused(deployed: Any) -> None:
    url = relative(await link(deployed))
    begin = url.index("/function-code/") + len("/function-code/")
    for at in range(begin, len(url)):
        if url[at] in "./?=&" or url[at:].startswith((".zip", "zip", "ip?", "p?")):
            continue
        changed = url[:at] + ("1" if url[at] != "1" else "2") + url[at + 1 :]
        answer = await deployed.get(changed)
        assert answer.error()[:2] == (403, "AccessDenied"), changed
        assert ARCHIVE not in answer.body


async def test_a_link_of_another_start_is_refused(deployed: Any, make_door: Any) -> None:
    url = relative(await link(deployed))
    other = await make_door()
    await other.post("/2023-03-30/functions", json=INPUT)
    status, code, message = (await other.get(url)).error()
    assert (status, code) == (403, "AccessDenied")
    assert "since it started; ask for another" in message


async def test_a_link_needs_no_credentials_but_asking_for_it_does(make_door: Any) -> None:
    door = await make_door(root_access_key_id="id", root_access_key_secret=Secret("secret"))
    function = await door.service.function("f")
    refused = await door.get("/2023-03-30/functions/f/code")
    assert refused.error()[:2] == (400, "MissingRequiredHeader")
    query = door.state.links.sign(function.code_digest)
    answer = await door.get(f"/2023-03-30/function-code/{function.code_digest}.zip?{query}")
    assert answer.status == 200 and answer.body == door.engine.parts.code.archive(
        function.code_digest
    )
    assert "secret" not in query and "id" not in query.replace("expires", "")


async def test_a_link_to_code_that_is_gone_is_not_found(deployed: Any) -> None:
    url = relative(await link(deployed))
    digest = deployed.engine.functions.get("f").code_digest
    deployed.engine.parts.code.archive_path(digest).unlink()
    assert (await deployed.get(url)).status == 404


async def test_a_path_that_is_no_digest_is_refused(deployed: Any) -> None:
    query = deployed.state.links.sign("..%2fstore.db")
    for name in ("..%2fstore.db", "x"):
        answer = await deployed.get(f"/2023-03-30/function-code/{name}?{query}")
        assert answer.error()[:2] == (403, "AccessDenied")


async def test_a_checksum_is_computed_once(deployed: Any) -> None:
    function = deployed.engine.functions.get("f")
    deployed.engine.parts.code.archive_path(function.code_digest).unlink()
    assert await checksum(deployed.engine, function) == CRC


async def test_a_checksum_that_is_not_known_is_read_from_the_archive(door: Any) -> None:
    function = await door.service.function("f")
    for number in range(KNOWN_MAX):  # whatever was known is forgotten
        remember(f"{number:064x}", "0")
    archive = door.engine.parts.code.archive(function.code_digest)
    assert await checksum(door.engine, function) == str(fastcrc.crc64.xz(archive))


async def test_large_code_is_taken(door: Any) -> None:
    archive = pack([("index.py", b"handler = print"), ("noise", random.Random(1).randbytes(2**20))])
    code = {"zipFile": base64.b64encode(archive).decode()}
    answer = await door.post("/2023-03-30/functions", json={**INPUT, "code": code})
    assert answer.status == 200, answer.body
    assert answer.json["codeChecksum"] == str(fastcrc.crc64.xz(archive))


async def test_a_body_over_the_limit_of_code_is_refused(make_door: Any) -> None:
    door = await make_door(limits=Limits(code_bytes_max=1024))
    code = {"zipFile": "A" * 300_000}
    answer = await door.post("/2023-03-30/functions", json={**INPUT, "code": code})
    assert answer.error()[:2] == (400, "EntityTooLarge")


@pytest.mark.parametrize("wanted", ["bytes=999999-", "bytes=x-y"])
async def test_every_answer_of_a_link_has_a_request_id(deployed: Any, wanted: str) -> None:
    found = await deployed.get(relative(await link(deployed)), headers={"range": wanted})
    assert found.status in (400, 416) and len(found.headers["x-fc-request-id"]) == 36
