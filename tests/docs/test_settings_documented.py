"""Every setting stands in docs/reference/settings.md with its variable, default, unit and meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from thence.config import Setting
from thence.settings import known_settings

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def row(setting: Setting) -> str:
    return (
        f"| `{setting.name}` | `{setting.variable}` | {setting.default_text} | "
        f"{setting.unit or '–'} | {setting.description} |"
    )


@pytest.mark.parametrize("setting", known_settings(), ids=lambda setting: setting.name)
def test_the_setting_is_in_the_table_as_the_program_has_it(setting: Setting) -> None:
    assert row(setting) in PAGE.read_text("utf-8").splitlines()


def test_the_table_has_no_setting_that_the_program_lacks() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert len(rows) == len(known_settings())


@pytest.mark.parametrize("setting", known_settings(), ids=lambda setting: setting.name)
def test_a_number_says_its_unit_in_its_name_or_counts_things(setting: Setting) -> None:
    if isinstance(setting.default, float):
        assert setting.unit in ("seconds", "days", "hours")
