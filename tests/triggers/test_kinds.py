"""The list of kinds of triggers, and those that installed packages bring."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from thence import packages
from thence.errors import StartupError
from thence.triggers import kinds
from thence.triggers.kinds import GROUP, KINDS, installed_kinds

from .tapes import Tapes

TAPE = Tapes().kind


def _brings(monkeypatch: pytest.MonkeyPatch, *brought: Any) -> None:
    entries = [EntryPoint("tape", f"reel:KIND_{n}", GROUP) for n, _ in enumerate(brought)]
    monkeypatch.setattr(packages, "entry_points", lambda group: entries if group == GROUP else [])
    loaded = iter(brought)
    monkeypatch.setattr(EntryPoint, "load", lambda self: next(loaded))


def test_a_kind_that_a_package_brings_is_there_beside_ours(monkeypatch: pytest.MonkeyPatch):
    _brings(monkeypatch, TAPE)
    assert installed_kinds() == {**{kind.type: kind for kind in KINDS}, "tape": TAPE}


def test_what_cannot_be_loaded_or_is_no_kind_stops_the_start(monkeypatch: pytest.MonkeyPatch):
    _brings(monkeypatch, object())
    with pytest.raises(StartupError, match=r"'tape' \(reel:KIND_0\) is a object; it must be"):
        installed_kinds()
    missing = EntryPoint("tape", "no_such_module_at_all:KIND", GROUP)
    monkeypatch.undo()
    monkeypatch.setattr(packages, "entry_points", lambda group: [missing])
    with pytest.raises(StartupError, match="cannot be loaded: ModuleNotFoundError"):
        installed_kinds()


def test_two_packages_with_one_type_stop_the_start(monkeypatch: pytest.MonkeyPatch):
    _brings(monkeypatch, TAPE, TAPE)
    with pytest.raises(StartupError, match=r"reel:KIND_0\) both bring the type 'tape'"):
        installed_kinds()


def test_two_of_ours_with_one_type_stop_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kinds, "KINDS", (*KINDS, TAPE, TAPE))
    with pytest.raises(StartupError, match=r"have one type: .*tape, tape"):
        installed_kinds()
