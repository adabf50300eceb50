"""The fast path: a request that is answered in here, from its head to its answer.

A plain accept goes straight to the engine, and its answer is written from the commit's callback
(design §4)."""

from __future__ import annotations

import logging
from typing import Any

from ...errors import ThenceError
from ..shared import problems
from ..shared.fast_path import FastPath, with_header
from .patience import Patience

log = logging.getLogger("thence.api")


class FastTurn(Patience):
    """A connection that answers accepts itself."""

    def _begin_fast(self, fast_path: FastPath, url: bytes, version: str) -> bool:
        """Whether the request is answered in here; then its body is collected."""
        try:
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
        except Exception:  # a mistake of ours, for which the parser would blame the caller
            log.exception("the fast path failed")
            return False
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
