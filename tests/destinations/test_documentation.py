"""docs/destinations.md: its record is what the builder makes, its snippet verifies what we send."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from thence.api.doors import installed, record_forms
from thence.api.fc import function_error, record
from thence.api.functiongraph import notification
from thence.catalog.kinds import parse_destination
from thence.config import Settings
from thence.destinations.record import Record
from thence.destinations.source import Source
from thence.destinations.webhook import WebhookSender
from thence.lifecycle.decide import Spent
from thence.lifecycle.ids import parse_id
from thence.lifecycle.outcome import Budget, Outcome
from thence.lifecycle.states import Reason, State
from thence.store.records import AttemptView, InvocationView, Meta

from .conftest import LOOPBACK, NOW

FORMS = record_forms(installed())

CONDITIONS = ("RESOURCES", "SERVER", "EXPIRED", "NOT_FOUND", "CANCELLED", "FUNCTION_ERROR")
PAGE = (Path(__file__).parents[2] / "docs" / "destinations.md").read_text()


def example(name: str) -> str:
    match = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert match is not None, f"docs/destinations.md has no example {name!r}"
    return match.group(1)


def made(form: str = "native") -> dict:
    """The record of the very invocation that the page tells of."""
    id = parse_id("019b7ca9-8f2e-7000-8000-0000000000a1")
    ended = NOW + 6_852
    last = AttemptView(
        4, Outcome.FUNCTION_ERROR, Budget.FUNCTION_ERRORS, ended, ended, 9, None,
        "BadZipFile", "File is not a zip file",
    )  # fmt: skip
    payload = b'{"archive": "broken.zip"}'
    view = InvocationView(
        id, 1, "unzip", State.FAILED, Reason.RETRIES_EXHAUSTED, NOW, NOW, NOW, ended, 4,
        Spent(3), len(payload), None, Meta(), None, [last],
    )  # fmt: skip
    delivery = "019b7ca9-a9f2-7000-8000-0000000000d1"
    assert parse_id(delivery) is not None
    destination = parse_destination({"type": "topic", "name": "results", "form": form})
    settings = Settings()
    source = Source(
        view, payload, None, "failure", delivery, destination, 1024,
        settings.account_id, settings.region,
    )  # fmt: skip
    return json.loads(FORMS[form].build(source))


@pytest.mark.parametrize("form", tuple(FORMS))
def test_the_example_of_a_form_is_what_is_sent_field_by_field(form):
    shown, sent = json.loads(example("record" if form == "native" else form)), made(form)
    assert list(shown) == list(sent)
    for name in sent:
        assert shown[name] == sent[name], name


def test_every_form_is_told_with_its_content_type():
    for name, form in FORMS.items():
        assert f"| `{name}` | `{form.content_type}` |" in PAGE


def test_every_condition_and_status_of_vendors_records_is_told():
    for module in (record, notification):
        names = [value for name, value in vars(module).items() if name in CONDITIONS]
        assert len(names) >= 4
        for name in names:
            assert f"`{name}`" in PAGE
    assert f"`{function_error.UNHANDLED}`" in PAGE


def test_every_field_of_a_record_is_told():
    for name in Record.__struct_fields__:
        assert f"`{name}`" in PAGE, name


def test_every_destination_on_the_page_can_be_written():
    found = re.findall(r"^\| (`[^|]+`) \| (?:another|the built-in|a webhook)", PAGE, re.MULTILINE)
    assert len(found) == 4
    for cell in found:
        for written in re.findall(r"`([^`]+)`", cell):
            parse_destination(written)
    for line in re.findall(r'^\{"type".*\}$', PAGE, re.MULTILINE):
        written = json.loads(line)
        written.pop("secrets", None)  # the page shows no secret
        parse_destination(written)


@pytest.mark.parametrize(
    "reason",
    [
        "gone",
        "rejected",
        "forbidden_address",
        "too_many_hops",
        "retries_exhausted",
        "source_gone",
        "not_installed",
    ],
)
def test_every_reason_of_a_dead_delivery_is_told(reason):
    assert f"`{reason}`" in PAGE


async def test_the_snippet_verifies_what_a_receiver_gets(receiver, parcel):
    room: dict = {}
    exec(example("verify"), room)
    secrets = ["whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in range(3)]
    sender = WebhookSender(allow_networks=LOOPBACK)
    await sender.send(parcel({"type": "webhook", "url": receiver.url(), "secrets": secrets[:2]}))
    await sender.close()
    [seen] = receiver.seen
    verify = room["verify"]
    assert verify(seen.body, seen.headers, secrets[0])
    assert verify(seen.body, seen.headers, secrets[1])
    assert not verify(seen.body, seen.headers, secrets[2])
    assert not verify(seen.body + b" ", seen.headers, secrets[0])
    old = {**seen.headers, "webhook-timestamp": "1"}
    assert not verify(seen.body, old, secrets[0])
