"""`logging` in a vendor's way: every record of every logger is a line that begins with its instant
and the id of the run that wrote it."""

from __future__ import annotations

import logging
import sys
import time


class Lines(logging.Formatter):
    """`pattern` is %-style and may name `request_id`. `milliseconds`: in the instant."""

    def __init__(
        self, pattern: str, *, milliseconds: bool, line_bytes_max: int | None = None
    ) -> None:
        super().__init__(pattern)
        self.request_id = ""
        self._milliseconds = milliseconds
        self._line_bytes_max = line_bytes_max

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{text}.{int(record.msecs):03d}Z" if self._milliseconds else f"{text}Z"

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = self.request_id
        line = super().format(record)
        limit = self._line_bytes_max
        if limit is not None and len(line) * 4 > limit:
            return line.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
        return line

    def install(self) -> None:
        """For the root logger, from INFO on."""
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(self)
        root = logging.getLogger()
        root.addHandler(handler)
        root.setLevel(logging.INFO)
