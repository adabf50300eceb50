"""SQL lives in .sql files beside the driver that runs it: `-- name: x`, a sentence, the statement."""

from __future__ import annotations

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def load(package: str, file: str) -> dict[str, str]:
    """The statements of one .sql file of a package by name."""
    text = resources.files(package).joinpath(file).read_text("utf-8")
    parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
