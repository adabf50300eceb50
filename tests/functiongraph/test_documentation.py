"""docs/reference/api-functiongraph.md has a word on everything that a request may hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from thence.api.functiongraph import (
    account,
    aliases,
    async_config,
    cancel,
    code,
    events,
    function_input,
    functions,
    invoke,
    metrics,
    pinned,
    records,
    status_log,
    tags,
    triggers,
    versions,
)

TEXT = (Path(__file__).parents[2] / "docs/reference/api-functiongraph.md").read_text()
WORDS = set(re.findall(r"\w+", TEXT))
INPUTS = (
    function_input.CreateInput,
    function_input.CodeInput,
    function_input.Strategy,
    functions.MaxInstances,
    versions.CreateVersion,
    aliases.CreateAlias,
    async_config.PutSettings,
    async_config.Targets,
    async_config.Target,
    cancel.Cancel,
    events.CreateEvent,
    tags.Tags,
)
FIELDS = sorted({name for item in INPUTS for name in item.__struct_encode_fields__} - {"action"})
SUBJECTS = (
    account,
    aliases,
    async_config,
    cancel,
    code,
    events,
    functions,
    invoke,
    metrics,
    pinned,
    records,
    status_log,
    tags,
    triggers,
    versions,
)
OPERATIONS = sorted({route.operation for subject in SUBJECTS for route in subject.ROUTES})
# What their sections are about without naming them.
SAID_OTHERWISE = {
    "create_version_alias",
    "delete_version_alias",
    "download_code",
    "list_version_aliases",
    "show_version_alias",
    "update_function_code",
    "update_version_alias",
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_a_request_is_documented(field: str) -> None:
    assert field in re.findall(r"`(\w+)", TEXT)


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - SAID_OTHERWISE))
def test_an_operation_is_documented(operation: str) -> None:
    assert operation in WORDS


@pytest.mark.parametrize("runtime", function_input.RUNTIMES)
def test_a_runtime_is_documented(runtime: str) -> None:
    assert f"`{runtime}`" in TEXT


def test_the_sizes_of_memory_are_documented() -> None:
    row = re.search(r"`memory_size` \| (.*) MB", TEXT)
    assert row is not None
    assert tuple(map(int, re.findall(r"\d+", row[1]))) == function_input.MEMORY_MB
