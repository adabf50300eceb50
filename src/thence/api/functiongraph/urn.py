"""Functions in the vendor's words and in ours (reference 3).

    urn:fss:REGION:PROJECT:function:PACKAGE:NAME[:VERSION or :!ALIAS]

Package `default`, function `f` is our `f`; of another package `p` it is `p$f`. A version without a
name is `latest`, here and there.
"""

from __future__ import annotations

import re

from msgspec import Struct

from ...catalog.function import LATEST
from .errors import FssError, invalid

NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?")
PACKAGE = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?")
QUALIFIER = re.compile(r"!?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
DEFAULT = "default"
URN_CHARACTERS_MAX = 269


class Urn(Struct, frozen=True):
    """A function and what of it is meant. `qualifier` is ours: `latest`, a version or an alias;
    `alias` says that it was written with `!`; `named` that a version or alias was written."""

    package: str
    name: str
    qualifier: str = LATEST
    alias: bool = False
    named: bool = False

    @property
    def ours(self) -> str:
        return self.name if self.package == DEFAULT else f"{self.package}${self.name}"


def name_of(ours: str) -> Urn:
    """The vendor's name of one of our functions, without a version."""
    package, mark, name = ours.partition("$")
    return Urn(package, name) if mark else Urn(DEFAULT, ours)


def has_urn(ours: str) -> bool:
    """What another door deployed may have a name that no URN can hold, or one whose URN is that of
    another function: `default$f` would be written as `f` is."""
    name = name_of(ours)
    fits = NAME.fullmatch(name.name) is not None and PACKAGE.fullmatch(name.package) is not None
    return fits and name.ours == ours


def write(urn: Urn, region: str, project: str, *, version: bool = True) -> str:
    """The whole URN; without its version where that is not wanted (lists of functions)."""
    text = f"urn:fss:{region}:{project}:function:{urn.package}:{urn.name}"
    if not version:
        return text
    return f"{text}:{'!' if urn.alias else ''}{urn.qualifier}"


def read(text: str, region: str, project: str) -> Urn:
    """Any form of reference 3: name; package:name; project:package:name;
    project:package:name:version; the URN with or without a version. Raises FssError."""
    if len(text) > URN_CHARACTERS_MAX:
        raise invalid(
            f"function_urn: {len(text)} characters; at most {URN_CHARACTERS_MAX}", "FSS.1309"
        )
    parts = text.split(":")
    qualifier = ""
    if parts[0] == "urn" and len(parts) in (7, 8):
        _, service, where, owner, kind, package, name, *rest = parts
        if service != "fss" or kind != "function":
            raise _malformed(text)
        if where != region:
            raise invalid(
                f"function_urn: region {where[:64]!r} is not this service's ({region})", "FSS.1309"
            )
        qualifier = rest[0] if rest else ""
    elif len(parts) == 1:
        owner, package, name = project, DEFAULT, parts[0]
    elif len(parts) == 2:
        owner, (package, name) = project, parts
    elif len(parts) == 3:
        owner, package, name = parts
    elif len(parts) == 4:
        owner, package, name, qualifier = parts
    else:
        raise _malformed(text)
    if len(parts) in (4, 8) and not qualifier:
        # Who writes the colon means one of its versions; the whole function would be another thing.
        raise _malformed(text)
    if owner != project:
        raise FssError(403, "FSS.0403", f"function_urn: project {owner[:64]!r} is not {project!r}")
    return _checked(text, package, name, qualifier)


def _checked(text: str, package: str, name: str, qualifier: str) -> Urn:
    if PACKAGE.fullmatch(package) is None or NAME.fullmatch(name) is None:
        raise _malformed(text)
    if not qualifier:
        return Urn(package, name)
    if QUALIFIER.fullmatch(qualifier) is None:
        raise _malformed(text)
    return Urn(package, name, qualifier.removeprefix("!"), qualifier.startswith("!"), True)


def _malformed(text: str) -> FssError:
    return invalid(
        f"function_urn: {text[:120]!r} is not a function's URN, like "
        "urn:fss:REGION:PROJECT:function:default:NAME:latest",
        "FSS.1309",
    )
