"""Who changed a function at this door: the key that signed."""

from __future__ import annotations

import json
from typing import Any

from thence.config.settings import Secret
from thence.notices import FunctionChanged
from thence.signing import acs3
from thence.signing.interface import Key

PATH = "/2023-03-30/functions/f/concurrency"


async def test_the_key_that_signed_is_told(make_door: Any) -> None:
    door = await make_door(root_access_key_id="root-key", root_access_key_secret=Secret("s3cret"))
    await door.service.function("f")
    said: list[FunctionChanged] = []
    door.service.notices.on(FunctionChanged, said.append)
    body = json.dumps({"reservedConcurrency": 5}).encode()
    headers = acs3.sign(
        "PUT", PATH.encode(), b"", [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
        body, Key("root-key", "s3cret"), now=door.clock.now(), nonce="0" * 32,
    )  # fmt: skip
    signed = {name.decode(): value.decode() for name, value in headers}
    answer = await door.put(PATH, data=body, headers=signed)
    assert answer.status == 200, answer.body
    assert [(item.fields, item.actor) for item in said] == [(("limit none -> 5",), "root-key")]


async def test_without_credentials_nobody_is(door: Any) -> None:
    await door.service.function("f")
    said: list[FunctionChanged] = []
    door.service.notices.on(FunctionChanged, said.append)
    answer = await door.put(PATH, json={"reservedConcurrency": 5})
    assert answer.status == 200, answer.body
    assert [item.actor for item in said] == ["unauthenticated"]
