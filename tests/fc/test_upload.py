"""Code by upload: temporary keys, one PUT into the service's own bucket, a function made of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import fastcrc
import pytest

from thence.api.fc import uploads as uploads_module
from thence.api.fc.upload import BUCKET
from thence.api.fc.uploads import (
    KEPT_LARGEST,
    KEPT_MAX,
    KEYS_MAX,
    WRITING_MAX,
    TemporaryKeys,
    Uploads,
)
from thence.catalog.code import pack
from thence.config import Settings
from thence.config.settings import Limits, Secret
from thence.signing import fc, oss
from thence.signing.interface import Key
from thence.signing.window import write_http
from thence.testing.clock import VirtualClock

from .conftest import Answer, FcDoor, MakeDoor

ARCHIVE = pack([("index.py", b"def handler(event, context):\n    return event\n")])
MD5 = hashlib.md5(ARCHIVE).digest()
INPUT = {"functionName": "f", "runtime": "python3.11", "handler": "index.handler"}
ACCOUNT = "1234567890"
DAY = 86_400
Headers = dict[str, str]


@pytest.fixture
async def door(make_door: MakeDoor, tmp_path: Path) -> FcDoor:
    return await make_door(data_dir=str(tmp_path), limits=Limits(code_bytes_max=4096))


async def token(door: FcDoor, **more: Any) -> Any:
    answer = await door.get("/2016-08-15/tempBucketToken", **more)
    assert answer.status == 200, answer.body
    return answer.json


def key_of(given: Any, **changed: str) -> Key:
    its = {**given["credentials"], **changed}
    names = (its["AccessKeyId"], its["AccessKeySecret"], its["SecurityToken"])
    return Key(*names, algorithm=oss.ALGORITHM)


def signed(
    door: FcDoor, key: Key, object: str, headers: Headers | None = None, method: str = "PUT"
) -> Headers:
    pairs = [(name.encode(), text.encode()) for name, text in (headers or {}).items()]
    sent = oss.sign(
        method, BUCKET.encode(), object.encode(), pairs, key, now=door.service.clock.now()
    )
    return {name.decode(): text.decode("latin-1") for name, text in sent}


async def put(
    door: FcDoor,
    given: Any,
    body: bytes | list[bytes] = ARCHIVE,
    *,
    key: Key | None = None,
    object: str | None = None,
    headers: Headers | None = None,
    before: str = f"/{BUCKET}/",
    host: str = "127.0.0.1",
    query: str = "",
    **more: Any,
) -> Answer:
    name = object or f"{ACCOUNT}/{given['objectName']}"
    sent = signed(door, key or key_of(given), name, headers)
    return await door.put(
        f"{before}{name}{query}", data=body, headers=sent | {"host": host}, **more
    )


def refused(answer: Answer) -> tuple[int, str, str]:
    """(status, code, message) of an error in the storage's own form."""
    assert answer.headers["content-type"] == "application/xml"
    found = {item.tag: item.text or "" for item in ET.fromstring(answer.body)}
    assert found["RequestId"] == answer.headers["x-oss-request-id"]
    return answer.status, found["Code"], found["Message"]


def code(given: Any, **more: str) -> dict[str, Any]:
    name = f"{ACCOUNT}/{given['objectName']}"
    return {**INPUT, "code": {"ossBucketName": BUCKET, "ossObjectName": name, **more}}


async def create(door: FcDoor, body: Any) -> Answer:
    return await door.post("/2023-03-30/functions", json=body)


def files(tmp_path: Path) -> list[str]:
    folder = tmp_path / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


# ---------------------------------------------------------------- from the token to the function


async def test_what_was_uploaded_becomes_a_function(door: FcDoor) -> None:
    given = await token(door)
    assert set(given) == {"credentials", "ossRegion", "ossBucket", "objectName"}
    assert given["ossBucket"] == BUCKET
    answer = await put(door, given)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["etag"] == f'"{MD5.hex().upper()}"'
    assert answer.headers["x-oss-hash-crc64ecma"] == str(fastcrc.crc64.xz(ARCHIVE))
    assert answer.headers["x-oss-request-id"]
    made = await create(door, code(given))
    assert made.status == 200, made.body
    assert made.json["codeChecksum"] == str(fastcrc.crc64.xz(ARCHIVE))
    function = door.engine.functions.get("f")
    assert door.engine.parts.code.archive(function.code_digest) == ARCHIVE


async def test_an_update_reads_an_upload_too(door: FcDoor) -> None:
    first, second = await token(door), await token(door)
    await put(door, first)
    await create(door, code(first))
    other = pack([("index.py", b"handler = print\n")])
    assert (await put(door, second, other)).status == 200
    answer = await door.put("/2023-03-30/functions/f", json={"code": code(second)["code"]})
    assert answer.json["codeChecksum"] == str(fastcrc.crc64.xz(other))


async def test_each_token_is_another(door: FcDoor) -> None:
    tokens = [await token(door) for _ in range(3)]
    for name in ("AccessKeyId", "AccessKeySecret", "SecurityToken"):
        assert len({item["credentials"][name] for item in tokens}) == 3
    assert len({item["objectName"] for item in tokens}) == 3


async def test_the_same_object_may_be_put_again_and_the_last_counts(
    door: FcDoor, tmp_path: Path
) -> None:
    given = await token(door)
    assert (await put(door, given, b"one")).status == 200
    assert (await put(door, given)).status == 200
    assert files(tmp_path) == [given["objectName"]]
    assert (await create(door, code(given))).status == 200


async def test_a_body_in_pieces_without_a_length_is_taken(door: FcDoor) -> None:
    given = await token(door)
    pieces = [ARCHIVE[at : at + 50] for at in range(0, len(ARCHIVE), 50)]
    assert (await put(door, given, pieces)).headers["etag"] == f'"{MD5.hex().upper()}"'


async def test_a_slash_may_come_encoded(door: FcDoor) -> None:
    given = await token(door)
    assert (await put(door, given, object=f"{ACCOUNT}%2F{given['objectName']}")).status == 200
    assert (await create(door, code(given))).status == 200


async def test_the_bucket_may_be_in_the_host(door: FcDoor) -> None:
    for host in (f"{BUCKET}.oss-cn-hangzhou.aliyuncs.com", f"{BUCKET.upper()}.localhost:80"):
        given = await token(door)
        assert (await put(door, given, before="/", host=host)).status == 200


# ---------------------------------------------------------------- who may


async def test_a_token_needs_the_credentials_of_the_service(make_door: MakeDoor) -> None:
    door = await make_door(root_access_key_id="AK", root_access_key_secret=Secret("SK"))
    path = "/2016-08-15/tempBucketToken"
    assert (await door.get(path)).error()[:2] == (400, "MissingRequiredHeader")
    pairs = fc.sign("GET", path.encode(), b"", [], Key("AK", "SK"), now=door.service.clock.now())
    assert await token(door, headers={name.decode(): text.decode() for name, text in pairs})


async def test_an_upload_needs_a_signature_even_where_the_service_asks_for_none(
    door: FcDoor, tmp_path: Path
) -> None:
    given = await token(door)
    path = f"/{BUCKET}/{ACCOUNT}/{given['objectName']}"
    assert refused(await door.put(path, data=ARCHIVE))[:2] == (403, "AccessDenied")
    for method in ("GET", "POST", "DELETE", "HEAD"):
        assert (await door.request(method, path)).status == 403
    assert files(tmp_path) == []


async def test_the_service_s_own_key_uploads_nothing(make_door: MakeDoor, tmp_path: Path) -> None:
    door = await make_door(
        data_dir=str(tmp_path), root_access_key_id="AK", root_access_key_secret=Secret("SK")
    )
    made = door.state.upload_keys.make()
    answer = await put(
        door, {"objectName": made.object}, key=Key("AK", "SK", algorithm=oss.ALGORITHM)
    )
    assert refused(answer)[:2] == (403, "InvalidAccessKeyId")


async def test_a_temporary_key_opens_no_other_door(make_door: MakeDoor) -> None:
    door = await make_door(root_access_key_id="AK", root_access_key_secret=Secret("SK"))
    made = door.state.upload_keys.make()
    key = Key(made.access_key_id, made.secret, made.security_token)
    now = door.service.clock.now()
    for path in ("/2016-08-15/services", "/2016-08-15/tempBucketToken"):
        pairs = fc.sign("GET", path.encode(), b"", [], key, now=now)
        answer = await door.get(path, headers={n.decode(): t.decode() for n, t in pairs})
        assert answer.error()[:2] == (403, "InvalidAccessKeyID")
    with_host = signed(door, key_of_made(made), "v1/functions", method="GET")
    for path in ("/v1/functions", f"/{BUCKET}/../v1/functions", "/2023-03-30/functions"):
        for host in ("127.0.0.1", f"{BUCKET}.example"):
            answer = await door.get(path, headers=with_host | {"host": host})
            assert answer.status in (400, 401, 403, 405), (path, host, answer.body)
            assert b'functions":' not in answer.body


def key_of_made(made: Any) -> Key:
    return Key(made.access_key_id, made.secret, made.security_token, algorithm=oss.ALGORITHM)


async def test_a_host_of_the_bucket_alone_does_not_hide_the_other_doors(door: FcDoor) -> None:
    answer = await door.get("/v1/functions", headers={"host": f"{BUCKET}.localhost"})
    assert answer.status == 200 and "items" in answer.json


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"AccessKeySecret": "x"}, "SignatureDoesNotMatch"),
        ({"AccessKeyId": "TMP.0"}, "InvalidAccessKeyId"),
        ({"SecurityToken": "x"}, "InvalidSecurityToken"),
        ({"SecurityToken": ""}, "InvalidSecurityToken"),
    ],
)
async def test_other_credentials_are_refused(
    door: FcDoor, tmp_path: Path, changed: Headers, why: str
) -> None:
    given = await token(door)
    assert refused(await put(door, given, key=key_of(given, **changed)))[:2] == (403, why)
    assert files(tmp_path) == []


async def test_a_key_puts_no_object_but_its_own(door: FcDoor, tmp_path: Path) -> None:
    mine, other = await token(door), await token(door)
    name = mine["objectName"]
    for object in (
        f"{ACCOUNT}/{other['objectName']}",
        f"{ACCOUNT}/x{name}",
        f"{ACCOUNT}/x/{name}",
        f"{ACCOUNT}/{name.upper()}/",
        f"..%2F{name}",
        f"%2e%2e/{name}",
        f"a%20b/{name}",
        ACCOUNT,
    ):
        answer = await put(door, mine, object=object)
        assert refused(answer)[:2] == (403, "AccessDenied"), object
    assert files(tmp_path) == []


async def test_a_signature_for_one_object_does_not_fit_another(door: FcDoor) -> None:
    given = await token(door)
    sent = signed(door, key_of(given), f"{ACCOUNT}/x")
    answer = await door.put(
        f"/{BUCKET}/{ACCOUNT}/{given['objectName']}", data=ARCHIVE, headers=sent
    )
    assert refused(answer)[:2] == (403, "SignatureDoesNotMatch")


async def test_a_key_is_good_for_a_quarter_of_an_hour(door: FcDoor) -> None:
    given = await token(door)
    await door.service.clock.advance(899)
    assert (await put(door, given)).status == 200
    await door.service.clock.advance(1)
    status, why, message = refused(await put(door, given))
    assert (status, why) == (403, "InvalidAccessKeyId") and "tempBucketToken" in message


async def test_a_key_of_another_start_is_refused(
    door: FcDoor, make_door: MakeDoor, tmp_path: Path
) -> None:
    given = await token(door)
    other = await make_door(data_dir=str(tmp_path))
    status, code, message = refused(await put(other, given))
    assert (status, code) == (403, "InvalidAccessKeyId")
    assert "until the service ends; ask for tempBucketToken again" in message


async def test_an_old_date_is_refused_with_the_service_s_time(door: FcDoor) -> None:
    given = await token(door)
    date = write_http(door.service.clock.now() - 901_000).decode()
    answer = await put(door, given, headers={"x-oss-date": date})
    assert refused(answer)[:2] == (403, "RequestTimeTooSkewed")
    assert b"<ServerTime>20" in answer.body


async def test_a_page_of_another_site_gets_no_key_and_uploads_nothing(door: FcDoor) -> None:
    page = {"origin": "http://elsewhere.example", "host": f"{BUCKET}.elsewhere.example"}
    assert (await door.get("/2016-08-15/tempBucketToken", headers=page)).status == 403
    for more in ({}, {"authorization": "OSS x"}, {"authorization": f"OSS x:{'A' * 27}="}):
        answer = await door.put(f"/{ACCOUNT}/x", data=ARCHIVE, headers=page | more)
        assert answer.status in (400, 403)


# ---------------------------------------------------------------- what may be sent


async def test_a_content_md5_is_compared_with_the_body(door: FcDoor, tmp_path: Path) -> None:
    given = await token(door)
    right = {"content-md5": base64.b64encode(MD5).decode()}
    answer = await put(door, given, ARCHIVE + b"x", headers=right)
    assert refused(answer)[:2] == (400, "InvalidDigest")
    assert files(tmp_path) == []
    assert (await put(door, given, headers=right)).status == 200


@pytest.mark.parametrize("body", [b"x" * 4097, [b"x" * 1000] * 5])
async def test_a_body_over_the_limit_of_code_is_refused(
    door: FcDoor, tmp_path: Path, body: Any
) -> None:
    given = await token(door)
    status, why, message = refused(await put(door, given, body))
    assert (status, why) == (400, "EntityTooLarge") and "4096" in message
    assert files(tmp_path) == []
    assert (await put(door, given, b"x" * 4096)).status == 200


async def test_what_an_object_storage_does_beside_a_put_is_refused(door: FcDoor) -> None:
    given = await token(door)
    for header in ("x-oss-copy-source", "x-oss-callback", "x-oss-object-acl"):
        status, why, message = refused(await put(door, given, headers={header: "x"}))
        assert (status, why) == (501, "NotImplemented") and header in message
    assert (await put(door, given, headers={"x-oss-meta-a": "b"})).status == 200
    for query in ("?append&position=0", "?uploads", "?x=1"):
        answer = await put(door, given, query=query)
        assert refused(answer)[:2] == (400, "InvalidArgument")


async def test_an_upload_cannot_be_read_back(door: FcDoor) -> None:
    given = await token(door)
    await put(door, given)
    name = f"{ACCOUNT}/{given['objectName']}"
    for method in ("GET", "HEAD", "DELETE", "POST"):
        sent = signed(door, key_of(given), name, method=method)
        answer = await door.request(method, f"/{BUCKET}/{name}", headers=sent)
        assert answer.status == 405 and ARCHIVE not in answer.body


async def test_who_goes_away_in_the_middle_leaves_nothing(door: FcDoor, tmp_path: Path) -> None:
    given = await token(door)
    gone = asyncio.Event()
    gone.set()
    sent = signed(door, key_of(given), f"{ACCOUNT}/{given['objectName']}")
    path = f"/{BUCKET}/{ACCOUNT}/{given['objectName']}"
    answer = await door.put(path, data=[], headers=sent, gone=gone)
    assert answer.status == 0 and files(tmp_path) == []
    assert (await put(door, given)).status == 200


async def test_a_body_that_does_not_end_in_time_is_refused(
    door: FcDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads_module, "WRITING_SECONDS", 0)
    answer = await put(door, await token(door), [])
    assert refused(answer)[:2] == (400, "RequestTimeout") and files(tmp_path) == []


async def test_a_disk_that_takes_nothing_is_told(door: FcDoor, tmp_path: Path) -> None:
    (tmp_path / "uploads").write_bytes(b"not a folder")
    answer = await put(door, await token(door))
    assert refused(answer)[:2] == (503, "ServiceUnavailable")
    assert str(tmp_path).encode() not in answer.body


# ---------------------------------------------------------------- what functions are made of


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"ossBucketName": "mine"}, "code.ossBucketName: 'mine'"),
        ({"ossBucketName": ""}, "code.ossBucketName: ''"),
        ({"ossObjectName": ""}, "code.ossObjectName: ''"),
        ({"ossObjectName": f"{ACCOUNT}/../../store.db"}, "code.ossObjectName"),
        ({"ossObjectName": f"{ACCOUNT}/{'0' * 44}"}, "code.ossObjectName"),
        ({"zipFile": "UEsDBA=="}, "code.zipFile"),
        ({"checksum": "1"}, "code.checksum"),
    ],
)
async def test_code_that_names_no_upload_is_refused(
    door: FcDoor, changed: Headers, field: str
) -> None:
    given = await token(door)
    await put(door, given)
    status, why, message = (await create(door, code(given, **changed))).error()
    assert (status, why) == (400, "InvalidArgument") and message.startswith(field)


async def test_an_object_that_was_not_uploaded_is_no_code(door: FcDoor) -> None:
    message = (await create(door, code(await token(door)))).error()[2]
    assert "was not uploaded" in message


async def test_an_upload_that_is_no_archive_is_refused(door: FcDoor) -> None:
    given = await token(door)
    await put(door, given, b"not a zip")
    assert (await create(door, code(given))).error()[:2] == (400, "InvalidArgument")


# ---------------------------------------------------------------- what is kept


async def test_an_upload_is_there_after_a_restart(
    door: FcDoor, make_door: MakeDoor, tmp_path: Path
) -> None:
    given = await token(door)
    await put(door, given)
    other = await make_door(data_dir=str(tmp_path))
    assert (await create(other, code(given))).status == 200


async def test_an_upload_goes_after_a_day(tmp_path: Path) -> None:
    clock = VirtualClock()
    uploads = Uploads(tmp_path / "uploads", clock, 4096)
    object = TemporaryKeys(clock).make().object

    async def body() -> Any:
        yield ARCHIVE

    await uploads.store(object, body(), None)
    await clock.advance(DAY - 1)
    await uploads.sweep()
    assert files(tmp_path) == [object] and await uploads.read(object) == ARCHIVE
    await clock.advance(1)
    assert await uploads.read(object) is None  # though no sweep has come by
    await uploads.sweep()
    assert files(tmp_path) == []


async def test_a_sweep_takes_what_a_killed_process_left(door: FcDoor, tmp_path: Path) -> None:
    given = await token(door)
    await put(door, given)
    (tmp_path / "uploads" / ".tmp-0-1").write_bytes(b"half")
    (tmp_path / "uploads" / "notes").write_bytes(b"not ours")
    await door.engine.parts.sweep.once()
    assert files(tmp_path) == sorted([given["objectName"], "notes"])


async def test_so_many_uploads_are_kept_and_the_newest_is_among_them(
    door: FcDoor, tmp_path: Path
) -> None:
    oldest = await token(door)
    for _ in range(KEPT_MAX):
        assert (await put(door, await token(door), b"x")).status == 200
    assert (await put(door, oldest, b"x")).status == 200
    assert len(files(tmp_path)) == KEPT_MAX
    assert oldest["objectName"] in files(tmp_path)


async def test_uploads_take_so_much_of_the_disk_together(door: FcDoor, tmp_path: Path) -> None:
    for _ in range(KEPT_LARGEST + 2):
        given = await token(door)
        assert (await put(door, given, b"x" * 4096)).status == 200
    assert len(files(tmp_path)) == KEPT_LARGEST
    assert given["objectName"] in files(tmp_path)


async def test_so_many_are_written_at_a_time_and_others_wait_unread(
    door: FcDoor, tmp_path: Path
) -> None:
    uploads = door.state.uploads
    release = asyncio.Event()
    read: asyncio.Queue[int] = asyncio.Queue()

    async def body(number: int) -> Any:
        read.put_nowait(number)
        await release.wait()
        yield b"x"

    names = [door.state.upload_keys.make().object for _ in range(WRITING_MAX + 2)]
    waiting = [
        asyncio.ensure_future(uploads.store(name, body(number), None))
        for number, name in enumerate(names)
    ]
    assert {await read.get() for _ in range(WRITING_MAX)} == set(range(WRITING_MAX))
    assert read.empty() and len(files(tmp_path)) == WRITING_MAX
    release.set()
    await asyncio.gather(*waiting)
    assert files(tmp_path) == sorted(names)


def test_so_many_keys_are_kept_and_those_past_their_time_go_first() -> None:
    clock = VirtualClock()
    keys = TemporaryKeys(clock)
    made = [keys.make() for _ in range(KEYS_MAX + 1)]
    assert keys.find(made[0].access_key_id) is None
    assert all(keys.find(item.access_key_id) is item for item in made[1:])


def test_the_bucket_is_one_that_clients_take() -> None:
    assert 3 <= len(BUCKET) <= 63 and BUCKET.lower() == BUCKET and BUCKET.replace("-", "").isalnum()
    assert Settings().limits.code_bytes_max == 50 * 1024 * 1024
