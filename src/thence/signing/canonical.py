"""Reading headers, queries and lists of signed headers in the one way that can be signed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .interface import Headers, Refused
from .kept import kept

SIGNED_HEADERS_BYTES_MAX = 4096
KEPT_LIST_BYTES_MAX = 512  # read, it takes up to 60 times that
ACCESS_KEY_ID_BYTES_MAX = 128
_NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+(?:;[!#$%&'*+.^_`|~0-9a-z-]+)*")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_ONE_PLAIN_PAIR = re.compile(rb"[A-Za-z0-9_.~-]+=[A-Za-z0-9_.~-]*")


def single(headers: Headers) -> tuple[dict[bytes, bytes], Collection[bytes]]:
    """The headers by name, and the names that came more than once."""
    found = dict(headers)
    if len(found) == len(headers):
        return found, ()
    seen: set[bytes] = set()
    doubled: set[bytes] = set()
    for name, _ in headers:
        (doubled if name in seen else seen).add(name)
    return found, doubled


def authorization(found: dict[bytes, bytes], doubled: Collection[bytes], scheme: bytes) -> bytes:
    """What follows the scheme's word. Raises Refused: "missing", "malformed", "algorithm"."""
    text = found.get(b"authorization")
    if text is None:
        raise Refused("missing", f"authorization: the header is missing; sign with {_text(scheme)}")
    if b"authorization" in doubled:
        raise Refused("malformed", "authorization: there is more than one; send one")
    word, _, rest = text.partition(b" ")
    if word != scheme:
        raise Refused(
            "algorithm", f"authorization: {_text(word)[:40]!r} is not taken; use {_text(scheme)}"
        )
    return rest.strip(b" ")


def credential(text: bytes, id_label: bytes) -> tuple[bytes, bytes, bytes]:
    """Access key id, list of signed headers and signature of `ID=…,SignedHeaders=…,Signature=…`,
    where a space may follow a comma. id_label: the first word with its `=`.

    Raises Refused ("malformed")."""
    access_key_id, _, rest = text.partition(b",")
    listed, _, signature = rest.partition(b",")
    listed = listed.removeprefix(b" ")
    signature = signature.removeprefix(b" ")
    if (
        access_key_id.startswith(id_label)
        and listed.startswith(b"SignedHeaders=")
        and signature.startswith(b"Signature=")
        and len(signature) == 74
    ):
        access_key_id = access_key_id[len(id_label) :]
        if 0 < len(access_key_id) <= ACCESS_KEY_ID_BYTES_MAX:
            return access_key_id, listed[14:], signature[10:]
    raise Refused(
        "malformed",
        f"authorization: it must be {_text(id_label)}ID,SignedHeaders=a;b;c,Signature=64 hex "
        f"digits, with an ID of at most {ACCESS_KEY_ID_BYTES_MAX} bytes",
    )


class Signed(NamedTuple):
    """A list of signed headers, read."""

    names: tuple[bytes, ...]
    known: frozenset[bytes]
    parts: list[bytes]
    """`name:`, room for the value, a line feed; and so on."""
    values: Callable[[dict[bytes, bytes]], tuple[bytes, ...]]
    """The headers' values, in the same order."""

    def lines(self, found: dict[bytes, bytes]) -> bytes:
        """What header_lines gives, at a third of its cost."""
        try:
            values = self.values(found)
        except KeyError:
            return header_lines(self.names, found)  # which says what is missing
        parts = self.parts.copy()
        parts[1::3] = [value.strip(b" \t") for value in values]
        return b"".join(parts)


@kept(bytes_max=KEPT_LIST_BYTES_MAX)  # a client sends the same few lists for ever
def _signed(text: bytes) -> Signed | None:
    if len(text) > SIGNED_HEADERS_BYTES_MAX or _NAMES.fullmatch(text) is None:
        return None
    names = tuple(text.split(b";"))
    known = frozenset(names)
    if names != tuple(sorted(known)):
        return None
    parts = [part for name in names for part in (name + b":", b"", b"\n")]
    # Of one name itemgetter gives the value itself: some signers list the date only.
    values = itemgetter(*names) if len(names) > 1 else lambda found: (found[names[0]],)
    return Signed(names, known, parts, values)


def signed_headers(
    text: bytes,
    found: dict[bytes, bytes],
    doubled: Collection[bytes],
    required: frozenset[bytes],
    guarded: tuple[bytes, ...],
) -> Signed:
    """The list `a;b;c` of signed headers. Each is there, once; `required` are among them, and so is
    every header of the request whose name begins like one of `guarded`. Raises Refused."""
    signed = _signed(text)
    if signed is None:
        raise Refused(
            "malformed",
            "SignedHeaders: it must be names in lower case, sorted, each once, with ';' between, "
            f"of at most {SIGNED_HEADERS_BYTES_MAX} bytes",
        )
    known = signed.known
    if not required <= known:
        name = _text(min(required - known))
        raise Refused("header", f"{name}: this header must be there and be signed", header=name)
    for name_bytes in found.keys() - known:
        if name_bytes.startswith(guarded):
            name = _text(name_bytes)
            raise Refused("header", f"{name}: this header is not signed; sign it", header=name)
    for name_bytes in doubled:
        if name_bytes in known:
            raise _twice(name_bytes)
    return signed


def header_lines(names: Collection[bytes], found: dict[bytes, bytes]) -> bytes:
    """`name:value` and a line feed for each. Raises Refused ("header") for one that is missing."""
    try:
        return b"".join([b"%s:%s\n" % (name, found[name].strip(b" \t")) for name in names])
    except KeyError as error:
        name = _text(error.args[0])
        raise Refused(
            "header", f"{name}: it is said to be signed but is not there", header=name
        ) from None


def prefixed(
    found: dict[bytes, bytes], doubled: Collection[bytes], prefix: bytes, once: tuple[bytes, ...]
) -> list[bytes]:
    """The names of the request's headers with that prefix, sorted; they and `once` come once."""
    names = sorted(name for name in found if name.startswith(prefix))
    for name in doubled:
        if name in once or name.startswith(prefix):
            raise _twice(name)
    for name in names:
        if _NAME.fullmatch(name) is None:
            raise Refused("malformed", f"{_text(name)[:64]!r} is not the name of a header")
    return names


def pairs(query: bytes) -> list[tuple[bytes, bytes | None]]:
    """A form's names and values, decoded, in their order; None: a name without `=`."""
    found: list[tuple[bytes, bytes | None]] = []
    for part in query.split(b"&"):
        if part:
            name, equals, value = part.replace(b"+", b" ").partition(b"=")
            found.append((unquote_to_bytes(name), unquote_to_bytes(value) if equals else None))
    return found


def encoded(text: bytes) -> bytes:
    """RFC 3986: everything but `A-Z a-z 0-9 - _ . ~` as %XX; a space is %20."""
    return quote_from_bytes(text, safe="~").encode()


def sorted_query(query: bytes, by_value: bool = False) -> bytes:
    """A query decoded as a form, sorted by name and encoded again; `name=` where there is no value.

    Values of one name keep their order, unless `by_value`: then these are sorted, too.
    """
    if not query or _ONE_PLAIN_PAIR.fullmatch(query):
        return query
    found = [(name, value or b"") for name, value in pairs(query)]
    if by_value:
        found.sort()
    else:
        found.sort(key=_name)
    return b"&".join([b"%s=%s" % (encoded(name), encoded(value)) for name, value in found])


def check_lines(text: bytes, lines: int) -> bytes:
    """The text that is signed has that many line feeds. More: a value holds one, and the same
    signature would fit another request. Raises Refused ("malformed")."""
    if text.count(b"\n") != lines:
        raise Refused("malformed", "a line feed in the path, the query or a header is not taken")
    return text


def _name(pair: tuple[bytes, bytes]) -> bytes:
    return pair[0]


def _twice(name: bytes) -> Refused:
    return Refused(
        "header", f"{_text(name)}: it came more than once; send it once", header=_text(name)
    )


def _text(name: bytes) -> str:
    return name.decode("latin-1")
