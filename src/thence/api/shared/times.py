"""Times as requests say them."""

from __future__ import annotations

from datetime import UTC, datetime

from ...errors import InvalidInput

TIME_MIN_MS = 946_684_800_000  # the year 2000


def read_time(name: str, text: str) -> int:
    """ms since the epoch from RFC 3339 (`2026-01-02T03:04:05Z`) or from ms. Raises InvalidInput, also
    for what lies before TIME_MIN_MS: those are seconds, or a slip."""
    ms = any_time(name, text)
    if ms < TIME_MIN_MS:
        given = "seconds since 1970 are" if text.isdecimal() else "it is"
        raise InvalidInput(
            f"{name}: {text[:60]!r} lies before the year 2000; {given} not taken. Write "
            "2026-01-02T03:04:05Z or milliseconds since 1970.",
            field=name,
            value=text[:60],
            limit="2000-01-01T00:00:00Z",
        )
    return ms


def any_time(name: str, text: str) -> int:
    """See read_time; of any year."""
    if text.isascii() and text.isdecimal() and len(text) <= 15:
        return int(text)
    try:
        # A "+" of an offset arrives as a blank when the caller did not escape it.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{name}: {text[:60]!r} is not a time; write 2026-01-02T03:04:05Z or milliseconds since "
            "1970.",
            field=name,
            value=text[:60],
        ) from None
