"""The choice of a sender, who the receiver is, and that nothing is raised."""

from __future__ import annotations

import asyncio
import logging

import pytest
from msgspec.structs import replace

from thence.catalog.kinds import parse_destination
from thence.destinations.interface import Destination, Kind, Resources, Sent
from thence.destinations.kinds import KINDS
from thence.destinations.senders import Senders
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

    def resources(self) -> Resources:
        return Resources(self.put, self.accept, LOOPBACK, 5.0)


class Paper(Destination, frozen=True, tag="paper"):
    """A destination that somebody else brings."""

    tray: str

    def receiver(self) -> str:
        return f"paper:{self.tray}"

    def describe(self) -> str:
        return f"paper:{self.tray}"


class Glass(Paper, frozen=True, tag="glass"):
    """Another one."""


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


PAPER = Kind(
    destination=Paper,
    make=lambda resources: PaperSender(),
    written=("paper:TRAY",),
    read_text=lambda text, where: Paper(text.partition(":")[2]),
)


async def test_each_type_goes_to_its_sender(receiver, parcel):
    office = Office()
    senders = Senders(office.resources(), KINDS)
    for written in ("queue:done", "bucket:b/p/", "function:mail", receiver.url()):
        assert (await senders.send(parcel(written))).delivered
    await senders.close()
    assert [message.kind for message in office.put_messages] == ["queue", "bucket"]
    assert office.accepted == ["mail"]
    assert len(receiver.seen) == 1


@pytest.mark.parametrize(
    ("written", "receiver"),
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
def test_who_shares_a_receiver_shares_its_limit_and_fate(written, receiver):
    assert parse_destination(written).receiver() == receiver


async def test_a_sender_that_raises_is_tried_again_and_logged(parcel, monkeypatch, caplog):
    senders = Senders(Office().resources(), [PAPER])
    monkeypatch.setattr(PaperSender, "fails", KeyError("s3cret"))
    with caplog.at_level(logging.ERROR, "thence.destinations"):
        answer = await senders.send(parcel(Paper("a")))
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "KeyError" in answer.error and "s3cret" not in answer.error
    assert "paper:a" in caplog.text


async def test_a_receiver_that_is_away_is_no_mistake_of_the_sender(parcel, monkeypatch, caplog):
    senders = Senders(Office().resources(), [PAPER])
    monkeypatch.setattr(PaperSender, "fails", ConnectionRefusedError(111, "Connection refused"))
    answer = await senders.send(parcel(Paper("a")))
    assert (answer.delivered, answer.again) == (False, True)
    assert answer.error == "Sending failed: Connection refused." and not caplog.records


async def test_a_cancelled_send_stays_cancelled(parcel, monkeypatch):
    begun = asyncio.Event()

    async def never(self, parcel):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(PaperSender, "send", never)
    senders = Senders(Office().resources(), [PAPER])
    sending = asyncio.create_task(senders.send(parcel(Paper("a"))))
    await begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_what_was_cancelled_inside_a_sender_is_tried_again(parcel, monkeypatch, caplog):
    senders = Senders(Office().resources(), [PAPER])
    monkeypatch.setattr(PaperSender, "fails", asyncio.CancelledError())
    answer = await senders.send(parcel(Paper("a")))
    assert (answer.delivered, answer.again) == (False, True)
    assert "CancelledError" in answer.error and "paper:a" in caplog.text


async def test_a_sender_that_hangs_is_given_up(parcel, monkeypatch):
    async def never(self, parcel):
        await asyncio.Event().wait()

    monkeypatch.setattr(PaperSender, "send", never)
    senders = Senders(replace(Office().resources(), timeout_seconds=0.005), [PAPER])
    answer = await senders.send(parcel(Paper("a")))
    assert (answer.delivered, answer.again) == (False, True)
    assert "TimeoutError" in answer.error


@pytest.mark.parametrize(
    "answered",
    [
        None,
        True,
        Sent(False, again=True, status="503"),
        Sent(False, again=True, error=None),
        Sent(False, reason=None),
        Sent(False, again=True, retry_after_seconds="soon"),
        Sent(False, again=True, retry_after_seconds=float("nan")),
    ],
    ids=repr,
)
async def test_what_a_sender_may_not_answer_is_an_attempt_that_is_recorded(
    parcel, monkeypatch, answered
):
    async def send(self, parcel):
        return answered

    monkeypatch.setattr(PaperSender, "send", send)
    answer = await Senders(Office().resources(), [PAPER]).send(parcel(Paper("a")))
    assert (answer.delivered, answer.again) == (False, True)
    assert "TypeError" in answer.error


async def test_a_destination_nobody_can_send_to_is_a_dead_letter(parcel):
    senders = Senders(Office().resources(), [])
    answer = await senders.send(parcel("https://example.com/"))
    assert (answer.delivered, answer.again, answer.reason) == (False, False, "not_installed")


def test_a_sender_that_cannot_be_made_stops_the_start_and_says_of_which_kind():
    def fail(resources):
        raise ImportError("No module named 'paper_press'")

    with pytest.raises(StartupError, match=r"paper:TRAY .* No module named 'paper_press'"):
        Senders(Office().resources(), [replace(PAPER, make=fail)])


async def test_one_sender_that_cannot_be_closed_leaves_no_other_open(monkeypatch, caplog):
    senders = Senders(Office().resources(), [PAPER, replace(PAPER, destination=Glass)])
    monkeypatch.setattr(PaperSender, "closed", 0)
    monkeypatch.setattr(PaperSender, "fails", RuntimeError("stuck"))
    await senders.close()
    assert PaperSender.closed == 2
    assert "closing PaperSender failed" in caplog.text
