"""The list of kinds: ours, and those that installed packages bring."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from msgspec.structs import replace

from thence import packages
from thence.api import doors
from thence.catalog import kinds as catalog
from thence.catalog.destination import UnknownDestination, described
from thence.catalog.kinds import installed, parse_destination
from thence.destinations import kinds as module
from thence.destinations.kinds import KINDS, found_kinds, install_kinds
from thence.errors import InvalidInput, StartupError

from .test_senders import PAPER, Paper

FORMS = doors.record_forms(doors.installed())


@pytest.fixture(autouse=True)
def those_of_before(monkeypatch):
    monkeypatch.setattr(catalog, "_installed", installed())


def brings(monkeypatch, *brought, value: str = "press:KIND") -> None:
    entries = [
        EntryPoint("paper", f"{value}_{number}", module.GROUP) for number, _ in enumerate(brought)
    ]
    monkeypatch.setattr(packages, "entry_points", lambda group: entries)
    loaded = iter(brought)
    monkeypatch.setattr(EntryPoint, "load", lambda self: next(loaded))


def test_without_packages_of_others_the_kinds_are_ours():
    assert list(found_kinds())[: len(KINDS)] == list(KINDS)


def test_a_kind_that_a_package_brings_is_configured_by_its_type(monkeypatch):
    brings(monkeypatch, PAPER)
    install_kinds(forms=tuple(FORMS))
    assert parse_destination({"type": "paper", "tray": "a"}) == Paper("a")


def test_a_refusal_lists_the_installed_types_and_how_they_are_written(monkeypatch):
    brings(monkeypatch, PAPER)
    install_kinds(forms=tuple(FORMS))
    with pytest.raises(InvalidInput, match=r"use one of .*webhook, .*paper"):
        parse_destination({"type": "glass"})
    with pytest.raises(InvalidInput, match=r"an https:// URL.* or paper:TRAY"):
        parse_destination("glass:a")


@pytest.mark.parametrize("value", ["no_such_module_at_all:KIND", "json:no_such_name"])
def test_an_entry_point_that_cannot_be_loaded_stops_the_start(monkeypatch, value):
    entry = EntryPoint("paper", value, module.GROUP)
    monkeypatch.setattr(packages, "entry_points", lambda group: [entry])
    with pytest.raises(StartupError, match=r"'paper' .* cannot be loaded"):
        install_kinds()


def test_an_entry_point_that_is_no_kind_stops_the_start(monkeypatch):
    brings(monkeypatch, "paper")
    with pytest.raises(StartupError, match=r"must be a thence\.destinations\.interface\.Kind"):
        install_kinds()


@pytest.mark.parametrize("struct", [dict, type("Half", (Paper.__base__,), {}, tag="half")])
def test_a_kind_whose_struct_is_not_whole_stops_the_start(monkeypatch, struct):
    brings(monkeypatch, replace(PAPER, destination=struct))
    with pytest.raises(StartupError, match=r"must derive from Destination"):
        install_kinds()


def test_two_packages_that_bring_the_same_type_stop_the_start(monkeypatch):
    brings(monkeypatch, PAPER, PAPER)
    with pytest.raises(StartupError, match=r"both bring the type 'paper'"):
        install_kinds()


def copied(tag: str):
    """Of Paper, as somebody has it who copied the file of another kind."""
    return type("Copied", (Paper.__base__,), {"__module__": "thence.destinations.new"}, tag=tag)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (replace(PAPER, destination=copied("webhook")), "the tag 'webhook'"),
        (replace(PAPER, destination=copied("new"), types={"queue": ()}), "the type 'queue'"),
        (replace(PAPER, destination=copied("new"), words=("https",)), "the first word 'https'"),
    ],
)
def test_two_kinds_of_ours_that_are_one_stop_the_start(monkeypatch, more, says):
    monkeypatch.setattr(module, "KINDS", (*KINDS, more))
    with pytest.raises(StartupError, match=rf"thence.destinations.new.Copied both have {says}"):
        install_kinds()


def test_a_package_may_bring_a_kind_in_the_place_of_ours(monkeypatch):
    brings(monkeypatch, replace(PAPER, types={"queue": ("tray",)}))
    install_kinds()
    assert parse_destination({"type": "queue", "tray": "a"}) == Paper("a")
    assert parse_destination("topic:t").describe() == "topic:t"


def fails(*of):
    raise RuntimeError("s3cret")


BROKEN = [
    ("receiver", fails),
    ("receiver", lambda self: 5),
    ("receiver", lambda self: ""),
    ("receiver", lambda self: "paper:" + "a" * 4096),
    ("describe", fails),
    ("describe", lambda self: None),
    ("shown", fails),
    ("shown", lambda self: object()),
    ("calls", fails),
    ("calls", lambda self: "f"),
    ("host", fails),
    ("host", lambda self: None),
    ("form", property(fails)),
    ("name", property(lambda self: None)),
    ("record_bytes_max", property(lambda self: None)),
]


@pytest.mark.parametrize(("method", "broken"), BROKEN)
def test_a_kind_that_fails_is_told_when_it_is_configured_and_is_unknown_where_it_was(
    monkeypatch, method, broken
):
    kinds = catalog.Kinds([*KINDS, PAPER])
    monkeypatch.setattr(Paper, method, broken)
    with pytest.raises(InvalidInput, match=r"on_success: the kind 'paper' .* fails") as error:
        kinds.parse("paper:a", "on_success")
    assert error.value.fields["field"] == "on_success" and "s3cret" not in error.value.detail
    assert isinstance(kinds.stored("paper:a"), UnknownDestination)


def test_a_kind_that_cannot_read_what_is_written_says_so():
    kinds = catalog.Kinds([replace(PAPER, read_text=fails)])
    with pytest.raises(InvalidInput, match="the kind 'paper' of destinations fails"):
        kinds.parse("paper:a")


@pytest.mark.parametrize("broken", [fails, lambda self: None])
def test_what_is_owed_is_described_also_where_its_kind_fails_by_now(monkeypatch, broken):
    monkeypatch.setattr(Paper, "describe", broken)
    assert described(Paper("a")) == "paper (not readable)"


def test_who_only_reads_destinations_loads_no_http_client():
    code = "import sys, thence.destinations.kinds; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
