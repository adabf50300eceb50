"""Real ZIP archives, made on the spot: text, tables, a picture; one of them corrupt."""

from __future__ import annotations

import csv
import hashlib
import io
import struct
import zipfile
import zlib
from typing import Any

PICTURE_SIDE = 320


def archives() -> dict[str, bytes]:
    """Archives by file name, every one of them sound."""
    return {
        "letters.zip": pack({"letter.txt": _letter(40), "notes/today.txt": _letter(5)}),
        "figures.zip": pack({"figures.csv": _table(500)}),
        "picture.zip": pack({"sky.png": _picture(PICTURE_SIDE), "about.txt": _letter(2)}),
        "report.zip": pack({"summary.txt": _letter(12), "data/figures.csv": _table(60)}),
        "umlauts.zip": pack({"Grüße.txt": "Grüße, 你好, שלום\n".encode() * 20}),
        "empty-file.zip": pack({"nothing.txt": b"", "something.txt": b"x" * 4096}),
    }


def corrupt(archive: bytes) -> bytes:
    """The same archive with a part of its packed content overwritten."""
    damaged = bytearray(archive)
    start = 80
    damaged[start : start + 64] = bytes(range(64))
    return bytes(damaged)


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def listing(archive: bytes) -> list[dict[str, Any]]:
    """What the function `unzip` must answer for a sound archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        contents = [(member.filename, opened.read(member)) for member in opened.infolist()]
    return [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents
    ]


def _letter(paragraphs: int) -> bytes:
    lines = [
        f"{number}. What is accepted is on disk; what is on disk will be run or reported."
        for number in range(1, paragraphs + 1)
    ]
    return "\n\n".join(lines).encode()


def _table(rows: int) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["day", "calls", "megabytes"])
    for day in range(1, rows + 1):
        writer.writerow([day, day * 17 % 251, f"{day * 3.7 % 97:.2f}"])
    return text.getvalue().encode()


def _picture(side: int) -> bytes:
    """A PNG of side × side pixels, grey to blue, with a grain that does not compress away."""
    rows = bytearray()
    grain = 1
    for y in range(side):
        rows.append(0)  # this row is not filtered
        for x in range(side):
            grain = (grain * 1_103_515_245 + 12_345) & 0x7FFFFFFF
            noise = grain >> 26
            rows += bytes((x * 160 // side + noise, y * 160 // side + noise, 180 + noise))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
