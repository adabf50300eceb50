"""placeholder"""

from __future__ import annotations
from typing import Any


class Metrics:
    def __init__(self, engine: Any, notices: Any, clock: Any, *, version: str) -> None: ...
