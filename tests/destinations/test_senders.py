"""The choice of a sender, its lane, kinds that others add, and that nothing is raised."""

from __future__ import annotations

import asyncio
import logging
from importlib.metadata import EntryPoint

import pytest

from thence.catalog.destination import WebhookDestination, parse_destination
from thence.destinations import senders as module
from thence.destinations.interface import Sent
from thence.destinations.senders import KINDS, Doors, Kind, Senders, installed_kinds
from thence.errors import StartupError

from .conftest import LOOPBACK


class Office:
    """Doubles of what the engine gives: what was put and what was accepted."""

    def __init__(self) -> None:
        self.put_messages, self.accepted = [], []

    async def put(self, message) -> None:
        self.put_messages.append(message)

    async def accept(self, name, payload, **rest) -> int:
        self.accepted.append(name)
        return 1

    def doors(self) -> Doors:
        return Doors(self.put, self.accept, LOOPBACK, 5.0)


class Paper:
    """A destination that somebody else brings."""

    def __init__(self, tray: str) -> None:
        self.tray = tray


class PaperSender:
    fails: BaseException | None = None
    closed = 0

    async def send(self, parcel):
        if self.fails is not None:
            raise self.fails
        return Sent(True, status=200)

    async def close(self):
        PaperSender.closed += 1
        if self.fails is not None:
            raise self.fails


PAPER = Kind(Paper, lambda doors: PaperSender(), lambda paper: f"paper:{paper.tray}")
NOT_A_KIND = "paper"


async def test_each_type_goes_to_its_sender(receiver, parcel):
    office = Office()
    senders = Senders(office.doors())
    for written in ("queue:done", "bucket:b/p/", "function:mail", receiver.url()):
        assert (await senders.send(parcel(written))).delivered
    await senders.close()
    assert [message.kind for message in office.put_messages] == ["queue", "bucket"]
    assert office.accepted == ["mail"]
    assert len(receiver.seen) == 1


@pytest.mark.parametrize(
    ("written", "lane"),
    [
        ("queue:done", "queue:done"),
        ("topic:news", "topic:news"),
        ("stream:s", "stream:s"),
        ("bucket:b/p/", "bucket:b"),
        ("function:mail", "function:mail"),
        ("function:mail@prod", "function:mail"),
        ("https://Example.COM/a?b=c", "webhook:https://example.com:443"),
        ("http://example.com./x", "webhook:http://example.com:80"),
        ("http://example.com:8080/y", "webhook:http://example.com:8080"),
        ("http://[::1]:8080/y", "webhook:http://[::1]:8080"),
    ],
)
def test_the_lane_is_the_receiver(written, lane):
    assert Senders(Office().doors()).key_of(parse_destination(written)) == lane


async def test_a_kind_of_another_package_is_found_by_its_entry_point(parcel, monkeypatch):
    entry = EntryPoint("paper", f"{__name__}:PAPER", module.GROUP)
    monkeypatch.setattr(module, "entry_points", lambda group: [entry])
    monkeypatch.setattr(EntryPoint, "load", lambda self: PAPER)
    senders = Senders(Office().doors())
    assert (await senders.send(parcel(Paper("a")))).delivered
    assert senders.key_of(Paper("a")) == "paper:a"
    await senders.close()


def test_without_packages_of_others_the_kinds_are_ours():
    assert set(installed_kinds()) >= {kind.destination for kind in KINDS}


@pytest.mark.parametrize("value", ["no_such_module_at_all:KIND", "json:no_such_name"])
def test_an_entry_point_that_cannot_be_loaded_stops_the_start(monkeypatch, value):
    entry = EntryPoint("paper", value, module.GROUP)
    monkeypatch.setattr(module, "entry_points", lambda group: [entry])
    with pytest.raises(StartupError, match=r"'paper' .* cannot be loaded"):
        Senders(Office().doors())


def test_an_entry_point_that_is_no_kind_stops_the_start(monkeypatch):
    entry = EntryPoint("paper", "json:dumps", module.GROUP)
    monkeypatch.setattr(module, "entry_points", lambda group: [entry])
    with pytest.raises(StartupError, match=r"must be a thence\.destinations\.senders\.Kind"):
        Senders(Office().doors())


async def test_a_sender_that_raises_is_tried_again_and_logged(parcel, monkeypatch, caplog):
    senders = Senders(Office().doors(), {Paper: PAPER})
    monkeypatch.setattr(PaperSender, "fails", KeyError("s3cret"))
    with caplog.at_level(logging.ERROR, "thence.destinations"):
        answer = await senders.send(parcel(Paper("a")))
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "KeyError" in answer.error and "s3cret" not in answer.error
    assert "paper:a" in caplog.text


async def test_a_receiver_that_is_away_is_no_mistake_of_the_sender(parcel, monkeypatch, caplog):
    senders = Senders(Office().doors(), {Paper: PAPER})
    monkeypatch.setattr(PaperSender, "fails", ConnectionRefusedError(111, "Connection refused"))
    answer = await senders.send(parcel(Paper("a")))
    assert (answer.delivered, answer.again) == (False, True)
    assert answer.error == "Sending failed: Connection refused." and not caplog.records


async def test_a_cancelled_send_stays_cancelled(parcel, monkeypatch):
    senders = Senders(Office().doors(), {Paper: PAPER})
    monkeypatch.setattr(PaperSender, "fails", asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await senders.send(parcel(Paper("a")))


async def test_a_destination_nobody_can_send_to_is_a_dead_letter(parcel):
    senders = Senders(Office().doors(), {})
    answer = await senders.send(parcel(WebhookDestination("https://example.com/")))
    assert (answer.delivered, answer.again, answer.reason) == (False, False, "rejected")


async def test_one_sender_that_cannot_be_closed_leaves_no_other_open(monkeypatch, caplog):
    other = Kind(int, lambda doors: PaperSender(), lambda destination: "int")
    senders = Senders(Office().doors(), {Paper: PAPER, int: other})
    monkeypatch.setattr(PaperSender, "closed", 0)
    monkeypatch.setattr(PaperSender, "fails", RuntimeError("stuck"))
    await senders.close()
    assert PaperSender.closed == 2
    assert "closing PaperSender failed" in caplog.text
