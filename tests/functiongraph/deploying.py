"""What the tests of functions send."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

SOURCE = b"def handler(event, context):\n    return event\n"


def archive(source: bytes = SOURCE) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as found:
        found.writestr(zipfile.ZipInfo("index.py"), source)
    return data.getvalue()


def code(data: bytes) -> dict[str, str]:
    return {"file": base64.b64encode(data).decode()}


def body(name: str = "f", **more: Any) -> dict[str, Any]:
    """Of a function to be created; a field that is None is left out."""
    fields = {
        "func_name": name,
        "package": "default",
        "runtime": "Python3.10",
        "timeout": 30,
        "handler": "index.handler",
        "memory_size": 128,
        "code_type": "zip",
        "func_code": code(archive()),
    } | more
    return {key: value for key, value in fields.items() if value is not None}
