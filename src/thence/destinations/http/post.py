"""The HTTP client of the kinds that POST: one request, and what its answer means.

What an answer means follows seed alibaba-fc-result-callback, "5xx or no answer: again; 4xx: recorded, not
again", with four exceptions that HTTP itself calls passing: 408, 425 and 429 are sent again, since
429 is a throttle and not a refusal (Standard Webhooks), and 410 says that nobody will ever be
there. 429 and 503 may say when to come back (`Retry-After`, RFC 9110). Redirects are not followed:
they would carry the record, signed, to an address that nobody configured or checked.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from ... import __version__
from ...descriptors import DELIVERY_ATTEMPTS_MAX
from ..interface import TIMEOUT_SECONDS, Network, Sent
from .addresses import AddressGuard, ForbiddenAddress, Lookup, Resolver
from .connector import Connector
from .wire import INTERIM_MAX, Answer, Request, expect, target_of

RETRY_AFTER_SECONDS_MAX = 366 * 86_400.0  # more is taken for so much: longer than any budget
ANSWER_BYTES_MAX = 4096  # read so that the connection can be used again; more ends the connection
ANSWER_SECONDS_MAX = 2.0
AGAIN = frozenset({408, 425, 429})

_USUAL = {"user-agent": f"thence/{__version__}", "accept-encoding": "identity"}
_BAD_ANSWER = (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)

# The URL passed the configuration's check but cannot be sent to (a label that is no host name);
# neither it nor the client's message is repeated, since both may hold secrets.
_UNUSABLE = Sent(
    False, error="The webhook's URL cannot be used; check its host name.", reason="rejected"
)


class HttpPost:
    """One POST an attempt.

    timeout_seconds: for the whole attempt, name resolution included. allow_networks: networks open to
    receivers although private (see addresses.py). lookup: resolves names instead of the system.
    tls: an SSL context instead of the system's certificate authorities. kept_max: connections that
    are kept without a request, for the next one.
    """

    def __init__(
        self,
        *,
        allow_networks: Sequence[Network] = (),
        timeout_seconds: float = TIMEOUT_SECONDS,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
        kept_max: int = DELIVERY_ATTEMPTS_MAX,
    ) -> None:
        self._guard = AddressGuard(allow_networks)
        self._resolver = Resolver(self._guard, lookup)
        self._seconds = timeout_seconds
        self._tls = tls
        self._kept_max = kept_max
        self._session: aiohttp.ClientSession | None = None

    async def send(self, to: str, headers: Mapping[str, str], body: bytes, now: int) -> Sent:
        """One attempt at the URL `to`; `headers` in lower case. Never raises what a receiver can
        cause. now: ms, which a `Retry-After` with a date is compared with."""
        came = Answer()
        where = ""
        try:
            # Where to connect to is asked of the URL; the target goes out as it is written.
            url = URL(to)
            where = _origin(url)
            self._guard.check_literal(url.raw_host or "")
            came = expect(target_of(to))
            return await self._post(url, where, headers, body, now)
        except Exception as error:
            if came.status and (came.complete or isinstance(error, _BAD_ANSWER)):
                # It answered; what is wrong with the rest of its answer changes nothing.
                return _meaning(came.status, came.retry_after, where, now)
            if came.endless:
                text = f"{where} sent nothing but answers of 1xx or blank lines, {INTERIM_MAX} and more."
                return Sent(False, again=True, error=text)
            return self._failed(error, where)

    def _failed(self, error: Exception, where: str) -> Sent:
        """What it means that there was no answer. Raises what is no such error."""
        match error:
            case ForbiddenAddress():
                return Sent(False, error=f"Not sent: {error}.", reason="forbidden_address")
            case TimeoutError():
                text = f"{where} did not answer within {self._seconds:g} s."
                return Sent(False, again=True, error=text)
            case aiohttp.InvalidURL():
                return _UNUSABLE
            case aiohttp.ClientError() | OSError():
                # Before ValueError, which a refused certificate also is.
                return Sent(False, again=True, error=f"{where}: {_why(error)}.")
            case ValueError():
                return _UNUSABLE
        raise error

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self._resolver.close()

    async def _post(
        self, url: URL, where: str, headers: Mapping[str, str], body: bytes, now: int
    ) -> Sent:
        async with self._open().post(
            url, data=body, headers={**_USUAL, **headers}, allow_redirects=False
        ) as answer:
            sent = _meaning(answer.status, answer.headers.get("Retry-After"), where, now)
            await _discard(answer)
            return sent

    def _open(self) -> aiohttp.ClientSession:
        """The session, made on first use because it belongs to the running event loop."""
        if self._session is None:
            connector = Connector(
                self._kept_max,
                resolver=self._resolver,
                socket_factory=self._guard.open_socket,
                ssl=self._tls if self._tls is not None else True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                trust_env=False,  # a proxy of the environment would connect in our stead, unguarded
                cookie_jar=aiohttp.DummyCookieJar(),  # receivers share nothing
                auto_decompress=False,  # an answer's body is only counted
                request_class=Request,
            )
        return self._session


def _meaning(status: int, retry_after: str | None, where: str, now: int) -> Sent:
    """What an answer means: see the rules at the top of this file."""
    if 200 <= status < 300:
        return Sent(True, status=status)
    text = f"{where} answered {status}"
    if status in AGAIN or status >= 500 or status < 200:
        wait = retry_after_seconds(retry_after, now) if status in (429, 503) else None
        return Sent(False, again=True, status=status, error=f"{text}.", retry_after_seconds=wait)
    if status == 410:
        return Sent(False, status=status, error=f"{text}: it is gone.", reason="gone")
    if 300 <= status < 400:
        text += ": redirects are not followed; configure the address that it leads to"
    return Sent(False, status=status, error=f"{text}.", reason="rejected")


def retry_after_seconds(value: str | None, now: int) -> float | None:
    """The wait that `Retry-After` asks for: seconds or an HTTP date, at least 0; None where there
    is none or it cannot be read. Whether there is time for it, lifecycle/delivery.py says. now: ms."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return min(float(text), RETRY_AFTER_SECONDS_MAX)
    if not text or len(text) > 64:
        return None
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        seconds = when.timestamp() - now / 1000
    except (ValueError, TypeError, OverflowError, IndexError):
        # Not a date either: the usual waits apply.
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_SECONDS_MAX)


async def _discard(answer: aiohttp.ClientResponse) -> None:
    """Read the body and forget it, so that the connection can be used again; when it is longer or
    slower than its limits, end the connection instead. The status has already said everything."""
    left = ANSWER_BYTES_MAX
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while left > 0:
                chunk = await answer.content.read(left)
                if not chunk:
                    return
                left -= len(chunk)
            if answer.content.at_eof():
                return
    except (aiohttp.ClientError, OSError):
        # (TimeoutError is an OSError.) A body that breaks off changes nothing about the status.
        pass
    answer.close()


def _origin(url: URL) -> str:
    """`https://host:port` for sentences: a path or a query may hold a secret."""
    return str(url.origin())


def _why(error: BaseException) -> str:
    """What went wrong below HTTP, in our own words: a client's message may repeat the URL."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "its name could not be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return "its TLS certificate was refused (wrong name, expired, or not trusted)"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "the TLS handshake failed"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno
            reason = os.strerror(number) if number else type(error.os_error).__name__
            return f"no connection ({reason})"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | BrokenPipeError():
            return "it closed the connection without an answer"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return "its answer is not valid HTTP"
    return f"the connection failed ({type(error).__name__})"
