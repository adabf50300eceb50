"""Cycles of function destinations, found when a configuration is saved.

Both vendors warn of loops ("make sure that you do not create a loop", seed
alibaba-fc-result-callback; two functions must not target each other, seed
huawei-functiongraph-notification-policy). Here a cycle is refused, and spelled out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct


class Cycle(Struct, frozen=True):
    """`names`: of the functions, the first repeated at the end. `fields`: what leads into it."""

    names: list[str]
    fields: list[str]


def cycle_with(
    name: str, said: Sequence[tuple[str, str]], targets: Callable[[str], Iterable[str]]
) -> Cycle | None:
    """The cycle that would be there if the function `name` had these targets beside those that
    `targets` knows of it; None: none. `said`: (field, function). What it had before may be among those
    that are known: there was no cycle, so the first step of one is one of `said`."""
    new = [function for _, function in said]

    def all_targets(of: str) -> Iterable[str]:
        return [*targets(of), *new] if of == name else targets(of)

    found = find_cycle(name, all_targets) if new else None
    if found is None:
        return None
    return Cycle(found, [field for field, function in said if function == found[1]])


def find_cycle(start: str, targets: Callable[[str], Iterable[str]]) -> list[str] | None:
    """The first cycle that can be reached from `start`, as names with the first repeated at the
    end (`["a", "b", "a"]`), or None. `targets(name)` gives the functions that `name` can call."""
    path: list[str] = []
    on_path: set[str] = set()
    done: set[str] = set()
    stack: list[tuple[str, list[str]]] = [(start, sorted(set(targets(start))))]
    path.append(start)
    on_path.add(start)
    while stack:
        name, rest = stack[-1]
        if not rest:
            stack.pop()
            path.pop()
            on_path.discard(name)
            done.add(name)
            continue
        following = rest.pop(0)
        if following in on_path:
            return [*path[path.index(following) :], following]
        if following in done:
            continue
        stack.append((following, sorted(set(targets(following)))))
        path.append(following)
        on_path.add(following)
    return None
