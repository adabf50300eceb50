"""Destinations as they are written: what is understood, refused, shown and kept."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thence.catalog import kinds
from thence.catalog.destination import (
    Destination,
    UnknownDestination,
    encode_destination,
    number_field,
)
from thence.catalog.kinds import Kinds, decode_destination, parse_destination
from thence.destinations.function import FunctionDestination
from thence.destinations.interface import Kind
from thence.destinations.kinds import KINDS
from thence.destinations.mailbox import MailboxDestination
from thence.destinations.webhook import WebhookDestination
from thence.errors import InvalidInput

NEW = "whsec_" + base64.b64encode(b"n" * 24).decode()
OLD = "whsec_" + base64.b64encode(b"o" * 64).decode()


@pytest.mark.parametrize(
    ("written", "parsed"),
    [
        ("function:done", FunctionDestination("done")),
        ("function:done@v2", FunctionDestination("done", "v2")),
        ("queue:orders", MailboxDestination("queue", "orders")),
        ("topic:a.b-c_d", MailboxDestination("topic", "a.b-c_d")),
        ("stream:s", MailboxDestination("stream", "s")),
        ("bucket:b", MailboxDestination("bucket", "b")),
        ("bucket:b/2026/in/", MailboxDestination("bucket", "b", "2026/in/")),
        ("https://example.org/hook?x=1", WebhookDestination("https://example.org/hook?x=1")),
        ("http://127.0.0.1:8080/", WebhookDestination("http://127.0.0.1:8080/")),
        ({"type": "queue", "name": "q"}, MailboxDestination("queue", "q")),
        ({"type": "function", "name": "f"}, FunctionDestination("f")),
        ({"type": "function", "name": "f", "qualifier": "3"}, FunctionDestination("f", "3")),
        (
            {"type": "bucket", "name": "b", "prefix": "p/", "expires_days": 365},
            MailboxDestination("bucket", "b", "p/", 365),
        ),
        (
            {
                "type": "webhook",
                "url": "https://h/",
                "secrets": [NEW, OLD],
                "headers": {"X-A": "1"},
            },
            WebhookDestination("https://h/", (NEW, OLD), {"X-A": "1"}),
        ),
    ],
)
def test_what_is_written_is_understood_kept_and_read_again(
    written: Any, parsed: Destination
) -> None:
    assert parse_destination(written) == parsed
    assert decode_destination(encode_destination(parsed)) == parsed


@pytest.mark.parametrize(
    ("written", "where", "says"),
    [
        (7, "on_success", "a text such as"),
        ("", "on_success", "is not a destination"),
        ("no-such:/tmp/x", "on_success", "Write function:NAME"),
        ("qeue:done", "on_success", "did you mean queue?"),
        ({"type": "webhok"}, "on_success.type", "did you mean webhook?"),
        ("function:1st", "on_success", "not a function name"),
        ("function:", "on_success", "not a function name"),
        ("function:f@", "on_success", "not a function name"),
        ("queue:", "on_success", "not a queue name"),
        ("queue:a/b", "on_success", "not a queue name"),
        ("topic:" + "t" * 121, "on_success", "at most 120"),
        ("bucket:b/../x", "on_success.prefix", "'..'"),
        ("bucket:b//x", "on_success.prefix", "no leading '/'"),
        ("https://", "on_success", "not a usable"),
        ("https://h:0/", "on_success", "not a usable"),
        ("https://h:99999/", "on_success", "not a usable"),
        ("https://[::1/", "on_success", "not a usable"),
        ("https://h/a b", "on_success", "not a usable"),
        ("https://h/\r\nX: y", "on_success", "not a usable"),
        ("https://h/" + "p" * 2048, "on_success", "2048"),
        ("https://user:pw@h/", "on_success", "user name or password"),
        ({}, "on_success.type", "not a destination type"),
        ({"type": "mailbox"}, "on_success.type", "queue"),
        ({"type": "queue"}, "on_success.name", "a text is needed"),
        ({"type": "queue", "name": "q", "prefix": "p"}, "on_success.prefix", "no such field"),
        ({"type": "bucket", "name": "b", "prefix": 3}, "on_success.prefix", "a text"),
        ({"type": "bucket", "name": "b", "expires_days": 366}, "on_success.expires_days", "365"),
        ({"type": "bucket", "name": "b", "expires_days": True}, "on_success.expires_days", "365"),
        ({"type": "function", "name": "f", "qualifier": 1}, "on_success.qualifier", "a text"),
        ({"type": "webhook"}, "on_success.url", "a text"),
        ({"type": "webhook", "url": "https://h", "secrets": NEW}, "on_success.secrets", "a list"),
        ({"type": "webhook", "url": "https://h", "secrets": [NEW] * 5}, "on_success.secrets", "4"),
        (
            {"type": "webhook", "url": "https://h", "secrets": [NEW, "whsec_short"]},
            "on_success.secrets[1]",
            "24 to 64",
        ),
        ({"type": "webhook", "url": "https://h", "headers": []}, "on_success.headers", "an object"),
        (
            {"type": "webhook", "url": "https://h", "headers": {f"h{n}": "" for n in range(17)}},
            "on_success.headers",
            "16",
        ),
        *(
            (
                {"type": "webhook", "url": "https://h", "headers": {name: value}},
                f"on_success.headers.{name}",
                "cannot be sent",
            )
            for name, value in [
                ("Host", "x"),
                ("content-length", "1"),
                ("Webhook-Id", "x"),
                ("a b", "x"),
                ("X-A", "one\r\ntwo"),
                ("X-A", "v" * 2049),
            ]
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_place(
    written: Any, where: str, says: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_destination(written, "on_success")
    assert refused.value.fields["field"] == where
    assert refused.value.detail.startswith(where)
    assert says in refused.value.detail


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["type", "name", "url", "secrets", "headers", "prefix", "x"]), inner | st.sampled_from(["queue", "bucket", "webhook", "function"]))))  # fmt: skip
def test_any_json_is_a_destination_or_a_refusal(written: Any) -> None:
    try:
        parsed = parse_destination(written)
    except InvalidInput:
        return
    assert decode_destination(encode_destination(parsed)) == parsed


def test_secrets_and_header_values_are_never_shown() -> None:
    destination = parse_destination(
        {
            "type": "webhook",
            "url": "https://h:8443/p?token=t0k3n",
            "secrets": [NEW, OLD],
            "headers": {"Authorization": "Bearer t0k3n"},
        }
    )
    shown = destination.shown()
    assert shown["secrets"] == ["whsec_…", "whsec_…"]
    assert shown["headers"] == {"Authorization": "…"}
    assert destination.describe() == "https://h:8443/p"


@pytest.mark.parametrize(
    "text", ["function:f", "function:f@2", "queue:q", "bucket:b", "bucket:b/p/", "https://h/p"]
)
def test_a_destination_that_fits_a_text_is_shown_as_that_text(text: str) -> None:
    assert parse_destination(text).shown() == text


def test_a_bucket_that_expires_is_shown_as_an_object_that_can_be_written_again() -> None:
    written = {"type": "bucket", "name": "b", "prefix": "p/", "expires_days": 7}
    parsed = parse_destination(written)
    assert parsed.shown() == written
    assert parsed.describe() == "bucket:b/p/"


def test_an_address_of_ipv6_keeps_its_brackets() -> None:
    destination = parse_destination("https://[2001:db8::1]:8443/p?x")
    assert destination.describe() == "https://[2001:db8::1]:8443/p"


class Parrot(Destination, frozen=True, tag="parrot"):
    name: str
    words: int = 1

    def receiver(self) -> str:
        return f"parrot:{self.name}"

    def describe(self) -> str:
        if self.name == "mute":
            raise ValueError("it says nothing")
        return f"parrot:{self.name}"

    def shown(self) -> Any:
        if self.name == "shy":
            raise ValueError("it hides")
        return super().shown()


PARROT = Kind(
    destination=Parrot,
    make=lambda resources: None,  # type: ignore[arg-type,return-value]
    written=("parrot:NAME",),
    read_text=lambda text, where: Parrot(text.partition(":")[2]),
)
WITH, WITHOUT = Kinds([*KINDS, PARROT]), Kinds(KINDS)


@pytest.mark.parametrize("written", ["parrot:polly", {"type": "parrot", "name": "polly"}])
def test_a_kind_is_read_by_the_types_of_its_struct_where_it_says_nothing_else(written: Any) -> None:
    assert WITH.parse(written) == Parrot("polly")
    assert WITH.types["parrot"] == ("name", "words")


@pytest.mark.parametrize(
    ("written", "where", "says"),
    [
        ({"type": "parrot"}, "on_failure.name", "required"),
        ({"type": "parrot", "name": "p", "words": "x"}, "on_failure.words", "'x' is not valid"),
        ({"type": "parrot", "name": "p", "wrods": 1}, "on_failure.wrods", "did you mean words"),
        ({"type": "parrot", "name": "p", "form": "fc"}, "on_failure.form", "no such field"),
    ],
)
def test_its_refusals_name_the_field_all_the_same(written: Any, where: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        WITH.parse(written, "on_failure")
    assert refused.value.fields["field"] == where
    assert refused.value.detail.startswith(where) and says in refused.value.detail


@pytest.mark.parametrize("written", ["parrot:s3cret", {"type": "parrot", "name": "s3cret"}])
def test_what_is_stored_of_a_kind_that_is_gone_shows_its_type_and_comes_back(written: Any) -> None:
    gone = WITHOUT.stored(written)
    assert isinstance(gone, UnknownDestination)
    assert gone.receiver() == "unknown:parrot" and gone.describe() == "parrot (not installed)"
    assert "s3cret" not in f"{gone.shown()} {gone.sentence()}"
    assert "'parrot'" in gone.sentence() and "install" in gone.sentence()
    owed = encode_destination(gone)
    assert WITHOUT.decode(owed).describe() == "parrot (not installed)"
    assert WITH.decode(owed) == Parrot("s3cret")


def test_what_was_owed_before_the_kind_went_is_read_again_once_it_is_back() -> None:
    owed = encode_destination(Parrot("polly"))
    gone = WITHOUT.decode(owed)
    assert isinstance(gone, UnknownDestination) and gone.kind == "parrot"
    assert WITH.decode(owed) == Parrot("polly")


def test_what_its_kind_cannot_read_any_more_says_so() -> None:
    unread = WITH.decode(b'{"type":"parrot","plumage":"blue"}')
    assert isinstance(unread, UnknownDestination)
    assert "cannot read what is stored" in unread.sentence()
    refused = WITHOUT.stored({"type": "queue", "name": "no/name"})
    assert isinstance(refused, UnknownDestination)
    assert "refuses what is configured (destination)" in refused.sentence()
    assert "no/name" not in refused.sentence()
    assert refused.describe() == "queue (not readable)"
    assert refused.shown() == {"type": "queue", "readable": False}
    no_form = WITHOUT.stored({"type": "queue", "name": "q", "form": "fc"})
    assert isinstance(no_form, UnknownDestination) and "(destination.form)" in no_form.sentence()
    assert (
        Kinds(KINDS, ("native", "fc")).decode(encode_destination(no_form)).describe() == "queue:q"
    )


@pytest.mark.parametrize("name", ["mute", "shy"])
def test_a_kind_that_fails_where_everybody_asks_keeps_nothing_else_from_working(name: str) -> None:
    unread = WITH.stored(f"parrot:{name}")
    assert isinstance(unread, UnknownDestination) and "(ValueError)" in unread.sentence()


def test_a_program_that_installed_no_kinds_reads_no_destination(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kinds, "_installed", None)
    with pytest.raises(RuntimeError, match="install_kinds"):
        parse_destination("queue:done")


@pytest.mark.parametrize("given", [{}, {"most": "7"}, {"most": True}, {"most": 0}, {"most": 10}])
def test_a_number_of_an_object_is_refused_by_field_and_range(given):
    with pytest.raises(InvalidInput, match=r"on_success\.most: .* is out of range; 1 to 9\.") as e:
        number_field(given, "most", "on_success", 1, 9)
    assert e.value.fields["field"] == "on_success.most"
    assert number_field({"most": 9}, "most", "on_success", 1, 9) == 9
