"""trial: before code is deployed it is loaded once, as its first call would load it.

What every call would fail with is refused: a module or a handler that is not there, a syntax error,
an import that cannot be. What may be otherwise by then is only a warning: an import that raised
something else (a database that was away), or that could not be tried at all; and a handler of other
arguments, for how it is called can only be guessed.
"""

from __future__ import annotations

from ..catalog.function import Function, FunctionSpec
from ..errors import CodeNotLoaded
from ..runtimes.interface import Runtime, Trial
from .catalogue import Catalogue

_UNCHANGED = " Nothing was changed."


async def try_code(
    catalogue: Catalogue, runtime: Runtime, name: str, spec: FunctionSpec, archive: bytes | None
) -> list[str]:
    """Load what is to be deployed under `name`; warnings, as sentences. Without an archive it is the
    code that is deployed now. Raises CodeNotLoaded, InvalidCode, StoreUnavailable."""
    async with catalogue.code_in_use(name, archive) as code:
        now = catalogue.clock.now()
        trial = await runtime.trial(Function(0, name, 0, spec, code.digest, code.bytes, now, now))
        if trial.found == "ok":
            return []
        if trial.found in ("raised", "unknown", "arguments"):
            return [_warning(trial)]
        raise _refusal(trial, spec)


def _refusal(trial: Trial, spec: FunctionSpec) -> CodeNotLoaded:
    more = {"missing": trial.missing} if trial.missing else {}
    return CodeNotLoaded(
        _sentence(trial, spec) + _UNCHANGED,
        field=trial.setting if trial.found in ("no_module", "no_function") else "code",
        setting=trial.setting,
        error={
            "type": trial.error_type,
            "message": trial.error_message,
            "stack": trial.error_stack,
        },
        **more,
    )


def _sentence(trial: Trial, spec: FunctionSpec) -> str:
    named = f"{trial.setting} {getattr(spec, trial.setting)!r}"
    if trial.found == "dependency":
        top = trial.missing.partition(".")[0]
        return (
            f"code: {named} cannot be loaded: it imports {trial.missing!r}, and there is no such "
            f"module. Put it beside the code (pip install --target FOLDER {top}, by the name of its "
            "package) and deploy the folder again."
        )
    if trial.found == "syntax":
        return (
            f"code: {named} cannot be loaded: {trial.error_type}: {_ended(trial)} Correct it and "
            "deploy again."
        )
    if trial.found == "import" and "relative import with no known parent" in trial.error_message:
        return (
            f"code: {named} cannot be loaded: {trial.error_type}: {_ended(trial)} The folder of the code "
            "is no package: import what lies beside a file by its name ('import other', not 'from . "
            "import other')."
        )
    if trial.found == "import":
        return (
            f"code: {named} cannot be loaded: {trial.error_type}: {_ended(trial)} Correct the import, "
            "or put what it needs beside the code."
        )
    return trial.error_message  # it names the setting, the module, and what to do


def _warning(trial: Trial) -> str:
    if trial.found == "unknown":
        return f"The code could not be tried: {_ended(trial)} Its first call will tell."
    if trial.found == "arguments":
        return trial.error_message
    return (
        f"The code was loaded once, and that ended with {trial.error_type}: {_ended(trial)} If its "
        "reason is still there, calls end so too."
    )


def _ended(trial: Trial) -> str:
    text = " ".join(trial.error_message.split()) or "no reason was given"
    return text if text.endswith((".", "!", "?")) else f"{text}."
