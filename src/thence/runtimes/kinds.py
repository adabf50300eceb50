"""The runtimes that are installed, a line each, and what is asked of all of them."""

from __future__ import annotations

from typing import Any

from ..catalog.function import FunctionSpec, parse_spec
from ..errors import InvalidInput
from .function_error import FunctionError
from .kind import RuntimeKind, Vendor
from .python.kind import PYTHON

KINDS: tuple[RuntimeKind, ...] = (PYTHON,)


def parse_function(data: bytes | dict[str, Any]) -> FunctionSpec:
    """A spec with everything checked, also what belongs to its runtime. Raises InvalidInput naming the
    field, the value and the limit."""
    spec = parse_spec(data)
    kind = find(spec.runtime)
    if kind is None:
        names = ", ".join(kind.name for kind in KINDS)
        raise InvalidInput(
            f"runtime: {spec.runtime[:80]!r} is not valid: it must be one of {names}.",
            field="runtime",
            value=spec.runtime[:80],
            limit=f"one of {names}",
        )
    for which in ("handler", "initializer", "pre_stop"):
        _check_handler(kind, which, getattr(spec, which))
    return spec


def find(name: str) -> RuntimeKind | None:
    """By what a function's `runtime` says."""
    return next((kind for kind in KINDS if kind.name == name), None)


def runtime_of(contract: str, name: str) -> str | None:
    """Our name of what runs functions that a vendor calls functions of the runtime `name`; None:
    nothing does."""
    for kind in KINDS:
        if contract in kind.vendors and name in kind.vendors[contract].runtimes:
            return kind.name
    return None


def vendor_runtimes(contract: str) -> tuple[str, ...]:
    """A vendor's names of all runtimes that are run here."""
    vendors = [kind.vendors[contract] for kind in KINDS if contract in kind.vendors]
    return tuple(name for vendor in vendors for name in vendor.runtimes)


def vendor(contract: str, runtime: str) -> Vendor:
    """How that vendor has functions of our `runtime`. Where it has none, and where the runtime is not
    installed any more, names are ours."""
    kind = find(runtime)
    if kind is None:
        return Vendor(runtimes=(), shown=runtime, handler=lambda written: written, form="")
    return kind.vendors.get(contract) or Vendor(
        runtimes=(), shown=runtime, handler=kind.handlers.taken, form=kind.handlers.form
    )


def source_file(spec: FunctionSpec) -> str:
    """The name of the file that a function's source becomes where it comes without an archive."""
    kind = find(spec.runtime)
    return spec.handler if kind is None else kind.source_file(spec.handler)


def function_error(type: str, message: str, stack: str) -> FunctionError:
    """Of what an attempt keeps of its error. The stack says itself of which runtime it is: the function
    may be another one by now."""
    for kind in KINDS:
        frames = kind.frames(stack, message)
        if frames:
            return FunctionError(type, message, frames)
    return FunctionError(type, message, [])


def _check_handler(kind: RuntimeKind, which: str, name: str) -> None:
    if not name and which != "handler":
        return
    form = kind.handlers
    if not form.fits(name):
        raise InvalidInput(
            f"{which}: {name[:256]!r} is not of the form {form.form} "
            f"({form.rule}, at most {form.characters_max} characters).",
            field=which,
            value=name[:256],
            limit=form.form,
        )
