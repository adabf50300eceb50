"""Numbers as people read them: time spans, sizes, instants."""

from __future__ import annotations

import time
from typing import Any


def span(seconds: float | None) -> str:
    """A time span for people: `0.4 ms`, `350 ms`, `4.2 s`, `3 m 20 s`, `5 h 10 m`, `2 d 3 h`."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.{1 if 0 < seconds < 0.01 else 0}f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return _two_units(seconds, 60, "m", 1, "s")
    if seconds < 86_400:
        return _two_units(seconds, 3600, "h", 60, "m")
    return _two_units(seconds, 86_400, "d", 3600, "h")


def _two_units(seconds: float, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = int(seconds % large // small)
    return f"{int(seconds // large)} {large_name}" + (f" {rest} {small_name}" if rest else "")


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return ""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"


def instant(text: Any) -> str:
    """An instant of the service (ISO 8601, UTC) as people read it: `2026-01-02 03:04:05.678`. For
    columns, whose heads say that it is UTC."""
    return "" if not text else str(text).replace("T", " ").removesuffix("Z")


def ms_utc(ms: int) -> str:
    """Milliseconds since 1970 as people read them: `2026-01-02 03:04:05 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(ms / 1000))


def instant_utc(text: Any) -> str:
    """The same where it stands alone: `2026-01-02 03:04:05.678 UTC`."""
    return f"{instant(text)} UTC" if text else ""
