"""The installed kinds of destinations: configuration becomes a destination by its `type`.

As text, whose first word says the kind, or as an object where more is needed:

    queue:done        {"type": "queue", "name": "done", "record_bytes_max": 65536}

`install()` is called once when a program starts, with the kinds of this package and those that others
bring (destinations/kinds.py). Kinds are code, not state: all of a process know the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Union

import msgspec
from msgspec.structs import fields, replace

from ..bounds import did_you_mean
from ..errors import InvalidInput
from .destination import (
    KIND_TEXT_MAX,
    RECORD_BYTES_MAX,
    RECORD_FIELDS,
    Destination,
    Formed,
    Target,
    UnknownDestination,
    encode_destination,
    number_field,
    refused,
)
from .refusal import refusal

log = logging.getLogger("thence.destinations")

TEXT_SHOWN_MAX = 200
RECEIVER_CHARACTERS_MAX = 4096

Read = Callable[[Any, str], Destination]
"""From what was written and the field's name. Raises InvalidInput naming field, value and rule."""


class Words(Protocol):
    """How one kind is written; destinations.interface.Kind has this shape and says more."""

    @property
    def destination(self) -> type[Destination]: ...
    @property
    def written(self) -> Sequence[str]: ...
    @property
    def types(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def words(self) -> Sequence[str]: ...
    @property
    def read_text(self) -> Read | None: ...
    @property
    def read_object(self) -> Read | None: ...


class Kinds:
    """What the given kinds understand. Where two have the same `type` or first word, the later one
    has it. forms: what records may look like."""

    def __init__(self, kinds: Iterable[Words], forms: Sequence[str] = ("native",)) -> None:
        self._types: dict[str, tuple[Words, Sequence[str]]] = {}
        self._texts: dict[str, Read] = {}
        self._written: dict[str, None] = {}
        self._forms = tuple(forms)
        structs: dict[str, type[Destination]] = {"unknown": UnknownDestination}
        for kind in kinds:
            types = types_of(kind)
            structs[_tag(kind.destination)] = kind.destination
            self._types |= {word: (kind, names) for word, names in types.items()}
            self._written |= dict.fromkeys(kind.written)
            if kind.read_text is not None:
                self._texts |= dict.fromkeys(kind.words or types, kind.read_text)
        union: Any = Union[tuple(structs.values())]  # noqa: UP007 (made of a list)
        self._decoder = msgspec.json.Decoder(union)

    @property
    def types(self) -> dict[str, tuple[str, ...]]:
        """Each `type` with the fields that its objects may have."""
        return {
            word: (*names, *(RECORD_FIELDS if issubclass(kind.destination, Formed) else ()))
            for word, (kind, names) in self._types.items()
        }

    @property
    def written(self) -> str:
        """How a destination is written as text, for sentences."""
        return _either(list(self._written))

    # ------------------------------------------------------------ configuration

    def parse(self, written: Any, where: str = "destination") -> Destination:
        """A checked destination. Raises InvalidInput naming `where`, the value and the rule, also where
        its kind fails with it."""
        try:
            made = self._read(written, where)
            _check_answers(made)
        except InvalidInput:
            raise
        except Exception as error:  # whatever a package of others does
            word = _first_word(written)
            log.exception("the kind %r of destinations failed with a configuration", word)
            raise refused(
                where,
                f"the kind {word!r} of destinations fails with it ({type(error).__name__}; see the "
                "service's log). Repair the package that brings it, or write another destination.",
            ) from error
        return made

    def stored(self, written: Any, where: str = "destination") -> Destination:
        """The same of a configuration that is in the store; what the installed kinds do not take
        (any more) is an UnknownDestination, so that nothing else depends on it. Never raises."""
        try:
            made = self._read(written, where)
            _check_answers(made)
        except Exception as error:  # whatever a package of others does
            word = _first_word(written)
            if word not in self._types and word not in self._texts:
                return UnknownDestination(word, written)
            # (Not the sentence, which may repeat a secret.)
            at = error.fields["field"] if isinstance(error, InvalidInput) else type(error).__name__
            return UnknownDestination(word, written, f"its kind refuses what is configured ({at})")
        return made

    def _read(self, written: Any, where: str) -> Destination:
        if isinstance(written, str):
            return self._from_text(written, where)
        if isinstance(written, dict):
            return self._from_object(written, where)
        raise refused(
            where, "a destination is a text such as 'queue:done' or an object with 'type'."
        )

    def _from_text(self, text: str, where: str) -> Destination:
        word = text.partition(":")[0]
        read = self._texts.get(word)
        if read is None:
            shown, hint = text[:TEXT_SHOWN_MAX], did_you_mean(word, self._texts)
            raise refused(
                where, f"{shown!r} is not a destination{hint}. Write {self.written}.", value=shown
            )
        return read(text, where)

    def _from_object(self, data: dict[str, Any], where: str) -> Destination:
        word = data.get("type")
        if not isinstance(word, str) or word not in self._types:
            raise refused(
                f"{where}.type",
                f"{str(word)[:KIND_TEXT_MAX]!r} is not a destination type{did_you_mean(str(word), self._types)}; use one of "
                f"{', '.join(self._types)}.",
            )
        kind, names = self._types[word]
        formed = issubclass(kind.destination, Formed)
        allowed = (*names, *RECORD_FIELDS) if formed else tuple(names)
        for key in data:
            if key != "type" and key not in allowed:
                raise refused(
                    f"{where}.{key[:60]}",
                    f"a {word} destination has no such field{did_you_mean(key, allowed)}; it has "
                    f"{', '.join(allowed)}.",
                )
        own = {key: value for key, value in data.items() if not formed or key not in RECORD_FIELDS}
        if kind.read_object is None:
            made = _converted(kind.destination, own, where)
        else:
            made = kind.read_object(own, where)
        return replace(made, **self._record(data, where)) if formed else made

    def _record(self, data: dict[str, Any], where: str) -> dict[str, Any]:
        """What an object says of its records."""
        form = data.get("form", "native")
        if form not in self._forms:
            raise refused(
                f"{where}.form",
                f"{str(form)[:60]!r} is not the form of a record; use one of "
                f"{', '.join(self._forms)}.",
                value=str(form)[:60],
            )
        size = number_field(
            data, "record_bytes_max", where, 0, RECORD_BYTES_MAX, 0, zero="no limit"
        )
        return {"form": form, "record_bytes_max": size}

    # ------------------------------------------------------------ the store

    def decode(self, data: bytes) -> Destination:
        """What encode_destination() made. Of a kind that is not installed: an UnknownDestination,
        and what was owed as such becomes what it is once its kind is there."""
        try:
            made: Destination = self._decoder.decode(data)
        except msgspec.ValidationError as error:
            tag = msgspec.json.decode(data).get("type")
            known = any(_tag(kind.destination) == tag for kind, _ in self._types.values())
            why = f"its kind cannot read what is stored ({error})" if known else ""
            return UnknownDestination(str(tag)[:KIND_TEXT_MAX], None, why)
        if isinstance(made, UnknownDestination) and made.written is not None:
            return self.stored(made.written)
        return made


def types_of(kind: Words) -> Mapping[str, Sequence[str]]:
    """The `type`s of its objects, each with its fields: those that it names, else its struct's."""
    if kind.types:
        return kind.types
    names = [field.encode_name for field in fields(kind.destination)]
    return {_tag(kind.destination): [name for name in names if name not in RECORD_FIELDS]}


def _check_answers(made: Any) -> None:
    """Ask it all that everybody asks: a kind that fails there fails here, and not in a settle, in a
    list or while another function is deployed. Raises anything."""
    receiver = made.receiver()
    if not (receiver and isinstance(receiver, str) and len(receiver) <= RECEIVER_CHARACTERS_MAX):
        raise TypeError(f"receiver() is no text of 1 to {RECEIVER_CHARACTERS_MAX} characters")
    if not (isinstance(made.describe(), str) and isinstance(made.host(), str)):
        raise TypeError("describe() and host() must be texts")
    if not isinstance(made.form, str) or not isinstance(made.name, str):
        raise TypeError("form and name must be texts")
    if not isinstance(made.record_bytes_max, int):
        raise TypeError("record_bytes_max must be a number")
    if not isinstance(made.calls(), Target | None):
        raise TypeError("calls() must be a Target or None")
    msgspec.json.encode(made.shown())
    encode_destination(made)


def _tag(struct: type[Destination]) -> str:
    return str(struct.__struct_config__.tag)


def _first_word(written: Any) -> str:
    """What kind a configuration was of; never more of it, since the rest may be a secret."""
    word = written.get("type") if isinstance(written, dict) else written
    return str(word).partition(":")[0][:KIND_TEXT_MAX]


def _converted(struct: type[Destination], data: dict[str, Any], where: str) -> Destination:
    """By the types of the struct's fields."""
    given = {**data, "type": _tag(struct)}
    try:
        return msgspec.convert(given, struct)
    except msgspec.ValidationError as error:
        wrong = refusal(error, struct, given)
        rest = {**wrong.fields, "field": f"{where}.{wrong.fields['field']}"}
        raise InvalidInput(f"{where}.{wrong.detail}", **rest) from None


def _either(choices: list[str]) -> str:
    if len(choices) < 2:
        return "".join(choices)
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


# ---------------------------------------------------------------- those of this process

_installed: Kinds | None = None


def install(kinds: Kinds) -> None:
    """From now on these are the kinds of this process."""
    global _installed
    _installed = kinds


def installed() -> Kinds:
    """Those of this process. A program that installed none reads no destination."""
    if _installed is None:
        raise RuntimeError(
            "No kinds of destinations are installed in this process: call "
            "thence.destinations.kinds.install_kinds() first."
        )
    return _installed


def parse_destination(written: Any, where: str = "destination") -> Destination:
    """See Kinds.parse."""
    return installed().parse(written, where)


def stored_destination(written: Any) -> Destination:
    """See Kinds.stored."""
    return installed().stored(written)


def decode_destination(data: bytes) -> Destination:
    """See Kinds.decode."""
    return installed().decode(data)
