"""What values a type takes, in words: `a whole number, at least 1 and at most 8`; and which of the
names that there are was probably meant.

Refusals of settings and of bodies say it, so that a caller needs no second try.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from msgspec import inspect

_NEAR = 0.65
_WORD = 0.75  # of one word of a name
_NAME_MAX = 80  # characters that are compared


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A piece of a refusal of an unknown name: ` (did you mean timeout_seconds?)`, or empty."""
    wanted = name[:_NAME_MAX].replace("-", "_").lower()
    choice = list(names)
    near = difflib.get_close_matches(wanted, choice, n=1, cutoff=_NEAR)
    if not near and len(wanted) > 2:
        # `env` for `environment`, `timeout` for `timeout_seconds`, `retries` for `max_retries`
        words = {word: item for item in reversed(choice) for word in item.split("_")}
        near = [item for item in choice if item.startswith(wanted)] or [
            words[match] for match in difflib.get_close_matches(wanted, words, n=1, cutoff=_WORD)
        ]
    return f" (did you mean {near[0]}?)" if near else ""


def rule(expected: inspect.Type) -> str:
    """The end of a sentence that begins with "it must be"."""
    match expected:
        case inspect.Metadata():
            return rule(expected.type)
        case inspect.UnionType():
            return " or ".join(rule(kind) for kind in expected.types)
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, expected.values))}"
        case inspect.IntType():
            return f"a whole number{_range(expected)}"
        case inspect.FloatType():
            return f"a number{_range(expected)}"
        case inspect.StrType():
            most = f" of at most {expected.max_length} characters" if expected.max_length else ""
            like = f" that matches {expected.pattern}" if expected.pattern else ""
            return f"a text{most}{like}"
        case inspect.BoolType():
            return "true or false"
        case inspect.NoneType():
            return "null"
        case inspect.VarTupleType() | inspect.ListType():
            return "a list"
        case _:
            return "an object"


def _range(expected: inspect.IntType | inspect.FloatType) -> str:
    above = "" if expected.gt is None else f"above {_plain(expected.gt)}"
    least = "" if expected.ge is None else f"at least {_plain(expected.ge)}"
    most = "" if expected.le is None else f"at most {_plain(expected.le)}"
    limits = " and ".join(filter(None, (above, least, most)))
    return f", {limits}" if limits else ""


def _plain(number: float) -> str:
    return f"{number:.15g}"
