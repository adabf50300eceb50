"""A plain HTTP client of the native door: requests, problems, and the stream of events.

On the standard library alone, so that a command starts at once. A connection a request: commands
make few, and a server that was restarted in between is no special case. Redirects are not
followed: they would carry the credentials elsewhere.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from .. import __version__
from ..errors import ConfigInvalid, InvalidInput
from .answers import NOT_THENCE, Answer, Document, Unreachable, objects, parse_events, refusal

TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 64 * 1024
PAGE = 200

Query = Mapping[str, str | int | float | None]


def _address(url: str) -> SplitResult:
    """Raises ConfigInvalid."""
    try:
        parts = urlsplit(url)
        port_ok = parts.port != 0
    except ValueError:
        port_ok = False  # out of range, no number; or a bracket without its other
    if port_ok and parts.scheme in ("http", "https") and parts.hostname:
        return parts
    raise ConfigInvalid(
        f"{url!r} is not the address of a service; write it like http://127.0.0.1:7411.",
        field="url",
    )


def _put(connection: http.client.HTTPConnection, name: str, value: str) -> None:
    """Raises InvalidInput without the value, which may be a secret."""
    try:
        connection.putheader(name, value)
    except ValueError:  # UnicodeEncodeError too
        raise InvalidInput(
            f"{name}: it holds a line break or a character that HTTP headers cannot carry; "
            "use plain ASCII.",
            field=name,
        ) from None


class Client:
    """url: `http://host:port` of the service. credentials: `id:secret`, or empty."""

    def __init__(
        self, url: str, credentials: str = "", *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._parts = _address(url)
        self.url = url.rstrip("/")
        self._credentials = credentials
        self._timeout_seconds = timeout_seconds

    # ------------------------------------------------------------ one request

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        sent: Callable[[int], None] | None = None,
    ) -> Answer:
        """One request and its whole answer. Raises Problem for 4xx and 5xx, and Unreachable.

        sent: told the number of bytes of each piece of the body as it leaves.
        """
        connection = self._connect(timeout_seconds or self._timeout_seconds)
        try:
            self._send(connection, method, _target(path, query), body, headers or {}, sent)
            raw = connection.getresponse()
            answer = Answer(raw.status, dict(raw.getheaders()), raw.read())
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()
        return self._checked(answer)

    def get(self, path: str, query: Query | None = None) -> Any:
        """The JSON at `path`."""
        return self.request("GET", path, query=query).json()

    def send(self, method: str, path: str, data: Any = None, **more: Any) -> Any:
        """Send `data` as JSON; the answer's JSON, an object without fields where it is empty."""
        body = None if data is None else json.dumps(data).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        answer = self.request(method, path, body=body, headers=headers, **more)
        return answer.json() if answer.body else Document()

    def delete(self, path: str) -> None:
        """Delete what is at `path`. Raises Unreachable where the answer is not the one that Thence
        gives: whatever said "OK" has deleted nothing of ours."""
        if self.request("DELETE", path).status != 204:
            raise Unreachable(f"The answer is not that of a deletion: {NOT_THENCE}")

    def pages(self, path: str, query: Query | None = None, limit: int = 0) -> Iterator[Any]:
        """The items of a list, over all its pages. limit: at most so many; 0 = all."""
        asked: dict[str, str | int | float | None] = dict(query or {})
        count = 0
        while True:
            asked["limit"] = min(PAGE, limit - count) if limit else PAGE
            page = self.get(path, asked)
            for item in objects(page["items"]):
                yield item
                count += 1
                if limit and count >= limit:
                    return
            if not page.get("cursor"):
                return
            asked["cursor"] = page["cursor"]

    def items(self, path: str) -> list[Any]:
        """The items of a list that has no pages."""
        return list(objects(self.get(path)["items"]))

    # ------------------------------------------------------------ the stream

    def events(
        self, path: str, query: Query | None, last_id: str, silence_seconds: float
    ) -> Iterator[tuple[str, str, str]]:
        """(id, event, data) of a stream of server-sent events, until the connection ends.

        Raises Unreachable when it cannot be made, breaks, or says nothing for `silence_seconds`
        (the service sends a comment at least every 15 s).
        """
        connection = self._connect(silence_seconds)
        headers = {"Accept": "text/event-stream"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        try:
            self._send(connection, "GET", _target(path, query), None, headers, None)
            raw = connection.getresponse()
            if raw.status != 200:
                self._checked(Answer(raw.status, dict(raw.getheaders()), raw.read()))
            if not (raw.getheader("Content-Type") or "").startswith("text/event-stream"):
                raise Unreachable(
                    f"{self.url} answers with something else than a stream of events: it is probably "
                    "not Thence. Correct --url or THENCE_URL."
                )
            yield from parse_events(raw)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()

    # ------------------------------------------------------------ below

    def _connect(self, timeout_seconds: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, port, timeout=timeout_seconds, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(host, port, timeout=timeout_seconds)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        sent: Callable[[int], None] | None,
    ) -> None:
        connection.putrequest(
            method, self._parts.path.rstrip("/") + target, skip_accept_encoding=True
        )
        connection.putheader("User-Agent", f"thence/{__version__}")
        if self._credentials:
            headers = {"Authorization": f"Bearer {self._credentials}", **headers}
        for name, value in headers.items():
            _put(connection, name, value)
        if body is not None or method in ("POST", "PUT"):
            connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders()
        try:
            for start in range(0, len(body or b""), CHUNK_BYTES):
                piece = (body or b"")[start : start + CHUNK_BYTES]
                connection.send(piece)
                if sent is not None:
                    sent(len(piece))
        except (BrokenPipeError, ConnectionResetError):
            # The service may refuse a body before it has read all of it: its answer says why, and
            # where there is none, reading it fails and is reported.
            pass

    def _checked(self, answer: Answer) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        if answer.status >= 400:
            raise refusal(answer, self.url)
        raise Unreachable(
            f"{self.url} answered {answer.status}; redirects are not followed. Set --url (or "
            "THENCE_URL) to the service's own address."
        )

    def _unreachable(self, error: Exception) -> Unreachable:
        if isinstance(error, ConnectionRefusedError):
            return Unreachable(
                f"Nothing listens at {self.url}. Start the service with 'thence serve', or name "
                "another address with --url or THENCE_URL.",
                refused=True,
            )
        if isinstance(error, socket.gaierror):
            return Unreachable(
                f"The host name of {self.url} is not known. Correct --url or THENCE_URL."
            )
        if isinstance(error, ssl.SSLError):
            return Unreachable(
                f"The secure connection to {self.url} failed: {error}. Write http:// where the service "
                "is reached without TLS; a certificate of your own authority is taken from "
                "SSL_CERT_FILE."
            )
        if isinstance(error, TimeoutError):
            return Unreachable(f"{self.url} did not answer in time.")
        reason = str(error) or type(error).__name__
        return Unreachable(f"The connection to {self.url} broke: {reason}.")


def part(text: str) -> str:
    """A name or id as one part of a path."""
    return quote(text, safe="", errors="surrogateescape")


def _target(path: str, query: Query | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
    return f"{path}?{urlencode(given, errors='surrogateescape')}" if given else path
