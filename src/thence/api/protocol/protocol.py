"""The HTTP protocol of every connection: uvicorn's, with the fast path answered in it.

Here is how a request is read: what comes from the socket, its head, and whose turn is next. Accepts that
are plain are answered in fast_turn.py. Everything else goes on to the application untouched, and so does
an accept that needs more (`Prefer`, `Expect`, an `Origin`, whatever its door leaves alone) or that comes
while another request of its connection is under way, so that answers keep their order.
"""

from __future__ import annotations

import logging

import httptools

from ..shared import problems
from .limits import (
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    OPEN,
    SLOW,
    TARGET_BYTES_MAX,
    VERSIONS,
)
from .refusals import (
    head_too_large,
    no_place,
    no_tunnel,
    other_version,
    target_too_long,
    too_many_headers,
    twice,
    unknown_coding,
)
from .refusing import LastAnswer
from .unvouched import Unvouched

log = logging.getLogger("thence.api")


class Protocol(Unvouched):
    """One connection."""

    def data_received(self, data: bytes) -> None:
        if self._deaf or self._refusal is not None:
            return
        self._heard_at = self.loop.time()
        self._take(data)
        if self._beside_body or self._counted or not self._in_head or self._held:
            self._account()

    def _feed(self, data: bytes) -> None:
        self._piece = len(data)
        self._beside_body += self._piece
        rest = data
        try:
            while rest:  # a piece that begins within the end of a head may hold another whole one
                try:
                    self.parser.feed_data(rest)
                    break
                except httptools.HttpParserUpgrade as stopped:
                    head = self._without_upgrade()
                    # Empty: it was CONNECT, which is refused, and nothing behind it is looked at.
                    rest = head and head + rest[stopped.args[0] :]
        except httptools.HttpParserError as error:
            log.debug("a request cannot be read: %s", error)
            self._fed = data
            self.send_400_response("")
            return
        if self._beside_body > HEAD_BYTES_MAX:
            self._flooded()

    def _without_upgrade(self) -> bytes:
        """The parser takes all behind a head with `Upgrade` for another protocol, the body too. We
        have no other, so the same head is read once more without that line."""
        head, self._anew = self._anew, b""
        if head:
            # The same one would throw all of it away where the head said `Connection: close`.
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
        return head

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._is_fast = False
        self._begun_in = self._piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer: it came after the request was judged, so it may say nothing
        # The parser leaves spaces behind a value, and signatures leave them out: they make no other nonce.
        self.headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        tunnel = self.parser.should_upgrade()
        if tunnel and self.parser.get_method() != b"CONNECT":
            self._anew = self._plain_head()
            return
        self._in_head = False
        if self._deaf or self._refusal is not None or self.transport.is_closing():
            # A refusal closes the connection: what was sent behind it is not looked at.
            self._is_fast = True
            return
        url, version = self.url, self.parser.get_http_version()
        if tunnel or version not in VERSIONS:
            self._is_fast = True
            self._refuse_in_turn(no_tunnel() if tunnel else other_version())
            return
        if (
            (
                self._beside_body + self._begun_in > HEAD_BYTES_MAX  # it may be, so it is counted
                and self._head_bytes() > HEAD_BYTES_MAX
            )
            or len(url) > TARGET_BYTES_MAX
            or len(self.headers) > HEADERS_MAX
        ):
            self._is_fast = True
            self._refuse_in_turn(self._head_refusal())
            return
        if self._limited and url.partition(b"?")[0] not in OPEN:
            self._is_fast = True
            self._context.places.refused += 1
            self._refuse_in_turn(no_place(self._context.places.most))
            return
        unclear = self._look_through(version)
        if unclear is not None:
            self._is_fast = True
            self._refuse_in_turn(unclear)
            return
        self._body_since = self._heard_at
        for fast_path in self._fast_paths:
            if url.startswith(fast_path.prefixes):
                if not self.busy() and self._begin_fast(fast_path, url, version):
                    return
                break
        headers, expect = self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)
        try:
            super().on_headers_complete()
        except Exception as error:  # httptools' errors for targets that are no URLs have no base
            log.debug("a request's target cannot be read: %r", error)
            self._is_fast = True
            self._refuse_in_turn(problems.Malformed("The request's target cannot be read."))
            return
        self._body_size = 0
        if not self.cycle.keep_alive:
            self.cycle.transport = LastAnswer(self, self.cycle)  # type: ignore[assignment]
        if self.pipeline:
            self.flow.shut = True

    def _plain_head(self) -> bytes:
        """The head that was read, without `Upgrade`."""
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % pair for pair in self.headers if pair[0] != b"upgrade"]
        return b"\r\n".join((*lines, b"", b""))

    def _look_through(self, version: str) -> problems.HttpError | None:
        """Note what the headers say. An error: one leaves unclear what is asked, or by whom."""
        host: bytes | None = None
        rare: list[bytes] = []
        length = 0
        noted, once = self._reads.noted, self._reads.once
        for name, value in self.headers:
            if name not in noted:
                continue
            if name == b"content-length":
                length = int(value)  # the parser has checked it
            elif name == b"host":
                if host is not None:
                    return twice(name)
                self._host = host = value
            elif name == b"transfer-encoding":
                if value.lower() != b"chunked":
                    return unknown_coding(value)
            elif name in once and name in rare:
                return twice(name)
            else:
                rare.append(name)
                if name == b"expect" and value.lower() == b"100-continue":
                    self.expect_100_continue = True
        self._length = length
        self._slow = bool(rare) and not SLOW.isdisjoint(rare)
        if host is None and version == "1.1":
            return problems.Malformed("Host: HTTP/1.1 needs this header.", field="Host")
        return None

    def _head_bytes(self) -> int:
        return sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _head_refusal(self) -> problems.HttpError:
        if self._head_bytes() > HEAD_BYTES_MAX:
            return head_too_large()
        if len(self.headers) > HEADERS_MAX:
            return too_many_headers(len(self.headers))
        return target_too_long(len(self.url))

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        self._reserved = False
        self._making = 0
        if self._unread and not self.flow.write_paused and not self._keeps_some():
            self._all_read()
        if self._deaf or self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._refusal is not None:
            self._refuse(self._refusal)
            return
        if self.flow.shut:
            self._go_on()
            self._account()
        elif self.flow.read_paused:
            self.flow.resume_reading()
