"""What an invocation at this door may be: its task id, its delay, what is shown of it."""

from __future__ import annotations

import re

from ...lifecycle.policy import DELAY_SECONDS_MAX
from .errors import FcError, invalid

TASK_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")  # reference 3.1
LOG_TAIL_BYTES = 4096  # reference 3.1
RETURN_PAYLOAD_BYTES_MAX = 1024 * 1024  # reference 5.1
_SECONDS = re.compile(r"[0-9]{1,7}")


def check_task_id(text: str) -> str:
    if TASK_ID.fullmatch(text) is None:
        raise invalid(
            f"taskId: {text[:140]!r} is not valid; a letter or '_', then letters, digits, '_' or "
            "'-', at most 128 characters"
        )
    return text


def read_delay(text: str) -> int:
    """Seconds of `x-fc-async-delay`. The vendor's range ends at 3600; longer ones, up to 30 days,
    are taken as well, because nothing else than a chain of calls could wait so long (reference 16).
    """
    if _SECONDS.fullmatch(text) is None or int(text) > DELAY_SECONDS_MAX:
        raise invalid(
            f"x-fc-async-delay: {text[:40]!r} is not a whole number of seconds from 0 to "
            f"{DELAY_SECONDS_MAX}"
        )
    return int(text)


def choice(what: str, allowed: str, actual: str) -> FcError:
    """The vendor's sentence for a value that is none of the allowed ones (reference 3.1)."""
    return invalid(
        f"{what} is set to an invalid value (allowed: {allowed}, actual: '{actual[:80]}')"
    )
