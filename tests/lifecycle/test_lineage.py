"""A chain of function destinations ends after 16 hops."""

from __future__ import annotations

from thence.lifecycle.lineage import HOPS_MAX, Lineage, next_hop


def test_a_chain_remembers_its_root_and_its_way() -> None:
    first = next_hop(None, "id-1", "a")
    assert first == Lineage("id-1", 1, ("a",))
    assert next_hop(first, "id-2", "b") == Lineage("id-1", 2, ("a", "b"))


def test_after_sixteen_hops_there_is_no_further_one() -> None:
    lineage: Lineage | None = None
    for hop in range(HOPS_MAX):
        lineage = next_hop(lineage, f"id-{hop}", f"f{hop}")
        assert lineage is not None
    assert lineage is not None
    assert lineage.hops == len(lineage.path) == HOPS_MAX
    assert next_hop(lineage, "id-16", "f16") is None
