"""lines: records are appended to a file, one a line, each after its HMAC-SHA256 where there is a key.

lines:/var/log/records.jsonl
{"type": "lines", "path": "/var/log/records.jsonl", "key": "…"}
"""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Any

from thence.destinations.interface import (
    HIDDEN,
    Destination,
    Kind,
    Parcel,
    Sent,
    hidden,
    refused,
    text_field,
)


class LinesDestination(Destination, frozen=True, tag="lines"):
    path: str
    key: str = ""

    def receiver(self) -> str:
        return f"lines:{self.path}"

    def describe(self) -> str:
        return f"lines:{self.path}"

    def shown(self) -> Any:
        if not self.key:
            return self.describe()
        return {"type": "lines", "path": self.path, "key": HIDDEN}


def _from_text(text: str, where: str) -> LinesDestination:
    return _made(text.partition(":")[2], "", where)


def _from_object(data: dict[str, Any], where: str) -> LinesDestination:
    key = text_field(data, "key", where, "")
    if key == HIDDEN:
        raise hidden(f"{where}.key")
    return _made(text_field(data, "path", where), key, f"{where}.path")


def _made(path: str, key: str, where: str) -> LinesDestination:
    """where: the field that has the path."""
    if not path.startswith("/"):
        raise refused(where, f"{path[:200]!r} is no absolute path.", value=path[:200])
    return LinesDestination(path, key)


class LinesSender:
    async def send(self, parcel: Parcel) -> Sent:
        to = parcel.destination
        assert isinstance(to, LinesDestination)
        signature = hmac.digest(to.key.encode(), parcel.record, "sha256").hex() if to.key else ""
        line = f"{signature} ".lstrip().encode() + parcel.record + b"\n"
        try:
            await asyncio.to_thread(_append, to.path, line)
        except FileNotFoundError:
            return Sent(False, error=f"{to.path}: its folder is not there.", reason="rejected")
        except OSError as error:
            return Sent(False, again=True, error=f"{to.path}: {error.strerror}.")
        return Sent(True, status=200)

    async def close(self) -> None:
        """Nothing is held."""


def _append(path: str, line: bytes) -> None:
    with Path(path).open("ab") as file:
        file.write(line)


KIND = Kind(
    destination=LinesDestination,
    make=lambda resources: LinesSender(),
    written=("lines:/PATH",),
    read_text=_from_text,
    read_object=_from_object,
)
