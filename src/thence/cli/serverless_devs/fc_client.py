"""Requests to the Function Compute door of the service, signed as the vendor's own clients do."""

from __future__ import annotations

import json
import re
import secrets
import time
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from ...errors import ThenceError
from ...signing import acs3
from ...signing.interface import Key
from ..answers import Problem
from ..client import Client

_OF_REQUESTS = frozenset({"MissingRequiredHeader", "PathNotSupported"})
"""Codes of 400 that say nothing of what was asked for."""
_NAME = re.compile(r"[A-Za-z0-9_$-]{1,256}")  # of whatever kind, and the words between them
V3, V2 = "2023-03-30", "2021-04-06"  # generations of the door
UPLOAD_SECONDS = 120  # a request may hold the code


class Refused(ThenceError):
    """The door's refusal: its status, its code and its sentence."""

    code = "refused"
    title = "The service refused"

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.status = status
        self.vendor_code = code


class FcClient:
    """One generation of the door. credentials: `id:secret`, or empty where none are asked for."""

    def __init__(self, client: Client, generation: str, credentials: str) -> None:
        self._client = client
        self._prefix = f"/{generation}"
        id, _, secret = credentials.partition(":")
        self._key = Key(id, secret) if id and secret else None
        self._host = urlsplit(client.url).netloc

    def find(self, path: str, **query: Any) -> dict[str, Any] | None:
        """A resource, or None where there is none, also none that could be by its name: for such a
        name nothing is asked, since a path with it may be another one's or none at all."""
        names = [*map(unquote, path.split("/")[1:]), *map(str, query.values())]
        if not all(map(_NAME.fullmatch, names)):
            return None
        try:
            return self.ask("GET", path, **query)
        except Refused as refused:
            if refused.status in (400, 404) and refused.vendor_code not in _OF_REQUESTS:
                return None
            raise

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """The answer's JSON, empty where it has none. Raises Refused, Unreachable."""
        data = b"" if body is None else json.dumps(body).encode()
        target = self._prefix + path
        text = urlencode({name: value for name, value in query.items() if value is not None})
        headers = [(b"host", self._host.encode()), (b"accept", b"application/json")]
        if data:
            headers.append((b"content-type", b"application/json; charset=utf-8"))
        if self._key is not None:
            headers = acs3.sign(
                *(method, target.encode(), text.encode(), headers, data, self._key),
                now=time.time_ns() // 1_000_000,
                nonce=secrets.token_hex(16),
            )
        # In this case the signature takes the place of the client's own credentials.
        sent = {name.decode().title(): value.decode() for name, value in headers if name != b"host"}
        try:
            answer = self._client.request(
                method,
                f"{target}?{text}" if text else target,
                body=data or None,
                headers=sent,
                timeout_seconds=UPLOAD_SECONDS,
            )
        except Problem as problem:
            document = problem.document
            raise Refused(
                problem.status,
                str(document.get("Code", "")),
                str(document.get("Message") or problem.detail),
            ) from None
        found: dict[str, Any] = answer.json() if answer.body else {}
        return found


def segment(name: str) -> str:
    return quote(name, safe="")
