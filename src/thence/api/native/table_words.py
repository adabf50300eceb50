"""What several routes of the native door have: parameters, headers, media types."""

from __future__ import annotations

from ...lifecycle.policy import DELAY_SECONDS_MAX
from ..shared.rest.parameter import CURSOR, FUNCTION, LIMIT, SINCE, UNTIL, Parameter
from .filters import REASONS

ANY = "*/*"  # what was sent, or what the function returned: JSON mostly
JSON = "application/json"
QUALIFIER = Parameter("qualifier", "text", "Version or alias that is called; else `latest`.")
CHECK = Parameter(
    "check",
    "flag",
    "Load the code once, and refuse it where that fails; false: deploy it as it is.",
    True,
)
REASON = Parameter("reason", "text", "Only with that reason.", choices=REASONS)
TRACEPARENT = ("traceparent", "W3C trace context, kept with the invocation and passed on.")
LINEAGE = ("Thence-Lineage", "Sent by webhooks: a chain that leads back here ends after 16 hops.")
KEY = ("Idempotency-Key", "The same key with the same body is accepted once (1 to 255 characters).")
DELAY = (
    "Thence-Delay-Seconds",
    f"Start no earlier than this many seconds from now; 0 to {DELAY_SECONDS_MAX} (30 days).",
)
CONTENT_TYPE = ("Content-Type", "Kept with the payload and answered with it.")
PREFER = (
    "Prefer",
    "`wait=N`: answer 200 with the ended invocation if it ends within N seconds, else 202.",
)
FILTERS = (FUNCTION, REASON, SINCE, UNTIL, LIMIT, CURSOR)
