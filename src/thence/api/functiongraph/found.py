"""The function that a request names, and what its answers are made of."""

from __future__ import annotations

from ...catalog.alias import Alias
from ...catalog.function import LATEST, Function
from ...engine.engine import Engine
from ...errors import AliasNotFound, FunctionNotFound, QualifierNotFound
from .call import Call
from .digest import digest
from .errors import FssError, invalid, not_found
from .function_view import Shown
from .urn import Urn


def wanted(call: Call) -> Function:
    """The row of the version or alias that the path names; of an alias that of its main version.
    Raises FssError."""
    return row(call, call.urn)


def row(call: Call, urn: Urn) -> Function:
    """See wanted. `!name` means an alias only, a plain name a version only."""
    return row_of(call.engine, urn)


def row_of(engine: Engine, urn: Urn) -> Function:
    """See row."""
    try:
        if urn.alias:
            engine.functions.alias(urn.ours, urn.qualifier)
        elif urn.qualifier in {alias.name for alias in engine.functions.aliases(urn.ours)}:
            raise no_version(urn, urn.qualifier)
        return engine.functions.get(urn.ours, urn.qualifier)
    except FunctionNotFound:
        raise no_function(urn) from None
    except QualifierNotFound:
        missing = no_alias if urn.alias else no_version
        raise missing(urn, urn.qualifier) from None


def latest(call: Call) -> Function:
    """The function, to be changed. Raises FssError also where the path names anything else than
    `latest`: published versions are frozen."""
    urn = call.urn
    function = row(call, urn)
    if urn.qualifier != LATEST:
        raise invalid(
            f"function_urn: {urn.qualifier!r} cannot be changed; published versions are frozen. "
            "Change latest and publish another version",
            "FSS.1015",
        )
    return function


def alias(call: Call, name: str) -> Alias:
    """An alias of the path's function. Raises FssError."""
    urn = call.urn
    row(call, Urn(urn.package, urn.name))
    try:
        return call.engine.functions.alias(urn.ours, name)
    except AliasNotFound:
        raise no_alias(urn, name) from None


async def shown(call: Call, function: Function) -> Shown:
    """What views of it are made of. Raises StoreUnavailable."""
    return Shown(
        function,
        call.engine.functions.control(function.name),
        await digest(call.engine, function),
        call.state.region,
        call.state.project,
    )


def no_function(urn: Urn) -> FssError:
    return not_found(f"function {urn.package}:{urn.name} does not exist", "FSS.1051")


def no_version(urn: Urn, version: str) -> FssError:
    return not_found(
        f"version {version[:80]!r} of function {urn.package}:{urn.name} does not exist", "FSS.1052"
    )


def no_alias(urn: Urn, name: str) -> FssError:
    return not_found(
        f"alias {name[:80]!r} of function {urn.package}:{urn.name} does not exist", "FSS.1053"
    )
