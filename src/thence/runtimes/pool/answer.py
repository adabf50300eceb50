"""One answer of an instance, as the pool takes it."""

from __future__ import annotations

from msgspec import Struct

from ..interface import Run
from ..wire import frames

_ERROR_BYTES_MAX = (
    frames.ERROR_TYPE_BYTES_MAX,
    frames.ERROR_MESSAGE_BYTES_MAX,
    frames.ERROR_STACK_BYTES_MAX,
)


class Answer(Struct, gc=False):
    """One answer with the run that it belongs to (None: the run was taken back before)."""

    run: Run | None
    handed_at: int  # ms
    kind: int
    flags: int
    began_ns: int
    duration_us: int
    result: bytes
    output: bytes
    error_type: str
    error_message: str
    error_stack: str


def error_texts(data: bytes, at: int, sizes: tuple[int, int, int]) -> list[str]:
    """Type, message and stack, which lie one behind the other from `at` on. Its worker has cut them;
    but code of a function can speak for its worker."""
    texts = []
    for size, most in zip(sizes, _ERROR_BYTES_MAX, strict=True):
        texts.append(data[at : at + min(size, most)].decode("utf-8", "replace"))
        at += size
    return texts
