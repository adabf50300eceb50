"""Names in the vendor's words and in ours.

    FC 3.0            function `f`                     ours `f`
    FC 2.0 and older  service `s`, function `f`        ours `s$f`

`LATEST` is our `latest`. ARNs are those of reference 4.1 and 4.4.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ...catalog.function import LATEST
from .errors import invalid

FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")  # reference 8.1
SERVICE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")  # reference 8.2
QUALIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}")
THEIR_LATEST = "LATEST"


class Name(Struct, frozen=True):
    """A function. `service` is empty in FC 3.0."""

    function: str
    service: str = ""

    @property
    def ours(self) -> str:
        return f"{self.service}${self.function}" if self.service else self.function


def name_of(ours: str) -> Name:
    """The vendor's name of one of our functions."""
    service, mark, function = ours.partition("$")
    return Name(function, service) if mark else Name(ours)


def check_function(text: str) -> str:
    if FUNCTION.fullmatch(text) is None:
        raise invalid(
            f"functionName: {text[:80]!r} is not valid; 1 to 64 letters, digits, '_' or '-', not "
            "starting with a digit or '-'"
        )
    return text


def check_service(text: str) -> str:
    if SERVICE.fullmatch(text) is None:
        raise invalid(
            f"serviceName: {text[:140]!r} is not valid; 1 to 128 letters, digits, '_' or '-', not "
            "starting with a digit or '-'"
        )
    return text


def qualifier_of(text: str | None) -> str:
    """Ours. None, empty and LATEST are `latest`; the engine tells whether the others exist."""
    if not text or text == THEIR_LATEST:
        return LATEST
    if QUALIFIER.fullmatch(text) is None or text == LATEST:
        raise invalid(f"qualifier: {text[:140]!r} is not a version number, an alias name or LATEST")
    return text


def shown_qualifier(ours: str) -> str:
    return THEIR_LATEST if ours == LATEST else ours


def function_arn(name: Name, qualifier: str, region: str, account: str) -> str:
    """`acs:fc:REGION:ACCOUNT:functions/NAME[/QUALIFIER]`, or with `services/S.Q/functions/F`. Our
    qualifier; LATEST is left out in FC 3.0 (reference 4.1) and written in FC 2.0 (7.1)."""
    if name.service:
        where = f"services/{name.service}.{shown_qualifier(qualifier)}/functions/{name.function}"
    else:
        tail = "" if qualifier == LATEST else f"/{qualifier}"
        where = f"functions/{name.function}{tail}"
    return f"acs:fc:{region}:{account}:{where}"
