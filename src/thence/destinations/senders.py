"""The senders of all kinds in one place: picks the one of a destination, never raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from msgspec.structs import asdict

from ..catalog.destination import NOT_INSTALLED, UnknownDestination, described
from ..errors import StartupError
from ..lifecycle.ids import format_id
from ..store.records import Call, MailboxPut
from .interface import Kind, Parcel, Resources, Sender, Sent

log = logging.getLogger("thence.destinations")


class Senders:
    """Sends any parcel with the sender of its destination's kind. Raises StartupError where a kind
    cannot make its sender."""

    def __init__(self, resources: Resources, kinds: Sequence[Kind]) -> None:
        self._senders = {kind.destination: _make(kind, resources) for kind in kinds}
        self._hung_seconds = resources.timeout_seconds * 2
        self._local = {word for kind in kinds for word in kind.local}

    async def send(self, parcel: Parcel) -> Sent:
        """One attempt. Never raises (but for the cancellation of its task)."""
        destination = parcel.destination
        if isinstance(destination, UnknownDestination):
            return Sent(False, error=destination.sentence(), reason=NOT_INSTALLED)
        sender = self._senders.get(type(destination))
        if sender is None:
            text = f"No sender is installed for a {type(destination).__name__}."
            return Sent(False, error=text, reason=NOT_INSTALLED)
        try:
            # (A sender has a limit of its own; one that hangs shall not hold its place for ever.)
            async with asyncio.timeout(self._hung_seconds):
                return _answer(await sender.send(parcel))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return self._mistake(parcel, error)  # of something inside the sender, and not of us
        except OSError as error:  # the receiver's, whatever the sender left to us
            return Sent(
                False,
                again=True,
                error=f"Sending failed: {error.strerror or type(error).__name__}.",
            )
        except Exception as error:  # a sender's mistake must not stop the deliveries of others
            return self._mistake(parcel, error)

    def _mistake(self, parcel: Parcel, error: BaseException) -> Sent:
        id, destination = format_id(parcel.delivery_id), described(parcel.destination)
        log.exception("sending delivery %s to %s failed", id, destination)
        text = f"Sending failed inside the service ({type(error).__name__}); see its log."
        return Sent(False, again=True, error=text)

    def place(self, parcel: Parcel) -> MailboxPut | Call | None:
        """What the commit that owes the parcel puts or calls; None: make an attempt. Never raises."""
        place = getattr(self._senders.get(type(parcel.destination)), "place", None)
        if place is None:
            return None
        try:
            made: MailboxPut | Call | None = place(parcel)
        except Exception:  # its attempt meets the same mistake, and records it
            log.exception("placing delivery %s failed", format_id(parcel.delivery_id))
            return None
        return made

    def local(self, receiver: str) -> bool:
        """Whether deliveries to that receiver stay within this store."""
        return receiver.partition(":")[0] in self._local

    async def close(self) -> None:
        """Close every sender; one that fails to close does not keep the others open."""
        for sender in self._senders.values():
            try:
                await sender.close()
            except Exception:  # closing goes on: what is left open ends with the process
                log.exception("closing %s failed", type(sender).__name__)


def _answer(sent: Any) -> Sent:
    """As it may be recorded. Raises TypeError where a sender answers something else."""
    fields: dict[str, Any] = asdict(sent) if isinstance(sent, Sent) else {}
    wait = fields.get("retry_after_seconds")
    if not (
        isinstance(fields.get("status"), int)
        and isinstance(fields.get("error"), str)
        and isinstance(fields.get("reason"), str)
        and (wait is None or (isinstance(wait, int | float) and wait >= 0))
    ):
        raise TypeError(f"a sender answers a Sent with fields of its types, not {sent!r:.200}")
    answer: Sent = sent
    return answer


def _make(kind: Kind, resources: Resources) -> Sender:
    try:
        return kind.make(resources)
    except Exception as error:  # whatever a foreign package does
        raise StartupError(
            f"The destination {', '.join(kind.written)} cannot be used: its sender cannot be made "
            f"({type(error).__name__}: {error}). Repair or remove the package that brings it.",
        ) from error
