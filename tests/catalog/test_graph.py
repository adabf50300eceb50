"""Cycles of function destinations are found and spelled out."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from thence.catalog.graph import find_cycle

graphs = st.dictionaries(
    st.sampled_from("abcdefg"), st.frozensets(st.sampled_from("abcdefg"), max_size=3)
)


def reachable(graph: dict[str, frozenset[str]], start: str) -> set[str]:
    """What can be reached from `start` in at least one step."""
    found: set[str] = set()
    todo = list(graph.get(start, ()))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(graph.get(name, ()))
    return found


@given(graphs)
def test_a_cycle_is_found_if_and_only_if_there_is_one(graph: dict[str, frozenset[str]]) -> None:
    around = {"a", *reachable(graph, "a")}
    exists = any(name in reachable(graph, name) for name in around)
    cycle = find_cycle("a", lambda name: graph.get(name, ()))
    assert (cycle is not None) == exists
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(b in graph[a] for a, b in itertools.pairwise(cycle))


def test_two_functions_that_target_each_other_are_spelled_out() -> None:
    targets = {"a": ["b"], "b": ["a"]}
    assert find_cycle("a", lambda name: targets.get(name, ())) == ["a", "b", "a"]
    assert find_cycle("self", lambda name: ["self"]) == ["self", "self"]


def test_a_diamond_is_no_cycle_and_a_long_chain_is_no_recursion() -> None:
    diamond = {"a": ["b", "c"], "b": ["d"], "c": ["d"]}
    assert find_cycle("a", lambda name: diamond.get(name, ())) is None
    assert find_cycle("0", lambda name: [str(int(name) + 1)] if int(name) < 5000 else []) is None
