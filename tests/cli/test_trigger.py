"""Triggers from the command line, at a service beside which a package is installed that brings a kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import KEY_ID, KEY_SECRET, Service

KIND = """
import asyncio
from msgspec import Struct
from thence.triggers.interface import Firing, Kind

class Config(Struct, forbid_unknown_fields=True):
    text: str

class Once:
    def __init__(self, config, tools):
        self.text = config.text

    async def read(self, position, most):
        if position:
            await asyncio.Event().wait()
        return [Firing(key="only", payload=self.text.encode(), position="over")]

    async def close(self): ...

KIND = Kind("once", "the moment when it is made", Config, Once)
"""


@pytest.fixture(scope="module")
def with_kind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("triggers")
    package = folder / "packages"
    metadata = package / "once-1.0.dist-info"
    metadata.mkdir(parents=True)
    (package / "once_kind.py").write_text(KIND)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: once\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[thence.triggers]\nonce = once_kind:KIND\n")
    running = Service(folder, PYTHONPATH=str(package))
    yield running
    running.stop()


@pytest.fixture
def run(thence: Any, with_kind: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs a command line against that service, which has a function `f`."""
    monkeypatch.setenv("THENCE_URL", with_kind.url)
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_SECRET", KEY_SECRET)
    (tmp_path / "f.py").write_text("def handler(event, context): return event\n")
    assert thence("deploy", str(tmp_path / "f.py")).status == 0
    return thence


def test_a_trigger_is_set_fires_is_shown_listed_and_deleted(run: Any, tmp_path: Path) -> None:
    assert "f has no triggers." in run("trigger", "ls", "f").err
    ran = run("trigger", "set", "f", "t", "--type", "once", "--config", '{"text": "7"}', "--json")
    assert (ran.status, ran.json["config"], ran.json["enabled"]) == (0, {"text": "7"}, True)
    for _ in range(10_000):  # its call is a commit of its own
        called = run("ls", "--function", "f", "--json").json["items"]
        if called:
            break
    assert run("show", called[0]["id"], "--payload").out == "7"
    table = run("trigger", "ls", "f").out
    assert "once" in table and "f@latest" in table and "watching" in table
    shown = run("trigger", "show", "f", "t").out
    assert "config text  7\n" in shown and "calls        f@latest\n" in shown
    (tmp_path / "config").write_text('{"text": "8"}')
    assert run("version", "publish", "f").out == "1\n"
    ran = run(
        *("trigger", "set", "f", "t", "--type", "once", "--config", f"@{tmp_path}/config"),
        *("--qualifier", "1", "--disabled", "--description", "why"),
    )
    assert ran.status == 0 and "f@1" in ran.out and "disabled" in ran.out and "why" in ran.out
    assert run("trigger", "delete", "f", "t").err == "The trigger t of f is deleted.\n"
    assert run("trigger", "ls", "f", "--json").json == {"items": []}
    assert "code: trigger_not_found" in run("trigger", "show", "f", "t").err


def test_a_trigger_that_cannot_be_is_refused_with_its_field(run: Any) -> None:
    ran = run("trigger", "set", "f", "t", "--type", "nosuch")
    assert ran.status == 1 and "field: type" in ran.err and "one of once" in ran.err
    ran = run("trigger", "set", "f", "t", "--type", "once")
    assert ran.status == 1 and "field: config.text" in ran.err
    ran = run("trigger", "set", "f", "t", "--type", "once", "--config", "{")
    assert ran.status == 2 and "the configuration is not valid JSON" in ran.err
    ran = run("trigger", "set", "f", "t", "--type", "once", "--config", "@/nowhere/at/all")
    assert ran.status == 2 and "the configuration's file cannot be read" in ran.err
    ran = run("trigger", "ls", "f@1")
    assert ran.status == 2 and "write f." in ran.err
