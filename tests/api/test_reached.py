"""What absolute links begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import thence.api
from thence.api.shared.reached import base_url


def scope(address: str, port: int = 7411, **more: Any) -> dict[str, Any]:
    headers = [(b"host", b"evil.example"), (b"x-forwarded-host", b"evil.example")]
    return {"scheme": "http", "server": (address, port), "headers": headers, **more}


@pytest.mark.parametrize(
    ("address", "begin"),
    [
        ("127.0.0.1", "http://127.0.0.1:7411"),
        ("::1", "http://[::1]:7411"),
        ("::ffff:10.0.0.7", "http://10.0.0.7:7411"),  # a socket for both versions
        ("fe80::1%eth0", "http://[fe80::1%25eth0]:7411"),
    ],
)
def test_it_is_the_address_that_the_connection_came_in_on(address: str, begin: str) -> None:
    assert base_url("", scope(address)) == begin


def test_the_setting_goes_before() -> None:
    for public_url in ("https://faas.example.com", "https://faas.example.com/"):
        assert base_url(public_url, scope("127.0.0.1")) == "https://faas.example.com"


def test_no_answer_is_made_of_what_a_caller_claims_to_have_reached() -> None:
    """Starlette makes `request.url` and `base_url` of the Host header."""
    for path in Path(thence.api.__file__).parent.rglob("*.py"):
        text = path.read_text("utf-8")
        for word in ("request.url", "request.base_url", "url_for(", "forwarded"):
            assert word not in text, f"{path}: {word}; see reached.py"
