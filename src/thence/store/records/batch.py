"""One group of changes, and what became of it."""

from __future__ import annotations

from msgspec import Struct, field

from .deliveries import ClaimedDeliveries, DeliveryClaim, DeliveryResult
from .endings import End, Settle, StopMark
from .invocations import Accepted, Claim, Claimed, NewInvocation
from .mailbox import MailboxPut
from .transitions import JournalEntry


class Batch(Struct):
    """One group of changes: one transaction, applied in the order of the fields below."""

    accepts: list[NewInvocation] = field(default_factory=list)
    settles: list[Settle] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    stops: list[StopMark] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    delivery_results: list[DeliveryResult] = field(default_factory=list)
    delivery_claims: list[DeliveryClaim] = field(default_factory=list)
    mailbox: list[MailboxPut] = field(default_factory=list)


class Committed(Struct):
    """What became of a batch: lists parallel to the batch's own."""

    accepts: list[Accepted]
    settles: list[bool]  # False: another attempt owns the invocation now; nothing was changed
    ends: list[bool]  # False: it was not waiting any more
    stops: list[bool]  # False: that attempt is not running any more
    claims: list[list[Claimed]]
    delivery_results: list[bool]  # False: the delivery is not pending any more
    delivery_claims: list[ClaimedDeliveries]
    entry: JournalEntry | None  # the transitions of this commit, in order; None if there were none
