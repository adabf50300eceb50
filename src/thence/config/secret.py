"""A text that is not shown, and what every setting says of itself."""

from __future__ import annotations

import hmac
from typing import Any

from msgspec import Meta


class Secret:
    """A text that no repr, log or traceback shows; `reveal()` gives it to the one who needs it."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def matches(self, text: str) -> bool:
        """Whether `text` is the secret, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(self._text.encode(), text.encode("utf-8", "surrogatepass"))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret('…')" if self._text else "Secret('')"


def about(text: str, **limits: Any) -> Meta:
    """The description and the limits of a setting, for its annotation."""
    return Meta(description=text, **limits)
