"""What the record of one delivery is made of: all that a record builder gets. Pure."""

from __future__ import annotations

import base64
from typing import Final, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from ..catalog.destination import Destination
from ..store.records import InvocationView


class BodyGone(Exception):
    """A body is needed whole and its retention has ended. The text is a sentence."""


class Source(Struct):
    """A finished invocation, its bodies, and what the service is called.

    payload, result: None where there is none or it is no longer kept; the view's sizes tell which.
    The number of retries is `view.attempt - 1` at most; the attempt with which it ended is
    `view.final_attempt`.
    """

    view: InvocationView
    payload: bytes | None
    result: bytes | None
    condition: str  # "success" or "failure": which ending the destination was configured for
    delivery_id: str  # as text
    destination: Destination
    preview_bytes_max: int  # native form: a body of more bytes is given as a preview
    account_id: str = ""
    region: str = ""

    @property
    def succeeded(self) -> bool:
        return self.condition == "success"

    def payload_text(self) -> Text:
        """The whole payload as text. Raises BodyGone."""
        return _text("payload", self.payload, self.view.payload_bytes)

    def result_text(self) -> Text:
        """The whole result as text, empty where there is none. Raises BodyGone."""
        return _text("result", self.result, self.view.result_bytes or 0)


BASE64: Final = "base64"


class Text(NamedTuple):
    """A body as text. `encoding`: BASE64 where the text is not the body itself; then a field beside
    it says so. It is absent otherwise, so that nobody meets it who sends text."""

    text: str
    encoding: str | UnsetType = UNSET


def as_text(body: bytes) -> Text:
    """UTF-8 as it is; other bytes in base64, so that nothing is lost where only text fits."""
    try:
        return Text(body.decode())
    except UnicodeDecodeError:
        return Text(base64.b64encode(body).decode(), BASE64)


def _text(which: str, body: bytes | None, size: int) -> Text:
    if body is None and size:
        raise BodyGone(
            f"The retention of the {which} ({size} bytes) has ended, and this form of a record has "
            "no way to say so."
        )
    return as_text(body or b"")
