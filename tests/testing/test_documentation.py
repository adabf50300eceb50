"""docs/testing.md: every example on the page is run, and every answer is named there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from thence.testing import Service
from thence.testing.answers import Answer

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_page_has_its_examples() -> None:
    assert len(BLOCKS) == 5


@pytest.mark.parametrize("number", range(len(BLOCKS)))
async def test_every_example_on_the_page_runs(number: int) -> None:
    scope: dict[str, Any] = {}
    exec(compile(BLOCKS[number], f"docs/testing.md, example {number + 1}", "exec"), scope)
    (test,) = [item for name, item in scope.items() if name.startswith("test_")]
    if inspect.signature(test).parameters:
        async with Service() as service:
            await test(service)
    else:
        await test()


def test_the_page_names_every_answer() -> None:
    for answer in Answer.__args__:
        assert f"`{answer.__name__}(" in PAGE
