"""Who changed a function at this door: the key that signed, or the token."""

from __future__ import annotations

from typing import Any

from tests.functiongraph.conftest import at, urn

from thence.api.functiongraph.section import FunctionGraphSettings
from thence.config.settings import Secret
from thence.notices import FunctionChanged
from thence.signing import sdk_hmac
from thence.signing.interface import Key

TOKEN = {"x-auth-token": "a token of the tests"}


async def test_the_key_and_the_token_are_told_apart(make_door: Any) -> None:
    door = await make_door(
        root_access_key_id="root-key",
        root_access_key_secret=Secret("s3cret"),
        functiongraph=FunctionGraphSettings(auth_token=Secret(TOKEN["x-auth-token"])),
    )
    await door.function()
    said: list[FunctionChanged] = []
    door.service.notices.on(FunctionChanged, said.append)
    path, body = at(urn(), "async-invoke-config"), b'{"max_async_retry_attempts": 1}'
    assert (await door.put(path, data=body, headers=TOKEN)).status == 200
    body = b'{"max_async_retry_attempts": 2}'
    headers = sdk_hmac.sign(
        "PUT", path.encode(), b"", ((b"host", b"127.0.0.1"), (b"content-type", b"application/json")),
        body, Key("root-key", "s3cret"), now=door.clock.now(),
    )  # fmt: skip
    signed = {name.decode(): value.decode() for name, value in headers}
    assert (await door.put(path, data=body, headers=signed)).status == 200
    assert [item.actor for item in said] == ["auth_token", "root-key"]
    # Without settings there are no retries at this door, and an age of its own.
    assert [item.fields[0].split(": ")[1] for item in said] == [
        "max_retries 0 -> 1",
        "max_retries 1 -> 2",
    ]
