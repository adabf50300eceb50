"""Webhooks against a real receiver: signatures, what each answer means, what is never followed."""

from __future__ import annotations

import asyncio
import base64
import datetime
import socket
from email.utils import format_datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from thence.destinations.http.post import (
    ANSWER_BYTES_MAX,
    RETRY_AFTER_SECONDS_MAX,
    retry_after_seconds,
)
from thence.destinations.webhook import WebhookDestination, WebhookSender
from thence.lifecycle.ids import format_id

from .conftest import LOOPBACK, NOW

OLD = "whsec_" + base64.b64encode(b"old-secret-old-secret-old!").decode()
NEW = "whsec_" + base64.b64encode(b"new-secret-new-secret-new!").decode()
OTHER = "whsec_" + base64.b64encode(b"other-secret-other-secret!").decode()


@pytest.fixture
async def sender():
    it = WebhookSender(allow_networks=LOOPBACK)
    yield it
    await it.close()


async def test_a_record_arrives_with_its_headers(sender, receiver, parcel):
    sent = parcel({"type": "webhook", "url": receiver.url("/a?b=c"), "headers": {"X-Team": "blue"}})
    answer = await sender.send(sent)
    assert (answer.delivered, answer.status, answer.error) == (True, 200, "")
    [seen] = receiver.seen
    assert seen.body == sent.record
    assert seen.path == "/a?b=c"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["content-length"] == str(len(sent.record))
    assert seen.headers["webhook-id"] == format_id(sent.delivery_id)
    assert seen.headers["webhook-timestamp"] == str(sent.now // 1000)
    assert seen.headers["traceparent"] == sent.traceparent
    assert seen.headers["user-agent"].startswith("thence/")
    assert seen.headers["x-team"] == "blue"
    assert "webhook-signature" not in seen.headers


async def test_the_users_headers_do_not_replace_what_is_ours(sender, receiver, parcel):
    headers = {"Content-Type": "text/plain", "User-Agent": "mine/1", "Traceparent": "x"}
    await sender.send(parcel({"type": "webhook", "url": receiver.url(), "headers": headers}))
    seen = receiver.seen[0].headers
    assert seen["content-type"] == "application/json"
    assert seen["traceparent"].startswith("00-")
    assert seen["user-agent"] == "mine/1"


async def test_the_reference_verifier_accepts_the_signature(sender, receiver, parcel):
    await sender.send(parcel({"type": "webhook", "url": receiver.url(), "secrets": [NEW]}))
    [seen] = receiver.seen
    assert Webhook(NEW).verify(seen.body, seen.headers) == {"hello": "wörld"}
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(seen.body, seen.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(seen.body + b" ", seen.headers)


async def test_during_a_rotation_both_secrets_verify_and_the_newest_is_first(
    sender, receiver, parcel
):
    await sender.send(parcel({"type": "webhook", "url": receiver.url(), "secrets": [NEW, OLD]}))
    [seen] = receiver.seen
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(seen.body, seen.headers) == {"hello": "wörld"}
    first = {**seen.headers, "webhook-signature": seen.headers["webhook-signature"].split(" ")[0]}
    Webhook(NEW).verify(seen.body, first)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(seen.body, first)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_delivered(sender, receiver, parcel, status):
    receiver.status = status
    answer = await sender.send(parcel(receiver.url()))
    assert (answer.delivered, answer.again, answer.status) == (True, False, status)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_5xx_and_what_passes_are_sent_again(sender, receiver, parcel, status):
    receiver.status = status
    answer = await sender.send(parcel(receiver.url()))
    assert (answer.delivered, answer.again, answer.status) == (False, True, status)
    assert str(status) in answer.error
    assert answer.retry_after_seconds is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 451, 499])
async def test_other_4xx_are_rejected_for_good(sender, receiver, parcel, status):
    receiver.status = status
    answer = await sender.send(parcel(receiver.url()))
    assert (answer.delivered, answer.again, answer.status) == (False, False, status)
    assert answer.reason == "rejected"


async def test_410_means_gone(sender, receiver, parcel):
    receiver.status = 410
    answer = await sender.send(parcel(receiver.url()))
    assert (answer.delivered, answer.again, answer.reason) == (False, False, "gone")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(sender, receiver, parcel, status):
    receiver.status, receiver.headers = status, {"Location": receiver.url("/elsewhere")}
    answer = await sender.send(parcel(receiver.url()))
    assert [seen.path for seen in receiver.seen] == ["/hook"]
    assert (answer.delivered, answer.again, answer.reason) == (False, False, "rejected")
    assert "redirects are not followed" in answer.error


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_passed_on(sender, receiver, parcel, status):
    receiver.status, receiver.headers = status, {"Retry-After": "17"}
    answer = await sender.send(parcel(receiver.url()))
    assert answer.retry_after_seconds == 17


async def test_retry_after_beside_another_status_means_nothing(sender, receiver, parcel):
    receiver.status, receiver.headers = 500, {"Retry-After": "17"}
    assert (await sender.send(parcel(receiver.url()))).retry_after_seconds is None


def http_date(seconds: float) -> str:
    when = datetime.datetime.fromtimestamp(NOW // 1000 + seconds, tz=datetime.UTC)
    return format_datetime(when, usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        (" 12 ", 12),
        ("2.5", 2.5),
        ("99999", 99_999),
        ("9" * 5000, RETRY_AFTER_SECONDS_MAX),
        ("-3", None),
        ("soon", None),
        ("١٢", None),
        ("Fri, 99 Jan 2026 03:04:05 GMT", None),
        (http_date(90), pytest.approx(90, abs=1)),
        (http_date(-90), 0),
        (http_date(86_400), pytest.approx(86_400, abs=1)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_SECONDS_MAX),
    ],
)
def test_retry_after_is_seconds_or_a_date_as_it_was_asked(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


async def test_a_receiver_that_never_answers_is_given_up_and_tried_again(receiver, parcel):
    receiver.silent = True
    sender = WebhookSender(allow_networks=LOOPBACK, timeout_seconds=0.05)
    answer = await sender.send(parcel(receiver.url()))
    await sender.close()
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "did not answer within 0.05 s" in answer.error


async def test_nobody_listening_is_tried_again(sender, parcel):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))  # bound, not listening: nobody else can take the port
        answer = await sender.send(parcel(f"http://127.0.0.1:{holder.getsockname()[1]}/x"))
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "no connection" in answer.error


async def test_a_connection_that_breaks_is_tried_again(sender, receiver, parcel):
    receiver.hang_up = True
    answer = await sender.send(parcel(receiver.url()))
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "closed the connection" in answer.error


async def test_a_name_that_cannot_be_resolved_is_tried_again(parcel):
    async def lookup(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    sender = WebhookSender(lookup=lookup)
    answer = await sender.send(parcel("https://nowhere.example/x?token=s3cret"))
    await sender.close()
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "could not be resolved" in answer.error


async def test_an_answer_that_is_not_http_is_tried_again(sender, parcel, unused_answers):
    port = await unused_answers(b"220 mail.example ESMTP\r\n")
    answer = await sender.send(parcel(f"http://127.0.0.1:{port}/"))
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "not valid HTTP" in answer.error


async def test_a_host_name_that_is_none_is_refused_for_good(sender, parcel):
    answer = await sender.send(parcel(WebhookDestination("http://" + "a" * 300 + ".example/")))
    assert (answer.delivered, answer.again, answer.reason) == (False, False, "rejected")


async def test_a_certificate_nobody_vouches_for_is_tried_again(parcel, tls_receiver):
    sender = WebhookSender(allow_networks=LOOPBACK)
    answer = await sender.send(parcel(f"https://127.0.0.1:{tls_receiver}/"))
    await sender.close()
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "certificate was refused" in answer.error


async def test_tls_spoken_to_a_plain_port_is_tried_again(sender, receiver, parcel):
    answer = await sender.send(parcel(f"https://127.0.0.1:{receiver.port}/"))
    assert (answer.delivered, answer.again, answer.status) == (False, True, 0)
    assert "TLS handshake failed" in answer.error


async def test_a_short_answer_keeps_the_connection_and_a_long_one_ends_it(sender, receiver, parcel):
    for _ in range(3):
        await sender.send(parcel(receiver.url()))
    assert len({seen.peer for seen in receiver.seen}) == 1
    receiver.body = b"x" * (ANSWER_BYTES_MAX * 64)
    assert (await sender.send(parcel(receiver.url()))).delivered
    receiver.body = b""
    assert (await sender.send(parcel(receiver.url()))).delivered
    assert len({seen.peer for seen in receiver.seen}) == 2


async def test_a_body_that_breaks_off_does_not_undo_a_200(sender, parcel, unused_answers):
    port = await unused_answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
    answer = await sender.send(parcel(f"http://127.0.0.1:{port}/"))
    assert (answer.delivered, answer.status) == (True, 200)


async def test_cookies_of_one_receiver_are_not_sent_back(sender, receiver, parcel):
    receiver.headers = {"Set-Cookie": "session=1"}
    await sender.send(parcel(receiver.url()))
    await sender.send(parcel(receiver.url()))
    assert "cookie" not in receiver.seen[1].headers


async def test_a_proxy_of_the_environment_is_not_used(sender, receiver, parcel, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await sender.send(parcel(receiver.url()))).delivered


async def test_no_secret_is_ever_in_an_error(sender, receiver, parcel):
    secret = "s3cret-token"
    written = {
        "type": "webhook",
        "url": receiver.url(f"/{secret}?key={secret}#{secret}"),
        "secrets": [NEW],
        "headers": {"Authorization": f"Bearer {secret}"},
    }
    receiver.headers = {"X-Echo": secret}
    receiver.body = secret.encode()
    errors = []
    for status in (301, 400, 410, 429, 500):
        receiver.status = status
        errors.append((await sender.send(parcel(written))).error)
    receiver.hang_up = True
    errors.append((await sender.send(parcel(written))).error)

    async def lookup(host, port):
        raise socket.gaierror(socket.EAI_NONAME, f"{secret} is not known")

    closed = WebhookSender(lookup=lookup)
    errors.append((await closed.send(parcel(written))).error)
    for host in ("nowhere.example", "a" * 300):
        url = f"http://{host}/{secret}?key={secret}"
        errors.append((await closed.send(parcel(WebhookDestination(url, (NEW,))))).error)
    await closed.close()
    assert len(errors) == 9 and all(errors)
    for error in errors:
        assert secret not in error and NEW not in error and "?" not in error


async def test_a_closed_sender_can_be_closed_again(receiver, parcel):
    sender = WebhookSender(allow_networks=LOOPBACK)
    await sender.send(parcel(receiver.url()))
    await sender.close()
    await sender.close()


@pytest.fixture
async def unused_answers():
    """Starts servers that read a request's head and answer given bytes, then hang up."""
    servers = []

    async def start(answer: bytes) -> int:
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def tls_receiver(own_certificate):
    """The port of a TLS server with that certificate."""

    async def serve(reader, writer):
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=own_certificate)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
