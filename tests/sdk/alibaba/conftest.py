"""Clients as their documents make them; only public settings point them at the service."""

from __future__ import annotations

import base64
import io
import json
import os
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330.client import Client as Fc3Client
from alibabacloud_fc_open20210406.client import Client as Fc2Client
from alibabacloud_tea_openapi.models import Config

SERVICE = os.environ["SERVICE"]
KEY_ID, KEY_SECRET = os.environ["ACCESS_KEY_ID"], os.environ["ACCESS_KEY_SECRET"]
ACCOUNT, REGION = os.environ["ACCOUNT_ID"], os.environ["REGION"]

SOURCE = Path(__file__).with_name("function.py").read_text("utf-8")


def config() -> Config:
    return Config(
        access_key_id=KEY_ID,
        access_key_secret=KEY_SECRET,
        region_id=REGION,
        endpoint=SERVICE,
        protocol="http",
    )


@pytest.fixture(scope="session")
def fc3() -> Fc3Client:
    return Fc3Client(config())


@pytest.fixture(scope="session")
def fc2() -> Fc2Client:
    return Fc2Client(config())


def zipped(source: str = SOURCE) -> str:
    """A package of one file, in base64 as the APIs take it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        # With a date of its own: two packages of one source are the same bytes.
        file = zipfile.ZipInfo("index.py", (2020, 1, 1, 0, 0, 0))
        file.external_attr = 0o644 << 16
        archive.writestr(file, source)
    return base64.b64encode(data.getvalue()).decode()


def until(look: Any, wanted: Any, seconds: float = 30.0) -> Any:
    """What `look()` answers as soon as `wanted` is true of it. The client polls, as users do."""
    ends = time.monotonic() + seconds
    while True:
        found = look()
        if wanted(found):
            return found
        assert time.monotonic() < ends, f"still {found}"
        time.sleep(0.05)


def mailbox(kind: str, name: str) -> list[Any]:
    """The messages of a box of the built-in mailbox, decoded, by the native door."""
    request = urllib.request.Request(
        f"http://{SERVICE}/v1/mailbox/{kind}/{name}",
        headers={"authorization": f"Bearer {KEY_ID}:{KEY_SECRET}"},
    )
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)
    return [body_of(item) for item in found["items"]]


def body_of(message: Any) -> Any:
    body = message["body"]
    return json.loads(body) if isinstance(body, str) else body
