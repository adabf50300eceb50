"""Code by the door: archives, inline sources, digests, links."""

from __future__ import annotations

import hashlib
import zipfile
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import pytest

from thence.api.functiongraph.section import FunctionGraphSettings
from thence.config import Secret
from thence.config.settings import Limits

from .conftest import FUNCTIONS, at, urn
from .deploying import SOURCE, archive, body, code

CODE = "code"


async def link(door: Any) -> str:
    """The path and query by which the code is downloaded."""
    found = await door.get(at(urn(), CODE))
    parts = urlsplit(found.json["func_code"]["link"])
    return f"{parts.path}?{parts.query}"


async def create(door: Any, **fields: Any) -> Any:
    found = await door.post(FUNCTIONS, json=body(**fields))
    assert found.status == 200, found.body
    return found.json


@pytest.mark.parametrize(
    ("handler", "file"), [("index.handler", "index.py"), ("lib/my.run", "lib/my.py")]
)
async def test_an_inline_source_becomes_the_module_of_the_handler(
    door: Any, handler: str, file: str
) -> None:
    made = await create(door, handler=handler, code_type="inline", func_code=code(SOURCE))
    data = (await door.get(await link(door))).body
    with zipfile.ZipFile(BytesIO(data)) as found:
        assert {item: found.read(item) for item in found.namelist()} == {file: SOURCE}
    assert made["digest"] == hashlib.sha512(data).hexdigest()
    assert made["code_size"] == len(data)


async def test_inline_code_may_be_an_archive(door: Any) -> None:
    made = await create(door, code_type="inline", func_code=code(archive()))
    assert made["digest"] == hashlib.sha512(archive()).hexdigest()


async def test_inline_code_has_a_limit(door: Any) -> None:
    fits = {"code_type": "inline", "func_code": code(b"#" * 10_240)}
    await create(door, **fits)
    found = await door.post(
        FUNCTIONS, json=body("g", code_type="inline", func_code=code(b"#" * 10_241))
    )
    assert found.error() == (413, "FSS.1072")


async def test_an_archive_has_the_limit_of_the_service(make_door: Any) -> None:
    door = await make_door(limits=Limits(code_bytes_max=100))
    found = await door.post(FUNCTIONS, json=body())
    assert found.error() == (413, "FSS.1071")


async def test_an_archive_that_is_unsafe_is_refused(door: Any) -> None:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        made.writestr("../out.py", "")
    found = await door.post(FUNCTIONS, json=body(func_code=code(data.getvalue())))
    assert found.error() == (400, "FSS.1011") and "out.py" in found.message()


async def test_a_link_needs_no_credentials_but_is_good_for_one_archive_and_a_while(
    make_door: Any,
) -> None:
    door = await make_door()
    await create(door)
    good = await link(door)
    found = await door.get(good)
    assert (found.status, found.body) == (200, archive())
    assert found.headers["content-type"] == "application/zip"
    assert (await door.get(good.replace("signature=", "signature=0"))).error() == (403, "FSS.0403")
    assert (await door.get(good.split("?")[0])).error() == (403, "FSS.0403")
    await door.clock.advance(601)
    assert (await door.get(good)).error() == (403, "FSS.0403")


async def test_where_credentials_are_asked_a_link_is_still_enough(make_door: Any) -> None:
    door = await make_door(root_access_key_id="key", root_access_key_secret=Secret("secret"))
    await door.service.function("f")
    assert (await door.get(at(urn(), CODE))).error() == (401, "FSS.0401")
    digest = door.engine.functions.get("f").code_digest
    query = door.state.links.sign(digest)
    path = f"{FUNCTIONS.removesuffix('/functions')}/function-code/{digest}.zip?{query}"
    assert (await door.get(path)).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example", "localhost:1"])
async def test_a_link_leads_to_the_address_that_the_request_came_in_on(
    make_door: Any, host: str
) -> None:
    """The client for C# signs and sends a `Host` without the port."""
    keys = {"root_access_key_id": "key", "root_access_key_secret": Secret("secret")}
    door = await make_door(functiongraph=FunctionGraphSettings(auth_token=Secret("token")), **keys)
    await door.service.function("f")
    asked = {"host": host, "x-auth-token": "token"}
    found = await door.get(at(urn(), CODE), headers=asked)
    assert found.json["func_code"]["link"].startswith("http://127.0.0.1:80/v2/")


async def test_a_link_begins_with_the_public_url_where_one_is_set(make_door: Any) -> None:
    door = await make_door(public_url="http://faas.example.com:8080")
    await create(door)
    found = (await door.get(at(urn(), CODE))).json["func_code"]["link"]
    assert found.startswith("http://faas.example.com:8080/v2/")
    assert (await door.get(await link(door))).status == 200


async def test_code_is_changed_and_the_configuration_stays(door: Any) -> None:
    await create(door, user_data='{"A": "1"}', code_filename="old.zip")
    new = archive(SOURCE + b"#\n")
    found = await door.put(at(urn(), CODE), json={"code_type": "zip", "func_code": code(new)})
    assert found.json["digest"] == hashlib.sha512(new).hexdigest()
    assert found.json["code_filename"] == ""
    assert door.engine.functions.get("f").spec.environment == {"A": "1"}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"code_type": "obs", "code_url": "https://b/f.zip"}, "FSS.1006"),
        ({"code_type": "zip"}, "FSS.1012"),
        ({"func_code": {"file": ""}}, "FSS.1006"),
        ({"code_type": "zip", "depend_version_list": ["d"]}, "FSS.1024"),
        ({"code_type": "zip", "func_code": {"fil": ""}}, "FSS.1011"),
    ],
)
async def test_a_change_of_code_that_cannot_be_is_refused(
    door: Any, fields: Any, wanted: str
) -> None:
    await create(door)
    before = door.engine.functions.get("f")
    assert (await door.put(at(urn(), CODE), json=fields)).error() == (400, wanted)
    assert door.engine.functions.get("f") is before


@pytest.mark.parametrize("wanted", ["bytes=999999-", "bytes=x-y", "lines=1-2", "bytes=5-2"])
async def test_every_answer_of_a_link_has_a_request_id(door: Any, wanted: str) -> None:
    await create(door)
    found = await door.get(await link(door), headers={"range": wanted})
    assert found.status in (200, 400, 416) and len(found.headers["x-request-id"]) == 36
