"""What goes into a store and comes out of it, a file a subject. Instants are ms since the epoch; ids are
128-bit ints."""

from .batch import Batch, Committed
from .counts import FunctionCounts, MinuteCount, merged
from .deliveries import Call, ClaimedDeliveries, DeliveryClaim, DeliveryResult, NewDelivery
from .endings import End, Settle, StopMark
from .files import Tended
from .filters import Filter, ListFilter
from .invocations import Accepted, Body, Claim, Claimed, Lost, Meta, NewInvocation, Waiting
from .mailbox import MAILBOX_PAGE_BYTES, MailboxMessage, MailboxPut
from .transitions import JournalEntry, Transition
from .views import (
    AttemptView,
    DeliveryAttemptView,
    DeliverySource,
    DeliveryView,
    InvocationRow,
    InvocationView,
    Page,
)

__all__ = [
    "MAILBOX_PAGE_BYTES",
    "Accepted",
    "AttemptView",
    "Batch",
    "Body",
    "Call",
    "Claim",
    "Claimed",
    "ClaimedDeliveries",
    "Committed",
    "DeliveryAttemptView",
    "DeliveryClaim",
    "DeliveryResult",
    "DeliverySource",
    "DeliveryView",
    "End",
    "Filter",
    "FunctionCounts",
    "InvocationRow",
    "InvocationView",
    "JournalEntry",
    "ListFilter",
    "Lost",
    "MailboxMessage",
    "MailboxPut",
    "Meta",
    "MinuteCount",
    "NewDelivery",
    "NewInvocation",
    "Page",
    "Settle",
    "StopMark",
    "Tended",
    "Transition",
    "Waiting",
    "merged",
]
