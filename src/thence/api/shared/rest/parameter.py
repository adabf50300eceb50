"""Query parameters: declared with a route, read and checked in one place."""

from __future__ import annotations

import math
import re
from typing import Any, Literal
from urllib.parse import parse_qsl

from msgspec import Struct

from ....bounds import did_you_mean
from ....errors import InvalidInput
from ....lifecycle.ids import parse_id
from ..times import read_time

PARAMETERS_MAX = 32
VALUE_MAX = 1024
Kind = Literal["text", "integer", "number", "time", "id", "flag", "list"]
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,20})?")


class Parameter(Struct, frozen=True):
    """`list`: several of `choices`, with commas between. `time`: RFC 3339 or ms since the epoch."""

    name: str
    kind: Kind
    description: str
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


def read_query(query: bytes, parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """All parameters by name. Raises InvalidInput for what is unknown, double or out of range."""
    values = {parameter.name: parameter.default for parameter in parameters}
    if not query:
        return values
    known = {parameter.name: parameter for parameter in parameters}
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )
    except ValueError:
        raise InvalidInput(
            "query: it cannot be read; write name=value, with & between.", field="query"
        ) from None
    seen: set[str] = set()
    for name, text in pairs:
        if name not in known:
            names = f"it takes {', '.join(known)}" if known else "it takes none"
            raise InvalidInput(
                f"{name[:60]}: there is no such query parameter here{did_you_mean(name, known)}; "
                f"{names}.",
                field=name[:60],
            )
        if name in seen:
            raise InvalidInput(f"{name}: given twice; give it once.", field=name)
        seen.add(name)
        values[name] = _read(known[name], text)
    return values


def _read(parameter: Parameter, text: str) -> Any:
    if len(text) > VALUE_MAX:
        raise _bad(parameter, text, f"at most {VALUE_MAX} characters are taken")
    if parameter.kind in ("integer", "number"):
        return _number(parameter, text)
    if parameter.kind == "time":
        return read_time(parameter.name, text)
    if parameter.kind == "flag":
        if text not in ("true", "false"):
            raise _bad(parameter, text, "write true or false")
        return text == "true"
    if parameter.kind == "id":
        id = parse_id(text)
        if id is None:
            raise _bad(parameter, text, "it is not an id")
        return id
    parts = text.split(",") if parameter.kind == "list" else [text]
    if parameter.choices and not set(parts) <= set(parameter.choices):
        raise _bad(parameter, text, f"it must be one of {', '.join(parameter.choices)}")
    return frozenset(parts) if parameter.kind == "list" else text


def _number(parameter: Parameter, text: str) -> float:
    whole = parameter.kind == "integer"
    if (_INTEGER if whole else _NUMBER).fullmatch(text) is None:
        raise _bad(parameter, text, "it is not a whole number" if whole else "it is not a number")
    value = int(text) if whole else float(text)
    low = -math.inf if parameter.minimum is None else parameter.minimum
    high = math.inf if parameter.maximum is None else parameter.maximum
    if not low <= value <= high:
        limits = f"at least {low:g}" if high == math.inf else f"{low:g} to {high:.15g}"
        raise _bad(parameter, text, f"it must be {limits}", parameter.maximum)
    return value


def _bad(parameter: Parameter, text: str, reason: str, limit: Any = None) -> InvalidInput:
    fields = {} if limit is None else {"limit": limit}
    return InvalidInput(
        f"{parameter.name}: {text[:60]!r} is not valid: {reason}.",
        field=parameter.name,
        value=text[:60],
        **fields,
    )


# ---------------------------------------------------------------- those that many routes have

LIMIT = Parameter("limit", "integer", "Most items of the page.", 100, 1, 1000)
CURSOR = Parameter("cursor", "text", "`cursor` of the page before.")
FUNCTION = Parameter("function", "text", "Only of the function of that name.")
SINCE = Parameter("since", "time", "Accepted at or after this time, which is before `until`.")
UNTIL = Parameter("until", "time", "Accepted before this time.")
