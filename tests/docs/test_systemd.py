"""The sample for systemd gives the service what it needs to end in order and to set up its sandbox."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from thence.config import Settings

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def service() -> configparser.SectionProxy:
    found = re.search(
        r"```ini\n(# /etc/systemd/system/thence\.service\n.*?)```", PAGE.read_text(), re.S
    )
    assert found is not None
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(found[1])
    return unit["Service"]


def test_functions_have_a_temporary_folder_outside_of_the_data_directory() -> None:
    """`strict` alone makes /tmp read-only: then there is no folder for temporary files."""
    unit = service()
    assert unit["ProtectSystem"] == "strict"
    assert unit["PrivateTmp"] == "yes"


def test_settings_lie_outside_of_the_data_directory() -> None:
    """A restore begins with an empty one: settings would be moved away with the lost store, and the
    service would go on with others."""
    unit = service()
    assert unit["Environment"] == "THENCE_LOG_FORMAT=json"  # the last of three
    assert "\nEnvironment=THENCE_DATA_DIR=/var/lib/" + unit["StateDirectory"] in PAGE.read_text()
    assert unit["WorkingDirectory"] == "/etc/" + unit["ConfigurationDirectory"]


def test_neither_a_run_without_memory_nor_crashes_in_a_row_keep_it_stopped() -> None:
    assert service()["OOMPolicy"] == "continue"
    assert "\nStartLimitIntervalSec=0\n" in PAGE.read_text()


def test_a_stop_is_longer_than_a_drain_and_told_to_the_service_alone() -> None:
    unit = service()
    assert int(unit["TimeoutStopSec"]) >= Settings().grace_seconds + 5
    assert unit["KillMode"] == "mixed"
