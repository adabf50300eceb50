"""The HTTP protocol of every connection: uvicorn's, with the fast path (fast_path.py) answered in here.

A plain accept goes straight to the engine, and its answer is written from the commit's callback
(design §4). Everything else goes on to the application untouched, and so does an accept that needs
more (`Prefer`, `Expect`, an `Origin`, whatever its door leaves alone) or that comes while another
request of its connection is under way, so that answers keep their order.

Also here, because only the protocol sees it: limits of header and target, of idle and half-sent
requests, of connections; and malformed HTTP as a problem.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import httptools

from ...errors import ThenceError
from ..shared import problems
from ..shared.context import Context
from ..shared.fast_path import FastPath, FastRequest, with_header
from ..shared.places import Place
from ..shared.unread import CONNECTION, COUNTED_BYTES
from .turns import Turns
from .unframed import unframed

log = logging.getLogger("thence.api")

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 256
HEADER_BYTES = 200  # what a header that has come costs in memory beside its text
TARGET_BYTES_MAX = 8 * 1024
IDLE_SECONDS = 75.0  # without a request, or with a header that does not end
STALLED_SECONDS = 60.0  # a body of which nothing more comes
BODY_SECONDS = 60.0  # a whole body may take so long, and a second more for each
BODY_BYTES_PER_SECOND_MIN = 16 * 1024  # of it
READ_SECONDS = (
    60.0  # the caller may take so long to read what waits for it, and likewise for its size
)
LINGER_SECONDS = 2.0  # after a refusal: so that the caller can read it before the connection goes
# Headers that would leave unclear what is asked, or by whom, if they came twice.
ONCE = frozenset({b"host", b"authorization", b"x-auth-token", b"origin", b"expect"})
# What is answered when there is no place for anything else.
OPEN = frozenset({b"/livez", b"/readyz"})
# Headers with which a request takes the slow path.
SLOW = frozenset({b"prefer", b"expect", b"origin"})
VERSIONS = frozenset({"1.0", "1.1"})
READ_VERSIONS = VERSIONS | {"0.0"}  # the parser's before it has read one
NOTED = ONCE | SLOW | {b"content-length", b"transfer-encoding"}
_TARGETS = re.compile(rb"(?:^|\n)[A-Z]{3,10} (/[!-~]{0,200})")


class Protocol(Turns):
    """One connection."""

    def __init__(
        self, context: Context, fast_paths: tuple[FastPath, ...], *arguments: Any, **settings: Any
    ) -> None:
        super().__init__(*arguments, **settings)
        self._context = context
        self._fast_paths = fast_paths
        self.url = b""
        self._fast = FastRequest()
        self._is_fast = False  # the request being read is fast, or refused
        self._piece = 0  # bytes of what is being parsed
        self._begun_in = 0  # bytes of that piece in which the request began
        self._in_head = True  # between requests, or in a request's header
        self._beside_body = 0  # bytes since the last that was of a body or ended a request
        self._body_size = 0  # of the request that the application answers, so far
        self._body_since = 0.0
        self._counted = 0  # of the bytes that nobody vouches for, those of this connection
        self._refusal: ThenceError | None = None  # to be sent when earlier requests are answered
        self._deaf = False  # refused: what still comes is thrown away
        self._fed = b""  # what the parser gave up on
        self._anew = (
            b""  # the head of a request that asked for another protocol, without the header
        )
        self._idle_since = self.loop.time()
        self._heard_at = self._idle_since
        self._patience: asyncio.TimerHandle | None = None
        self._read_by = 0.0  # while writing is paused: when the caller must have read most of it
        self._unread = False  # large answers of it are counted as unread
        self._making = 0  # bytes of the one that is made and not written yet, which are counted too
        self._reserved = False  # they were counted before it was made
        self._narrow = False  # writing goes on when nothing is left to be read
        self._lost = False
        self._limited = False  # there is no place for more than whether the service lives
        # What the headers of the request being read say of how it is to be read:
        self._host = b""
        self._length = 0
        self._slow = False
        self._hosts = None if context.credentials.required else context.credentials.hosts

    # ------------------------------------------------------------ the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # These waits are of the connection, not of the service: real time, like all of HTTP.
        self._patience = self.loop.call_later(IDLE_SECONDS, self._look)
        place = self._context.places.enter(self, self._idle_since)
        self._limited = place is not Place.ANY
        if place is Place.NONE:
            self._refuse(self._no_place())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._held.clear()
        self._context.places.leave(self)
        self._lost, self._unread = True, False
        self._context.unread.give(self)
        super().connection_lost(exc)
        if self._counted:
            self._context.unproven.give(self._counted)
            self._counted = 0

    def idle_since(self) -> float | None:
        unread = self.transport.get_write_buffer_size()
        return None if unread or self._busy() else self._idle_since

    def make_room(self) -> None:
        self.transport.close()

    def _no_place(self) -> problems.HttpError:
        most = self._context.places.most
        return problems.TooManyConnections(
            f"{most} connections are open and in use; more are not taken (limits.connections_max, or "
            "what the limit of open files leaves of it). Try again later.",
            limit=most,
        )

    def _look(self) -> None:
        """Close a connection that holds its place without using it."""
        now = self.loop.time()
        # Closing would wait for the caller to read what was answered, so it may be for ever.
        if self.flow.write_paused:
            left = self._read_by - now
            if left <= 0:
                self.cut()
                return
            left = min(left, IDLE_SECONDS)  # it may have read everything long before
        elif not self._busy() or self.transport.is_closing():
            left = self._idle_since + IDLE_SECONDS - now
            if left <= 0:
                self.cut()
                return
        elif self.cycle.more_body and not self.flow.read_paused:
            left = min(self._heard_at + STALLED_SECONDS, self._body_due()) - now
            if left <= 0 and not self._deaf:
                self._broken(_too_slow())
                return
        else:
            left = STALLED_SECONDS
            self._body_since = now  # it waits for us: that is not the caller's time
        self._patience = self.loop.call_later(max(left, 1.0), self._look)

    def pause_writing(self) -> None:
        super().pause_writing()
        size = self.transport.get_write_buffer_size()
        self._read_by = self.loop.time() + READ_SECONDS + size / BODY_BYTES_PER_SECOND_MIN

    def resume_writing(self) -> None:
        if self._unread and self._keeps_some():
            return
        super().resume_writing()
        self._idle_since = self.loop.time()  # until now it has read
        if self._unread:
            self._all_read()

    def _keeps_some(self) -> bool:
        """Whether a byte is left of a large answer: the transport keeps all of it until the last byte
        has gone. Then nothing more is written before that."""
        left = self.transport.get_write_buffer_size() > 0
        if left != self._narrow:
            self._narrow = left
            self.transport.set_write_buffer_limits(high=0 if left else None)
        return left

    def reserve(self, size: int, *, spare: bool) -> None:
        """See unread.Connection."""
        if not self._reserved:
            self._count(size, spare=spare)
            self._reserved = True

    def answers(self, size: int, *, done: bool) -> None:
        """See unread.Connection."""
        if self._reserved:
            self._reserved = False
        elif size > COUNTED_BYTES:
            self._count(size, done=done)

    def _count(self, size: int, **how: bool) -> None:
        if self._lost:
            return  # (One that is closing still keeps what is written to it.)
        self._context.unread.take(self, size, self.loop.time(), **how)
        self._unread = True
        self._making += size

    def cut_off(self) -> None:
        self.transport.abort()

    def _all_read(self) -> None:
        """All that was written; the next answer may be waiting for that."""
        self._unread = self._making > 0
        self._context.unread.read(self, self._making, self.loop.time())

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if cycle.scope["method"] != "HEAD":
            cycle.scope[CONNECTION] = self
        if cycle.scope["http_version"] == "1.0":
            app = unframed(app, cycle)
        super()._start_asgi_task(cycle, app)

    def _body_due(self) -> float:
        """When the body that is being read must have ended."""
        cycle: Any = self.cycle
        size = self._fast.size if cycle is self._fast else self._body_size
        return self._body_since + BODY_SECONDS + size / BODY_BYTES_PER_SECOND_MIN

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

    def _ends(self) -> bool:
        return self._deaf or self._refusal is not None or self.transport.is_closing()

    # ------------------------------------------------------------ bytes that nobody vouches for

    def _account(self) -> None:
        """Count what this connection keeps of them now, or refuse the request that is too much.
        Bodies that the application reads are counted there (body.py)."""
        wanted = 0 if self._ends() else self._unproven_bytes()
        more = wanted - self._counted
        if more > 0:
            try:
                self._context.unproven.take(more)
            except ThenceError as error:
                self._overloaded(error)
                return
        elif more < 0:
            self._context.unproven.give(-more)
        self._counted = wanted

    def _unproven_bytes(self) -> int:
        fast, wanted = self._fast, len(self._held)
        cycle: Any = self.cycle
        if self._in_head:
            wanted += self._beside_body
            if self._beside_body and not self._deaf:
                wanted += len(self.headers or ()) * HEADER_BYTES
        elif cycle is fast and fast.more_body and not fast.via.vouched(fast.asked):
            wanted += fast.size
        elif self.pipeline:
            wanted += len(cycle.body)
        return wanted

    def _overloaded(self, error: ThenceError) -> None:
        fast = self._fast
        cycle: Any = self.cycle
        self._held.clear()
        if cycle is fast and not fast.response_complete and fast.more_body:
            fast.chunks = []
            self._refuse_fast(error)
        else:
            self._refuse_in_turn(error)
        if self._counted:
            self._context.unproven.give(self._counted)
            self._counted = 0

    # ------------------------------------------------------------ the parser's callbacks

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
            self._refuse_in_turn(_no_tunnel() if tunnel else _other_version())
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
            self._refuse_in_turn(self._no_place())
            return
        unclear = self._look_through(version)
        if unclear is not None:
            self._is_fast = True
            self._refuse_in_turn(unclear)
            return
        self._body_since = self._heard_at
        for fast_path in self._fast_paths:
            if url.startswith(fast_path.prefixes):
                if not self._busy() and self._begin_fast(fast_path, url, version):
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
        noted = NOTED
        for name, value in self.headers:
            if name not in noted:
                continue
            if name == b"content-length":
                length = int(value)  # the parser has checked it
            elif name == b"host":
                if host is not None:
                    return _twice(name)
                self._host = host = value
            elif name == b"transfer-encoding":
                if value.lower() != b"chunked":
                    return _unknown_coding(value)
            elif name in ONCE and name in rare:
                return _twice(name)
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
            return _head_too_large()
        if len(self.headers) > HEADERS_MAX:
            return problems.HeadersTooLarge(
                f"The request has {len(self.headers)} header lines; at most {HEADERS_MAX} are taken.",
                limit=HEADERS_MAX,
            )
        return _target_too_long(len(self.url))

    def on_body(self, body: bytes) -> None:
        self._beside_body = 0
        if not self._is_fast:
            self._body_size += len(body)
            super().on_body(body)
            return
        fast = self._fast
        if fast.response_complete or not fast.more_body:
            return  # refused already, or sent behind a refused request
        fast.size += len(body)
        if fast.size > fast.via.bytes_max:
            self._refuse_fast(fast.via.too_large(fast.size))
            return
        fast.chunks.append(body)

    def on_message_complete(self) -> None:
        if self._anew:
            return  # it is read once more
        self._in_head = True
        self._beside_body = 0
        if not self._is_fast:
            super().on_message_complete()
            return
        fast = self._fast
        if fast.response_complete or not fast.more_body:
            return
        fast.more_body = False
        chunks = fast.chunks
        payload = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        fast.chunks = []
        try:
            fast.via.accept(fast.asked, self.headers, payload, self._accepted)
        except ThenceError as error:
            self._answer_error(error)
        except Exception:  # a mistake of ours must not end the connection without an answer
            log.exception("accepting failed")
            self._answer_error(problems.internal())

    # ------------------------------------------------------------ the fast path

    def _begin_fast(self, fast_path: FastPath, url: bytes, version: str) -> bool:
        """Whether the request is answered in here; then its body is collected."""
        target = fast_path.target(url)
        if target is None or self.parser.get_method() != b"POST" or self.flow.write_paused:
            return False
        if self._context.started_at is None:
            return False
        if self._slow or version != "1.1":
            return False
        if self._hosts is not None and self._host not in self._hosts:
            if not self._context.credentials.takes_host(self._host):
                return False
        asked = fast_path.admit(target, self.headers)
        if asked is None:
            return False
        fast = self._fast
        fast.via = fast_path
        fast.asked = asked
        fast.keep_alive = self.parser.should_keep_alive()
        fast.response_complete = False
        fast.more_body = True
        fast.chunks = []
        fast.size = 0
        self.cycle = fast  # type: ignore[assignment]
        self._is_fast = True
        if self._length > fast_path.bytes_max:
            self._refuse_fast(fast_path.too_large(self._length))
        return True

    def _accepted(self, accepted: Any, error: ThenceError | None) -> None:
        """The commit is on disk, or failed."""
        if error is not None:
            self._answer_error(error)
            return
        fast = self._fast
        answer = fast.via.accepted(fast.asked, accepted, self._date())
        if not fast.keep_alive:
            answer = with_header(answer, b"connection: close")
        self._write(answer)

    def _answer_error(self, error: ThenceError) -> None:
        fast = self._fast
        self._write(fast.via.refused(fast.asked, error, self._date(), close=not fast.keep_alive))

    def _refuse_fast(self, error: ThenceError) -> None:
        """Its body is not wanted: answer, and end the connection."""
        fast = self._fast
        fast.response_complete = True
        self._end(fast.via.refused(fast.asked, error, self._date(), close=True))

    def _write(self, answer: bytes) -> None:
        fast = self._fast
        fast.response_complete = True
        transport = self.transport
        if transport.is_closing():
            return  # the caller has gone; what was accepted stays accepted
        transport.write(answer)
        if not fast.keep_alive:
            transport.close()
        self.on_response_complete()

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

    # ------------------------------------------------------------ refusing

    def send_400_response(self, msg: str) -> None:
        """The parser has given up on what came."""
        if self._ends():
            return  # what it could not read was refused already, or is behind what was
        if not self.url and (targets := _TARGETS.findall(self._fed)):
            self.url = targets[-1]  # in it, so it did not say which: a door's words are wanted
        if self.parser.get_http_version() not in READ_VERSIONS:  # that is what it gave up on
            self._broken(_other_version())
            return
        self._broken(
            problems.Malformed(
                "The bytes that came are not a valid HTTP/1.1 request; the connection is closed."
            )
        )

    def _flooded(self) -> None:
        """A header or a trailer that does not end, or framing without a body in it."""
        if self._deaf or self._refusal is not None:
            return
        cycle: Any = self.cycle
        if self._in_head:
            self._refuse_in_turn(_head_too_large())
        elif cycle is not None and cycle.response_complete:
            self.transport.close()  # its answer is out: a second one would belong to nothing
        else:
            self._broken(_head_too_large())

    def _broken(self, problem: ThenceError) -> None:
        """Nothing that still comes can be read: answer what was read, then with the problem."""
        cycle: Any = self.cycle
        if self._busy() and cycle.more_body:
            # It broke in the middle of a body: that request can never be complete.
            if cycle is self._fast:
                self._fast.response_complete = True
                self._refuse(problem)
                return
            queued = [entry for entry in self.pipeline if entry[0] is cycle]
            if not queued:
                if cycle.response_started:
                    self.transport.close()
                else:
                    cycle.disconnected = True
                    cycle.waiting_for_100_continue = False  # it is not wanted any more
                    cycle.message_event.set()
                    self._refuse(problem)
                return
            self.pipeline.remove(queued[0])
        self._refuse_in_turn(problem)

    def _refuse_in_turn(self, error: ThenceError) -> None:
        """Answer with the error and close, after the answers to earlier requests."""
        if self._unanswered():
            self._refusal = error
        else:
            self._refuse(error)

    def _unanswered(self) -> bool:
        """Whether an earlier request still waits for its answer."""
        return self._busy() or bool(self.pipeline)

    def _refuse(self, error: ThenceError) -> None:
        for fast_path in self._fast_paths:
            if self.url.startswith(fast_path.prefixes):
                self._end(fast_path.broken(error, self._date()))
                return
        self._end(problems.raw(error, date=self._date(), close=True))

    def _end(self, answer: bytes) -> None:
        """Write the answer, throw away what still comes, and close soon. Closing at once could make
        the caller's system drop the answer unread, because it is still sending."""
        self._refusal = None
        self._deaf = True
        self._idle_since = self.loop.time()
        self._held.clear()
        self.flow.shut = False
        transport = self.transport
        if transport.is_closing():
            return
        transport.write(answer)
        if transport.can_write_eof():
            transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, transport.close)

    def answered_last(self, cycle: Any) -> None:
        """The connection ends with this answer, which may have come before the request's body."""
        if cycle.more_body and not self._deaf:
            self._end(b"")
        else:
            self.transport.close()

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """True keeps the way to the caller open: one that has sent all it will send may still read
        the answer. Not for other requests: there the end of the caller is what ends their work."""
        fast = self._fast
        if not self._deaf and not fast.response_complete and not fast.more_body:
            fast.keep_alive = False
            return not self.pipeline
        return None

    def _date(self) -> bytes:
        headers = self.server_state.default_headers
        return headers[0][1] if headers else b""


class LastAnswer:
    """The transport of a request with which its connection ends, as uvicorn uses it."""

    def __init__(self, protocol: Protocol, cycle: Any) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        self._protocol.answered_last(self._cycle)


def _head_too_large() -> problems.HttpError:
    return problems.HeadersTooLarge(
        f"The request's header or trailer is larger than {HEAD_BYTES_MAX} bytes.",
        limit_bytes=HEAD_BYTES_MAX,
    )


def _twice(name: bytes) -> problems.HttpError:
    shown = name.decode().title()
    return problems.Malformed(f"{shown}: given twice; give it once.", field=shown)


def _unknown_coding(value: bytes) -> problems.HttpError:
    return problems.Malformed(
        f"Transfer-Encoding: {value.decode('latin-1')[:60]!r} is not taken; chunked alone is.",
        field="Transfer-Encoding",
    )


def _too_slow() -> problems.HttpError:
    return problems.TooSlow(
        f"The request's body came too slowly: it may take {BODY_SECONDS:.0f} s and a second more for "
        f"each {BODY_BYTES_PER_SECOND_MIN} bytes, and pause for {STALLED_SECONDS:.0f} s."
    )


def _no_tunnel() -> problems.HttpError:
    return problems.Malformed(
        "CONNECT: this service is no proxy and opens no tunnels; the connection is closed."
    )


def _other_version() -> problems.HttpError:
    return problems.UnsupportedVersion(
        "The request line names another version of HTTP than 1.1 and 1.0, or none; ask in HTTP/1.1."
    )


def _target_too_long(size: int) -> problems.HttpError:
    return problems.TargetTooLong(
        f"The request's target has {size} bytes; at most {TARGET_BYTES_MAX} are taken.",
        limit_bytes=TARGET_BYTES_MAX,
    )
