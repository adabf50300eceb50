"""The rules of the Function Compute door over one body: every sentence that the door would refuse it
with. Pure.

The door stops at the first thing that is wrong, so what was found is taken out and the rest looked at
again.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any

from ...api.fc import async_config, concurrency, function_spec, services, tags, triggers
from ...api.fc.arn import Home, name_and_qualifier
from ...api.fc.call import convert
from ...api.fc.function_input import FunctionInput3, Tag
from ...api.fc.names import check_function, check_service
from ...catalog.destination import Target
from ...catalog.function import FunctionSpec
from ...catalog.kinds import parse_destination
from ...errors import ThenceError

REFUSALS_MAX = 50  # of one body
_FIELD = re.compile(r"([A-Za-z_][\w.\[\]-]*): ")
_STAND_INS = {
    "runtime": "python3",
    "handler": "index.handler",
    "triggerName": "name",
    "triggerType": "timer",
}
"""What must be there takes the place of what was found wrong."""

Check = Callable[[dict[str, Any]], object]
CheckTarget = Callable[[Target, str], None]
"""Of a function that is called and the field that names it; raises what the door would."""


def service_refusals(body: dict[str, Any]) -> list[str]:
    def check(given: dict[str, Any]) -> None:
        check_service(services.read_service(given).service_name or "")

    return _refusals(check, body)


def takes_service(body: dict[str, Any]) -> bool:
    """Whether the door takes that body of a service."""
    return not service_refusals(body)


def function_refusals(
    body: dict[str, Any], *, third: bool, new: bool, mistakes: Sequence[str] = ()
) -> list[str]:
    """Of the whole, then of each variable alone: the check stops at the first. What is missing
    because the file's value of it is a mistake is not told again.

    third: of FC 3.0. mistakes: of the file, `place: sentence`."""
    mistaken = {mistake.partition(": ")[0].rpartition(".")[2] for mistake in mistakes}
    stand_ins = {name: value for name, value in _STAND_INS.items() if name in mistaken}
    found = _refusals(lambda given: _check_function(given, third, new), {**stand_ins, **body})
    needed = {"functionName": "name", **{name: _STAND_INS[name] for name in ("runtime", "handler")}}
    variables = body.get("environmentVariables")
    for name, value in variables.items() if isinstance(variables, dict) else ():
        alone = {**needed, "environmentVariables": {name: value}}
        for refusal in _refusals(lambda given: _check_function(given, third, True), alone):
            if refusal not in found and len(found) < REFUSALS_MAX:
                found.append(refusal)
    return found


def _check_function(body: dict[str, Any], third: bool, new: bool) -> None:
    given = function_spec.read_3(body) if third else function_spec.read_2(body)
    if new:
        function_spec.new_spec(given)
    else:
        function_spec.changed_spec(FunctionSpec(), given)
    if isinstance(given, FunctionInput3):
        tags.check_tags(given.tags or [])
    check_function(given.function_name or "")


def tag_refusals(given: Any) -> list[str]:
    """Of each alone, then of all together."""
    found: dict[str, None] = {}
    everyone = given if isinstance(given, list) else []
    for some in (*([tag] for tag in everyone), everyone):
        try:
            tags.check_tags(convert(tag, Tag) for tag in some)
        except ThenceError as error:
            found[error.detail] = None
    return list(found)


def concurrency_refusals(body: dict[str, Any]) -> list[str]:
    return _refusals(lambda given: convert(given, concurrency.PutConcurrency), body)


def trigger_refusals(body: dict[str, Any]) -> list[str]:
    def check(given: dict[str, Any]) -> None:
        triggers.check_trigger(convert(given, triggers.CreateTrigger), old=False)

    found = _refusals(check, {name: value for name, value in body.items() if value is not None})
    kind = triggers.KINDS.get(str(body.get("triggerType")))
    if kind is not None and not kind.fires:
        found.append(triggers.cannot_fire(str(body["triggerType"]), kind).detail)
    return found


def config_refusals(
    body: dict[str, Any], home: Home, check_target: CheckTarget, *, third: bool
) -> list[str]:
    """Of an asynchronous configuration."""
    kind = async_config.PutAsyncConfig if third else async_config.PutAsyncConfigOfService

    def check_destination(written: dict[str, Any], field: str) -> None:
        target = parse_destination(written, field).calls()
        if target is not None:
            check_target(target, field)

    return _refusals(
        lambda given: async_config.read_config(given, kind, home, check_destination), body
    )


def called_functions(body: dict[str, Any], home: Home) -> list[tuple[str, str]]:
    """The functions that an asynchronous configuration sends to, as far as they can be read, each
    with the field that names it."""
    found: list[tuple[str, str]] = []

    def note(target: Target, field: str) -> None:
        found.append((name_and_qualifier(target)[0].ours, field.removesuffix(".destination")))

    config = {"destinationConfig": body.get("destinationConfig") or {}}
    config_refusals(config, home, note, third=True)
    return found


# ---------------------------------------------------------------- all that is wrong with a body


def _refusals(check: Check, body: dict[str, Any]) -> list[str]:
    found: dict[str, str] = {}  # by the field that it names
    body = copy.deepcopy(body)
    while len(found) < REFUSALS_MAX:
        try:
            check(body)
        except ThenceError as error:
            field = error.detail.partition(": ")[0]
            if field not in found:  # else it is missing because it was taken out
                found[field] = error.detail
                if _take_out(body, error.detail):
                    continue
        break
    return list(found.values())


def _take_out(body: dict[str, Any], sentence: str) -> bool:
    """Take out what the sentence names. False: it names nothing that is there."""
    match = _FIELD.match(sentence)
    if match is None:
        return False
    path = re.findall(r"[^.\[\]]+", match.group(1))
    if path[0] in _STAND_INS and len(path) == 1 and body.get(path[0]) != _STAND_INS[path[0]]:
        body[path[0]] = _STAND_INS[path[0]]
        return True
    holder: Any = body
    for part in path[:-1]:
        inner = _item(holder, part)
        if not isinstance(inner, (dict, list)):
            break
        holder = inner
    if isinstance(holder, dict) and path[-1] in holder:
        del holder[path[-1]]
        return True
    return body.pop(path[0], None) is not None


def _item(holder: Any, part: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(part)
    at = int(part) if part.isdecimal() else len(holder)
    return holder[at] if at < len(holder) else None
