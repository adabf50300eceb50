"""Finding the route of a raw path, segment by segment.

Vendors' SDKs percent-encode what they put into a path (`%2F`, `%3A`), so a path is split before it
is decoded: one segment of the wire is one name, whatever is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

T = TypeVar("T")
SEGMENTS_MAX = 64


def split(raw_path: bytes) -> list[str] | None:
    """The decoded segments of a path without its leading slash; None where one is not UTF-8, is
    `.` or `..`, or holds a control character, or there are too many."""
    raw = raw_path.removeprefix(b"/").split(b"/")
    if len(raw) > SEGMENTS_MAX:
        return None
    found: list[str] = []
    for part in raw:
        try:
            text = unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            return None
        if text in (".", "..") or any(character < " " or character == "\x7f" for character in text):
            return None
        found.append(text)
    return found


class Segments(Generic[T]):
    """Templates such as `/functions/{name}/code`. Fixed words go before names; `{rest*}` at the end
    takes all segments that follow, also none."""

    def __init__(self, routes: Iterable[tuple[str, str, T]]) -> None:
        self._root = _Node[T]()
        for method, template, value in routes:
            self._add(method, template, value)

    def _add(self, method: str, template: str, value: T) -> None:
        node, names = self._root, []
        for part in template.strip("/").split("/"):
            if part.endswith("*}"):
                names.append(part[1:-2])
                node.rest = node = node.rest or _Node()
            elif part.startswith("{"):
                names.append(part[1:-1])
                node.name = node = node.name or _Node()
            else:
                node = node.words.setdefault(part, _Node())
        if method in node.methods:
            raise ValueError(f"{method} {template} is there twice")
        node.methods[method] = (tuple(names), value)

    def find(self, segments: list[str]) -> tuple[dict[str, tuple[tuple[str, ...], T]], list[str]]:
        """The methods of the route of that path, by name, and the values of its names in order;
        no methods where there is no such route."""
        found = self._walk(self._root, segments, 0, [])
        return found if found is not None else ({}, [])

    def _walk(
        self, node: _Node[T], segments: list[str], at: int, values: list[str]
    ) -> tuple[dict[str, tuple[tuple[str, ...], T]], list[str]] | None:
        if at == len(segments):
            if node.methods:
                return node.methods, values
            return (node.rest.methods, [*values, ""]) if node.rest is not None else None
        word = node.words.get(segments[at])
        if word is not None:
            found = self._walk(word, segments, at + 1, values)
            if found is not None:
                return found
        if node.name is not None and segments[at]:
            found = self._walk(node.name, segments, at + 1, [*values, segments[at]])
            if found is not None:
                return found
        if node.rest is not None:
            return node.rest.methods, [*values, "/".join(segments[at:])]
        return None


class _Node(Generic[T]):
    __slots__ = ("methods", "name", "rest", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node[T]] = {}
        self.name: _Node[T] | None = None
        self.rest: _Node[T] | None = None
        self.methods: dict[str, tuple[tuple[str, ...], T]] = {}
