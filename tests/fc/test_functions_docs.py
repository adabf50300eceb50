"""Every field that clients may send has its decision in docs/reference/api-fc.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from thence.api.fc.function_input import RUNTIMES, FunctionInput2, FunctionInput3

PAGE = (Path(__file__).parents[2] / "docs/reference/api-fc.md").read_text()
FUNCTIONS = PAGE.partition("\n## Functions\n")[2].partition("\n## ")[0]
ROWS = [line.split("|")[1] for line in FUNCTIONS.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize(
    "field",
    sorted({*FunctionInput3.__struct_encode_fields__, *FunctionInput2.__struct_encode_fields__}),
)
def test_a_field_is_in_the_table(field: str) -> None:
    assert any(f"`{field}`" in row for row in ROWS)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_runtime_is_named(runtime: str) -> None:
    assert f"`{runtime}`" in FUNCTIONS
