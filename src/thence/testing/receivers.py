"""Receivers of webhooks without a network: each answers as scripted and keeps what it got."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ..clock import Clock
from ..destinations.http.post import AGAIN
from ..destinations.interface import Parcel, Sent
from ..destinations.webhook import WebhookDestination
from ..lifecycle.ids import format_id

FOREVER = float("inf")


class Received(Struct):
    """One try as the receiver saw it. at: ms. status: what it answered, 0 for nothing."""

    at: int
    status: int
    delivery: str
    attempt: int
    record: dict[str, Any]


class Receiver:
    """One webhook's other end. It answers 200 until told otherwise."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self._clock = clock
        self._statuses: list[int] = []
        self._down_until: float = 0.0
        self._retry_after: float | None = None
        self.tries: list[Received] = []
        """Every try, also those that were answered with an error."""

    @property
    def got(self) -> list[dict[str, Any]]:
        """The records that it took (answered 2xx), in order."""
        return [attempt.record for attempt in self.tries if 200 <= attempt.status < 300]

    def down(self, seconds: float = FOREVER) -> None:
        """Nobody answers for so long (in virtual time), then it is up again."""
        self._down_until = self._clock.now() + seconds * 1000

    def up(self) -> None:
        """It answers again."""
        self._down_until = 0.0

    def answers(self, *statuses: int, retry_after_seconds: float | None = None) -> None:
        """The statuses of its next answers, one a try; after them 200 again. 0: no answer."""
        self._statuses = list(statuses)
        self._retry_after = retry_after_seconds

    def take(self, parcel: Parcel) -> Sent:
        now = self._clock.now()
        status = 0 if now < self._down_until else self._statuses.pop(0) if self._statuses else 200
        self.tries.append(
            Received(
                now,
                status,
                format_id(parcel.delivery_id),
                parcel.attempt,
                msgspec.json.decode(parcel.record),
            )
        )
        return self._meaning(status)

    def _meaning(self, status: int) -> Sent:
        """As destinations/http/post.py reads an answer."""
        if 200 <= status < 300:
            return Sent(True, status=status)
        if status == 0:
            return Sent(False, again=True, error=f"{self.url}: no connection.")
        again = status >= 500 or status in AGAIN
        return Sent(
            False,
            again=again,
            status=status,
            error=f"{self.url} answered {status}.",
            retry_after_seconds=self._retry_after if status in (429, 503) else None,
            reason="" if again else "gone" if status == 410 else "rejected",
        )


class Receivers:
    """All of them, by URL without its query; a Sender for webhooks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._receivers: dict[str, Receiver] = {}

    def at(self, url: str) -> Receiver:
        parts = urlsplit(url)
        name = f"{parts.scheme}://{parts.netloc}{parts.path}"
        if name not in self._receivers:
            self._receivers[name] = Receiver(name, self._clock)
        return self._receivers[name]

    async def send(self, parcel: Parcel) -> Sent:
        destination = parcel.destination
        assert isinstance(destination, WebhookDestination)
        return self.at(destination.url).take(parcel)

    async def close(self) -> None:
        """Nothing is held."""
