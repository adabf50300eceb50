"""Merges that all doors share: a configuration as a whole, an update of a function, numbers of versions,
cycles of destinations."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from thence.api.fc.defaults import DEFAULTS as FC
from thence.api.functiongraph.defaults import DEFAULTS as FUNCTIONGRAPH
from thence.catalog.alias import Alias
from thence.catalog.async_config import NATIVE, AsyncConfig, as_a_whole
from thence.catalog.function import FunctionSpec
from thence.catalog.graph import cycle_with
from thence.catalog.update import keeping, kept_by, updated
from thence.catalog.version import (
    check_new_alias,
    check_new_version,
    check_unused,
    next_number,
    number_of,
)
from thence.errors import Conflict, InvalidInput

# ---------------------------------------------------------------- configurations


@pytest.mark.parametrize("defaults", [NATIVE, FC, FUNCTIONGRAPH])
def test_what_is_not_said_has_the_default_of_the_door_whatever_was_there(
    defaults: AsyncConfig,
) -> None:
    before = AsyncConfig(max_retries=8, max_event_age_seconds=5, on_failure="queue:q")
    assert as_a_whole({}, defaults, before=before) == defaults
    assert as_a_whole({"max_retries": None, "on_failure": None}, defaults) == defaults
    said = {"max_retries": 0, "on_success": "queue:q"}
    assert as_a_whole(said, defaults) == replace(defaults, max_retries=0, on_success="queue:q")


def test_what_a_door_has_no_word_for_stays() -> None:
    before = AsyncConfig(listed=True, followed=True, max_retries=8)
    found = as_a_whole({}, NATIVE, before=before, kept=("listed", "followed"))
    assert found == replace(NATIVE, listed=True, followed=True)


def test_what_no_configuration_has_cannot_be_said() -> None:
    with pytest.raises(TypeError):
        as_a_whole({"retries": 1}, NATIVE)


# ---------------------------------------------------------------- updates of a function


def test_an_update_changes_what_is_said_and_what_its_door_keeps() -> None:
    before = FunctionSpec(memory_mb=512, attributes={"fc": {"cpu": 1}, "other": {"x": 1}})
    said = {"timeout_seconds": 5, "memory_mb": None, "description": ""}
    found = updated(before, said, "fc", {"cpu": 2})
    assert found == replace(
        before, timeout_seconds=5, attributes={"fc": {"cpu": 2}, "other": {"x": 1}}
    )
    assert before.attributes["fc"] == {"cpu": 1}


def test_a_door_keeps_nothing_of_what_another_one_deployed() -> None:
    assert kept_by(FunctionSpec(), "fc") == {}
    assert kept_by(FunctionSpec(attributes={"fc": "text"}), "fc") == {}
    assert kept_by(keeping(FunctionSpec(), "fc", {"a": 1}), "fc") == {"a": 1}


# ---------------------------------------------------------------- versions


def test_a_number_is_higher_than_all_that_were_given() -> None:
    assert next_number(0, ["latest"], []) == "1"
    assert next_number(7, ["latest", "2"], []) == "8"
    assert next_number(2, ["latest", "9", "v10"], []) == "10"


def test_a_number_that_is_the_name_of_an_alias_is_passed_over() -> None:
    assert next_number(0, [], ["1", "2", "4"]) == "3"


def test_a_name_that_is_no_number_counts_for_none() -> None:
    assert (number_of("12"), number_of("v12"), number_of("latest"), number_of("")) == (12, 0, 0, 0)


def test_versions_and_aliases_share_their_names() -> None:
    for check in (check_new_version, check_new_alias):
        check("f", "new", {"latest", "1"}, {"live"})
        for taken in ("1", "live"):
            with pytest.raises(Conflict, match=f"the (version|alias) '{taken}' already"):
                check("f", taken, {"latest", "1"}, {"live"})
        for wrong in ("latest", "LATEST", "", ".x", "-x", "a b", "x" * 129):
            with pytest.raises(InvalidInput):
                check("f", wrong, {"latest"}, set())


def test_a_version_that_an_alias_leads_to_is_used() -> None:
    aliases = {"b": Alias("b", "1"), "a": Alias("a", "2", {"1": 0.1}), "c": Alias("c", "3")}
    with pytest.raises(Conflict) as used:
        check_unused("f", "1", aliases)
    assert used.value.fields["aliases"] == ["a", "b"]
    check_unused("f", "4", aliases)


# ---------------------------------------------------------------- cycles


def test_a_cycle_names_the_fields_that_lead_into_it() -> None:
    there = {"b": ["c"], "c": ["a"], "d": []}
    found = cycle_with(
        "a", [("on_success", "d"), ("on_failure", "b")], lambda of: there.get(of, [])
    )
    assert found is not None
    assert (found.names, found.fields) == (["a", "b", "c", "a"], ["on_failure"])
    both = cycle_with("a", [("on_success", "b"), ("on_failure", "b")], lambda of: there.get(of, []))
    assert both is not None and both.fields == ["on_success", "on_failure"]


def test_a_function_that_calls_itself_is_a_cycle() -> None:
    found = cycle_with("a", [("on_success", "a")], lambda of: [])
    assert found is not None and found.names == ["a", "a"]


def test_who_sends_nowhere_makes_no_cycle() -> None:
    assert cycle_with("a", [], lambda of: ["a"]) is None
    assert cycle_with("a", [("on_success", "b")], lambda of: {"b": ["c"]}.get(of, [])) is None
