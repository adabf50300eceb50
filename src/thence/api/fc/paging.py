"""Pages of a list that is in memory, cut by name (reference 2.4). Pure.

A token is the key of the first item of the next page: an item that is deleted or added meanwhile
moves no other one across a page's border.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from .call import Call
from .errors import FcError, invalid

T = TypeVar("T")
Key = tuple[Any, ...]
_encode = msgspec.json.Encoder().encode


def page(
    call: Call, items: Sequence[T], key: Callable[[T], Key], *, descending: bool = False
) -> tuple[list[T], str]:
    """The items of the page that `limit` and `nextToken` ask for, and the token of the next one,
    empty at the end. `items` are in the order of `key`. Raises InvalidArgument."""
    limit = call.limit()
    begin = _begin(call.query.get("nextToken", ""), key(items[0]) if items else None)
    found = [item for item in items if begin is None or _from(key(item), begin, descending)]
    rest = found[limit:]
    return found[:limit], _token(key(rest[0])) if rest else ""


def paged(call: Call, shown: dict[str, Any], token: str) -> dict[str, Any]:
    """`shown` with its nextToken: left out at the end, empty there in the oldest generation
    (reference 4.2)."""
    return {**shown, "nextToken": token} if token or call.old else shown


def _from(key: Key, begin: Key, descending: bool) -> bool:
    return key <= begin if descending else key >= begin


def _token(key: Key) -> str:
    return base64.urlsafe_b64encode(_encode(key)).decode().rstrip("=")


def _begin(token: str, like: Key | None) -> Key | None:
    """The key that a token holds; it must be made as those of this list."""
    if not token:
        return None
    try:
        key = tuple(msgspec.json.decode(base64.b64decode(token + "=" * (-len(token) % 4), b"-_")))
    except (binascii.Error, ValueError, TypeError, msgspec.DecodeError, RecursionError):
        raise _wrong(token) from None
    if like is not None and [type(part) for part in key] != [type(part) for part in like]:
        raise _wrong(token)
    return key


def _wrong(token: str) -> FcError:
    return invalid(f"nextToken: {token[:80]!r} is not a token that this list gave")
