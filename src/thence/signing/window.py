"""When a signed request counts: dates within a window, and each nonce once.

A request is taken while its date is at most `seconds` before or after the service's clock; so what
somebody recorded is worthless afterwards. Within the window a scheme with a nonce (ACS3) is
protected by `Nonces`. `FC` and SDK-HMAC-SHA256 have no nonce, and there the window is all the
protection: a second request with the same signature is taken, because their dates are whole seconds
and a client that asks for the same thing twice within one second, or whose HTTP library sends again
what got no answer, sends the same bytes with good reason. To refuse it would break unmodified
clients. Who fears that requests are recorded uses TLS; who must not have one call run twice gives a
task id, which is taken once.
"""

from __future__ import annotations

import logging
import re
import time
from datetime import UTC, datetime

from ..clock import Clock
from .interface import Refused
from .kept import kept
from .kept_nonces import KeptNonces

log = logging.getLogger("thence.signing")

WINDOW_SECONDS = 900
NONCES_MAX = 500_000  # some 40 MB when full
NONCE_BYTES_MAX = 128
DATE_BYTES_MAX = 32  # every form is shorter
BUCKETS = 8  # in a window
STEP_MS = 5000  # a wall clock that gains no more between two looks was not set

_ISO = re.compile(rb"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z")
_BASIC = re.compile(rb"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")
_HTTP = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) (%s) (\d{4}) (\d\d):(\d\d):(\d\d) GMT"
    % b"|".join(
        _MONTHS := (
            *(b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun"),
            *(b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"),
        )
    )
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Window:
    """What is in time. seconds: how far a date may be from the clock, either way.

    nonces_max: how many nonces are remembered (see Nonces). kept: where they outlive the process."""

    def __init__(
        self,
        clock: Clock,
        seconds: int = WINDOW_SECONDS,
        nonces_max: int = NONCES_MAX,
        kept: KeptNonces | None = None,
    ) -> None:
        self._clock = clock
        self._looked: tuple[int, int] | None = None  # what had passed, and the service time then
        self._ahead_since = 0  # service time; since when the wall clock is ahead of what has passed
        self.seconds = seconds
        self.nonces = Nonces(seconds, nonces_max, kept)

    def check(self, signed_at: int) -> None:
        """signed_at: ms. Raises Refused ("date")."""
        now = self._clock.wall()  # dates that others made
        if abs(now - signed_at) > self.seconds * 1000:
            raise Refused(
                "date",
                f"the request is dated {_iso(signed_at)}, the service's clock says {_iso(now)}; at "
                f"most {self.seconds} seconds may lie between. Set the clock or sign again.",
                limit_seconds=self.seconds,
            )

    def check_expiry(self, expires_at: int) -> None:
        """expires_at: ms, of a signed URL; the instant itself is too late. Raises Refused ("date")."""
        if self._clock.wall() >= expires_at:
            raise Refused("date", f"the signed URL expired at {_iso(expires_at)}; make a new one")

    def take(self, access_key_id: bytes, nonce: bytes, signed_at: int) -> None:
        """Only for a request whose signature is right. Raises Refused ("replay")."""
        expires_at = signed_at + self.seconds * 1000
        now = self._passed()
        if not self.nonces.take(access_key_id + b"\n" + nonce, expires_at, now):
            raise Refused("replay", "nonce: it was used before; sign again with a new one")

    def _passed(self) -> int:
        """The wall clock, but one that is set forward is followed only when it has stayed so for twice
        the window of service time: one that is wrong for a while must not make us forget nonces whose
        dates count again when it is right."""
        wall, at = self._clock.wall(), self._clock.now()
        if self._looked is None:
            self._looked, self._ahead_since = (wall, at), at
        passed, since = self._looked
        least = passed + at - since
        if wall - least <= STEP_MS or at - self._ahead_since > 2 * self.seconds * 1000:
            least, self._ahead_since = max(passed, wall), at
        self._looked = least, at
        return least


class Nonces:
    """The nonces that were used, each until its request's date has left the window (at most twice
    the window after it came), because from then on the date refuses a replay.

    Bounded: above `count_max` the bucket that expires first is forgotten as a whole, and a replay
    from it would be taken; that is logged. A bucket is an eighth of the window. Only owners of a key
    can fill it. A nonce is kept as a 64-bit hash with a secret key, so a stranger's nonce is mistaken
    for a used one at most once in 10^13 requests. With `kept` they are known after a restart.
    """

    def __init__(self, window_seconds: int, count_max: int, kept: KeptNonces | None = None) -> None:
        self._kept = kept
        self._mark = hash if kept is None else kept.mark
        self._loaded = kept is None
        self._bucket_ms = max(1, window_seconds * 1000 // BUCKETS)
        self._count_max = count_max
        self._buckets: dict[int, set[int]] = {}
        self._count = 0
        self._first = 0  # no bucket before this one is kept

    def __len__(self) -> int:
        return self._count

    def take(self, key: bytes, expires_at: int, now: int) -> bool:
        """Whether it is new; then it is remembered. expires_at, now: ms."""
        self._expire(now // self._bucket_ms)
        mark = self._mark(key)
        for bucket in self._buckets.values():
            if mark in bucket:
                return False
        if self._count >= self._count_max:
            self._forget_first()
        index = expires_at // self._bucket_ms
        self._buckets.setdefault(index, set()).add(mark)
        self._count += 1
        if self._kept is not None:
            self._kept.add(index, mark)
        return True

    def _expire(self, first: int) -> None:
        if first <= self._first:
            return
        self._first = first
        if self._kept is not None and not self._loaded:
            self._loaded = True
            self._buckets = self._kept.load(first)
            self._count = sum(map(len, self._buckets.values()))
        for index in [index for index in self._buckets if index < first]:
            self._forget(index)

    def _forget(self, index: int) -> int:
        gone = len(self._buckets.pop(index))
        self._count -= gone
        if self._kept is not None:
            self._kept.drop(index)
        return gone

    def _forget_first(self) -> None:
        gone = self._forget(min(self._buckets))
        log.warning(
            "%d nonces of signed requests were forgotten before their time, because %d are kept at "
            "most: until their dates leave the window, these requests could be replayed.",
            gone,
            self._count_max,
        )


@kept(bytes_max=DATE_BYTES_MAX)
def read_iso(text: bytes) -> int | None:
    """ms of `2026-01-02T03:04:05Z` (ACS3); None: no such date."""
    return _instant(*map(int, found.groups())) if (found := _ISO.fullmatch(text)) else None


@kept(bytes_max=DATE_BYTES_MAX)
def read_basic(text: bytes) -> int | None:
    """ms of `20260102T030405Z` (SDK-HMAC-SHA256); None: no such date."""
    return _instant(*map(int, found.groups())) if (found := _BASIC.fullmatch(text)) else None


@kept(bytes_max=DATE_BYTES_MAX)
def read_http(text: bytes) -> int | None:
    """ms of `Fri, 02 Jan 2026 03:04:05 GMT` (FC); None: no such date."""
    if (found := _HTTP.fullmatch(text)) is None:
        return None
    day, month, year, *rest = found.groups()
    return _instant(int(year), _MONTHS.index(month) + 1, int(day), *map(int, rest))


def write_iso(ms: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000)).encode()


def write_basic(ms: int) -> bytes:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(ms // 1000)).encode()


def write_http(ms: int) -> bytes:
    """Not with strftime: names of days are the machine's language there."""
    at = time.gmtime(ms // 1000)
    month = _MONTHS[at.tm_mon - 1].decode()
    clock = time.strftime("%H:%M:%S", at)
    return f"{_DAYS[at.tm_wday]}, {at.tm_mday:02d} {month} {at.tm_year} {clock} GMT".encode()


def _instant(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        return None


def _iso(ms: int) -> str:
    try:
        return write_iso(ms).decode()
    except (OverflowError, ValueError, OSError):  # an expiry may be any number
        return f"{ms} ms"
