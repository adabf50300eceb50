"""All kinds of destinations in one place: picks the sender, names the lane, never raises.

**To add a kind of destination**: its words (a struct with its own tag, and how text and objects
become one) go to `catalog/destination.py`; its sender is one file here, a class with `send` and
`close` as `interface.py` says; and a `Kind` ties the two together. Those of this package are in
`KINDS`. A package of others names its `Kind` as an entry point of the group `thence.destinations`
and is found at the next start:

    [project.entry-points."thence.destinations"]
    nats = "thence_nats:KIND"
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from ..catalog.destination import (
    MAILBOX_KINDS,
    Destination,
    FunctionDestination,
    MailboxDestination,
    WebhookDestination,
)
from ..descriptors import TRIES_MAX
from ..errors import StartupError
from ..lifecycle.ids import format_id
from ..store.records import Call, MailboxPut
from .addresses import Network
from .function import Accept, FunctionSender
from .interface import Parcel, Sender, Sent
from .mailbox import MailboxSender, Put
from .webhook import TIMEOUT_SECONDS, WebhookSender

log = logging.getLogger("thence.destinations")

GROUP = "thence.destinations"
_PORTS = {"http": 80, "https": 443}


class Doors(Struct):
    """What senders may use of the service and its settings."""

    put: Put  # commits one message to the built-in mailbox
    accept: Accept  # accepts an invocation of a function of this service
    allow_networks: Sequence[Network] = ()  # private networks open to outgoing connections
    timeout_seconds: float = TIMEOUT_SECONDS  # for one try
    tries_max: int = TRIES_MAX  # under way of all receivers


class Kind(Struct, frozen=True):
    """One kind of destination. `lane` answers what deliveries share a limit and a fate: a lane
    that is slow or dead slows no other. `local`: the first words of lanes that stay within this
    store; their senders have `place` too (interface.Placer)."""

    destination: type
    make: Callable[[Doors], Sender]
    lane: Callable[[Any], str]
    local: tuple[str, ...] = ()


def webhook_lane(destination: WebhookDestination) -> str:
    """`webhook:scheme://host:port`: one receiver, whatever the path."""
    parts = urlsplit(destination.url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host.rstrip(".")
    return f"webhook:{parts.scheme}://{shown}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def mailbox_lane(destination: MailboxDestination) -> str:
    return f"{destination.kind}:{destination.name}"


def function_lane(destination: FunctionDestination) -> str:
    return f"function:{destination.name}"


def _webhook(doors: Doors) -> Sender:
    return WebhookSender(
        allow_networks=doors.allow_networks,
        timeout_seconds=doors.timeout_seconds,
        kept_max=doors.tries_max,
    )


KINDS: tuple[Kind, ...] = (
    Kind(WebhookDestination, _webhook, webhook_lane),
    Kind(MailboxDestination, lambda doors: MailboxSender(doors.put), mailbox_lane, MAILBOX_KINDS),
    Kind(
        FunctionDestination,
        lambda doors: FunctionSender(doors.accept),
        function_lane,
        ("function",),
    ),
)


def installed_kinds() -> dict[type, Kind]:
    """The kinds of this package and those that installed packages add, which may replace ours.

    Raises StartupError naming the entry point that cannot be loaded: a destination that silently
    is not there would be found out by lost deliveries.
    """
    kinds = {kind.destination: kind for kind in KINDS}
    for entry in entry_points(group=GROUP):
        try:
            kind = entry.load()
        except Exception as error:  # whatever a foreign package does when it is imported
            raise StartupError(
                f"The destination {entry.name!r} ({entry.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}. Repair or remove the package that brings it.",
                entry_point=entry.name,
            ) from error
        if not isinstance(kind, Kind):
            raise StartupError(
                f"The destination {entry.name!r} ({entry.value}) is a {type(kind).__name__}; it "
                "must be a thence.destinations.senders.Kind.",
                entry_point=entry.name,
            )
        kinds[kind.destination] = kind
    return kinds


class Senders:
    """Sends any parcel with the sender of its destination's type."""

    def __init__(self, doors: Doors, kinds: Mapping[type, Kind] | None = None) -> None:
        self._kinds = dict(installed_kinds() if kinds is None else kinds)
        self._senders = {type_: kind.make(doors) for type_, kind in self._kinds.items()}
        self._local = {word for kind in self._kinds.values() for word in kind.local}

    async def send(self, parcel: Parcel) -> Sent:
        """One try. Never raises (but for the cancellation of its task)."""
        sender = self._senders.get(type(parcel.destination))
        if sender is None:
            text = f"No sender is installed for a {type(parcel.destination).__name__}."
            return Sent(False, error=text, reason="rejected")
        try:
            return await sender.send(parcel)
        except OSError as error:  # the receiver's, whatever the sender left to us
            return Sent(
                False,
                again=True,
                error=f"Sending failed: {error.strerror or type(error).__name__}.",
            )
        except Exception as error:  # a sender's mistake must not stop the deliveries of others
            id, lane = format_id(parcel.delivery_id), self.key_of(parcel.destination)
            log.exception("sending delivery %s to %s failed", id, lane)
            text = f"Sending failed inside the service ({type(error).__name__}); see its log."
            return Sent(False, again=True, error=text)

    def place(self, parcel: Parcel) -> MailboxPut | Call | None:
        """What the commit that owes the parcel puts or calls; None: make a try. Never raises."""
        place = getattr(self._senders.get(type(parcel.destination)), "place", None)
        if place is None:
            return None
        try:
            made: MailboxPut | Call | None = place(parcel)
        except Exception:  # its try meets the same mistake, and records it
            log.exception("placing delivery %s failed", format_id(parcel.delivery_id))
            return None
        return made

    def local(self, key: str) -> bool:
        """Whether deliveries of that lane stay within this store."""
        return key.partition(":")[0] in self._local

    def key_of(self, destination: Destination) -> str:
        """The lane of a destination: `webhook:scheme://host:port`, `queue:name`,
        `function:name`, …"""
        kind = self._kinds.get(type(destination))
        if kind is None:
            return f"unknown:{type(destination).__name__}"
        return kind.lane(destination)

    async def close(self) -> None:
        """Close every sender; one that fails to close does not keep the others open."""
        for sender in self._senders.values():
            try:
                await sender.close()
            except Exception:  # closing goes on: what is left open ends with the process
                log.exception("closing %s failed", type(sender).__name__)
