"""Errors about one function in the sentences that the vendor has for them (reference 3.4)."""

from __future__ import annotations

from ...engine.engine import Engine
from ...errors import (
    CallerIdTaken,
    FunctionNotFound,
    InvocationNotFound,
    QualifierNotFound,
    ThenceError,
)
from .errors import FcError, translated
from .names import Name

SERVICE = "fc.service"  # the kind of the entries of services
_TASK = ("AsyncTask", "async task")
_STATEFUL = ("StatefulAsyncInvocation", "stateful async invocation")


def refused(
    error: ThenceError,
    engine: Engine,
    name: Name,
    qualifier: str,
    task_id: str = "",
    *,
    v3: bool = False,
) -> FcError:
    """The error of a request that named that function, by that qualifier (ours) and task id. `v3`:
    it has the words of FC 3.0, also where its function is in a service."""
    if isinstance(error, FcError):
        return error
    if isinstance(error, FunctionNotFound):
        return function_missing(engine, name)
    if isinstance(error, QualifierNotFound):
        return _qualifier_missing(name, qualifier)
    if isinstance(error, InvocationNotFound):
        return task_missing(name, task_id, v3=v3)
    if isinstance(error, CallerIdTaken):
        code, what = _TASK if v3 else _STATEFUL
        code += "AlreadyExists"
        return FcError(409, code, f"{what} '{task_id}' already exists in {_of(name)}")
    return translated(error)


def function_missing(engine: Engine, name: Name) -> FcError:
    if not name.service:
        return FcError(404, "FunctionNotFound", f"function '{name.function}' does not exist")
    if not _has_service(engine, name.service):
        return FcError(404, "ServiceNotFound", f"service '{name.service}' does not exist")
    return FcError(
        404,
        "FunctionNotFound",
        f"function '{name.function}' does not exist in service '{name.service}'",
    )


def _has_service(engine: Engine, service: str) -> bool:
    """It was created, or is there for functions that another door deployed."""
    return any(entry.name == service for entry in engine.functions.entries(SERVICE)) or any(
        name.startswith(f"{service}$") for name in engine.functions.names()
    )


def task_missing(name: Name, task_id: str, *, v3: bool) -> FcError:
    code, what = _TASK if v3 else _STATEFUL
    code += "NotFound"
    return FcError(404, code, f"{what} '{task_id[:140]}' does not exist in {_of(name)}")


def _qualifier_missing(name: Name, qualifier: str) -> FcError:
    """A number can only be meant as a version, another name as an alias. In FC 2.0 both are the
    service's."""
    of = f"service '{name.service}'" if name.service else _of(name)
    code, what = (
        ("VersionNotFound", "version")
        if qualifier.isascii() and qualifier.isdecimal()
        else ("AliasNotFound", "alias")
    )
    return FcError(404, code, f"{what} '{qualifier}' of {of} does not exist")


def _of(name: Name) -> str:
    inside = f" of service '{name.service}'" if name.service else ""
    return f"function '{name.function}'{inside}"
