"""A plan and its outcome for people: `+` will be made, `~` will change, `=` stays, `!` is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from ..output import clean, say
from .apply import Done
from .plan import Change, Difference, Plan

SIGNS = {"create": "+", "update": "~", "same": "="}


def show_plan(plans: Sequence[Plan]) -> None:
    for plan in plans:
        say(f"{clean(plan.resource.name)}  ({plan.resource.generation})")
        for problem in plan.resource.problems:
            say(f"  ! not deployed: {clean(problem)}")
        for change in plan.changes:
            say(f"  {SIGNS[change.kind]} {change.what} {clean(change.name)}")
            for difference in change.differences:
                say(f"      {_line(difference, change)}")
            for problem in change.problems:
                say(f"      ! will be refused: {clean(problem)}")
        for sentence in plan.resource.left_out:
            say(f"  - left out: {clean(sentence)}")
    counted = [change.kind for plan in plans for change in plan.changes]
    say(
        f"Plan: {counted.count('create')} to make, {counted.count('update')} to change, "
        f"{counted.count('same')} as they are.{_refusals(plans)}"
    )


def _refusals(plans: Sequence[Plan]) -> str:
    """How much of it will not be."""
    changes = [change for plan in plans for change in plan.changes if change.kind != "same"]
    refused = sum(bool(change.problems) for change in changes)
    mistaken = sum(bool(plan.resource.problems) for plan in plans)
    told = f" {refused} of these will be refused." if refused else ""
    return f"{told} Resources that have mistakes: {mistaken}." if mistaken else told


def show_done(done: Done) -> None:
    change = done.change
    if done.refusal:
        say(f"  ! {change.what} {clean(change.name)}: {clean(done.refusal)}")
    else:
        verb = "made" if change.kind == "create" else "changed"
        say(f"  {SIGNS[change.kind]} {change.what} {clean(change.name)} {verb}")


def plan_json(plans: Sequence[Plan], done: Sequence[Done] | None) -> Any:
    """For programs; without code."""
    refusals = {id(made.change): made.refusal for made in done or ()}
    return {
        "dry_run": done is None,
        "resources": [
            {
                "resource": plan.resource.name,
                "problems": plan.resource.problems,
                "left_out": plan.resource.left_out,
                "changes": [
                    {
                        "what": change.what,
                        "name": change.name,
                        "change": change.kind,
                        "differences": msgspec.to_builtins(change.differences),
                        "problems": change.problems,
                        "refusal": refusals.get(id(change), ""),
                    }
                    for change in plan.changes
                ],
            }
            for plan in plans
        ],
    }


def _line(difference: Difference, change: Change) -> str:
    after = _text(difference.after)
    if change.kind == "create" or difference.before is None:
        return clean(f"{difference.field}: {after}")
    return clean(f"{difference.field}: {_text(difference.before)} → {after}")


def _text(value: Any) -> str:
    if value is None:
        return "(nothing)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
