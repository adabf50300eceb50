"""Unpacks a ZIP archive and answers what is in it: `handler` gets the archive's bytes."""

import hashlib
import io
import zipfile
from typing import Any

BYTES_MAX = 64 * 1024 * 1024


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """`{"files": [{"name", "bytes", "sha256"}], "bytes": total}`.

    An archive that is no ZIP file, or whose content does not fit its checksums, raises BadZipFile.
    """
    files = []
    total = 0
    with zipfile.ZipFile(io.BytesIO(event)) as archive:
        if sum(member.file_size for member in archive.infolist()) > BYTES_MAX:
            raise ValueError(f"the archive unpacks to more than {BYTES_MAX} bytes")
        for member in archive.infolist():
            content = archive.read(member)  # checks the member's CRC
            total += len(content)
            digest = hashlib.sha256(content).hexdigest()
            files.append({"name": member.filename, "bytes": len(content), "sha256": digest})
            context.logger.info("unpacked %s, %d bytes", member.filename, len(content))
    return {"files": files, "bytes": total}
