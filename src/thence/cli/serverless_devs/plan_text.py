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
        say(f"{clean(plan.wanted.resource)}  ({plan.wanted.generation})")
        for problem in plan.wanted.problems:
            say(f"  ! not deployed: {clean(problem)}")
        for change in plan.changes:
            say(f"  {SIGNS[change.kind]} {change.what} {clean(change.name)}")
            for one in change.differences:
                say(f"      {_line(one, change)}")
            for problem in change.problems:
                say(f"      ! will be refused: {clean(problem)}")
        for sentence in plan.wanted.left_out:
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
    mistaken = sum(bool(plan.wanted.problems) for plan in plans)
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
    refusals = {id(one.change): one.refusal for one in done or ()}
    return {
        "dry_run": done is None,
        "resources": [
            {
                "resource": plan.wanted.resource,
                "problems": plan.wanted.problems,
                "left_out": plan.wanted.left_out,
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


def _line(one: Difference, change: Change) -> str:
    after = _text(one.after)
    if change.kind == "create" or one.before is None:
        return clean(f"{one.field}: {after}")
    return clean(f"{one.field}: {_text(one.before)} → {after}")


def _text(value: Any) -> str:
    if value is None:
        return "(nothing)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
