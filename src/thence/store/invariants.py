"""The invariants of design §2, in sentences: what holds between counters and rows, and what no row may
be. Each driver asks its database in its own way; what is wrong is said in the same words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .codes import DELIVERY_STATES, STATES, SUCCEEDED

Counters = list[dict[str, int]]
"""A row for each function: `function_id`, and each counter by its name."""
FINAL = [STATES[code].value for code in range(SUCCEEDED, len(STATES))]
_PRUNED_DELIVERY = {
    "delivered": "pruned_delivered",
    "dead": "pruned_dead",
    "stopped": "pruned_delivery_stopped",
}


def conservation(
    counters: Counters, live: Mapping[int, int], ended: Mapping[tuple[int, int], int]
) -> Iterator[str]:
    """accepted = waiting + running + ended + pruned, and each final state by itself. `live`: waiting and
    running by function; `ended`: by function and code of the state."""
    stored: dict[int, dict[str, int]] = {}
    for (function_id, code), number in ended.items():
        if 0 <= code < len(STATES):
            stored.setdefault(function_id, {})[STATES[code].value] = number
    known = {row["function_id"] for row in counters}
    for function_id in sorted((live.keys() | stored.keys()) - known):
        yield f"Function {function_id} has invocations but no counters."
    for row in counters:
        function_id, there = row["function_id"], stored.get(row["function_id"], {})
        now, gone = live.get(function_id, 0), sum(row[f"pruned_{state}"] for state in FINAL)
        finished = sum(there.get(state, 0) for state in FINAL)
        if row["accepted"] != now + finished + gone:
            yield (
                f"Function {function_id}: accepted {row['accepted']} is not {now} live + "
                f"{finished} ended + {gone} pruned."
            )
        for state in FINAL:
            here, pruned = there.get(state, 0), row[f"pruned_{state}"]
            if row[state] != here + pruned:
                yield (
                    f"Function {function_id}: the counter of {state} is {row[state]}, but {here} "
                    f"are stored and {pruned} were pruned."
                )


def deliveries(counters: Counters, rows: Mapping[tuple[int, int], int]) -> Iterator[str]:
    """The counter of each state of deliveries is what is stored and what was pruned. `rows`: how many by
    function and code of the state."""
    stored = {
        (function_id, DELIVERY_STATES[state]): number
        for (function_id, state), number in rows.items()
        if 0 <= state < len(DELIVERY_STATES)
    }
    for row in counters:
        for state in DELIVERY_STATES:
            pruned = row[_PRUNED_DELIVERY[state]] if state in _PRUNED_DELIVERY else 0
            here, counted = stored.get((row["function_id"], state), 0), row[f"deliveries_{state}"]
            if counted != here + pruned:
                yield (
                    f"Function {row['function_id']}: the counter of {state} deliveries is "
                    f"{counted}, but {here} are stored and {pruned} were pruned."
                )


def sums(counters: Counters) -> dict[str, int]:
    """The counters of all functions together, as `verify` shows them."""
    answer = {"accepted": sum(row["accepted"] for row in counters)}
    for state in FINAL:
        answer[state] = sum(row[state] for row in counters)
    answer["pruned"] = sum(row[f"pruned_{state}"] for row in counters for state in FINAL)
    for state in DELIVERY_STATES:
        answer[f"deliveries_{state}"] = sum(row[f"deliveries_{state}"] for row in counters)
    return answer


WRONG: dict[str, Callable[..., str]] = {
    "not_exactly_one": lambda id, places: (
        f"Invocation {id:016x} stands in {places} of waiting, running and ended, not in one."
    ),
    "without_invocation": lambda table, id: (
        f"A row of {table} ({id:016x}) belongs to no invocation."
    ),
    "wrong_states": lambda table, id, state: (
        f"A row of {table} ({id:016x}) has the state {state}, which has no place there."
    ),
    "missing_attempts": lambda id, before, kept, highest: (
        f"Invocation {id:016x} made {before} earlier attempts, but {kept} are kept (the highest is "
        f"{highest})."
    ),
    "too_many_attempts": lambda id, attempt, allowed: (
        f"Invocation {id:016x} is at attempt {attempt}; its budgets allow {allowed}."
    ),
    "strange_leases": lambda id, lease: (
        f"Invocation {id:016x} runs under lease {lease}, which no node has."
    ),
    "not_dead_letters": lambda id: (
        f"Invocation {id:016x} is missing from the dead letters, or wrongly among them."
    ),
    "early_deliveries": lambda id: (
        f"Delivery {id:016x} is owed by an invocation that has not ended."
    ),
    "unended_deliveries": lambda id: (
        f"Delivery {id:016x} is pending with an end, or ended without one."
    ),
}
"""By the name of a question that should find nothing: what is wrong with a row that it finds."""
