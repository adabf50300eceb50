"""Cycles of function destinations, found when a configuration is saved.

Both vendors warn of loops ("make sure that you do not create a loop", seed
alibaba-fc-result-callback; two functions must not target each other, seed
huawei-functiongraph-notification-policy). Here a cycle is refused, and spelled out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


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
