"""How many instances a function may have: `strategy_config.concurrency` (reference 4.3 and 10).

-1 is no limit, 0 disables the function. It is one limit over all versions of a function, so that it
counts at once for calls that name a version or an alias. An instance runs one call at a time.
"""

from __future__ import annotations

from msgspec.structs import replace

from ...catalog.control import Control
from ...catalog.function import CONCURRENCY_MAX, Function, FunctionSpec
from ...engine.engine import Engine
from ...engine.plan import NOTHING, Plan

DEFAULT = 400
UNLIMITED = -1
_DISABLED = "the maximum of its instances is 0"


def shown(function: Function, control: Control) -> int:
    """As the vendor's clients know it. A function of another door has a limit of its own beside."""
    if control.disabled is not None:
        return 0
    own = function.spec.concurrency
    if control.limit is not None:
        return min(control.limit, own)
    return UNLIMITED if own == CONCURRENCY_MAX else own


def with_room(spec: FunctionSpec, instances: int) -> FunctionSpec:
    """`spec` whose own limit does not keep it from having so many."""
    if instances == UNLIMITED or instances > spec.concurrency:
        return replace(spec, concurrency=CONCURRENCY_MAX)
    return spec


def of_present(engine: Engine, name: str, instances: int) -> Plan:
    """Makes it count. What runs may finish. Nothing is written that is there already."""
    before = engine.functions.control(name)
    asked = _changed(before, instances)
    return NOTHING if asked == before else engine.functions.plans.put_control(name, asked)


def of_new(engine: Engine, name: str, instances: int) -> Plan:
    """The same of a function that the same change makes."""
    asked = _changed(Control(), instances)
    return (
        NOTHING if asked == Control() else engine.functions.plans.put_control(name, asked, new=True)
    )


def _changed(before: Control, instances: int) -> Control:
    if instances == 0:
        return before if before.disabled is not None else replace(before, disabled=_DISABLED)
    limit = None if instances == UNLIMITED else instances
    return replace(before, limit=limit, disabled=None)
