"""One connection: what is known of it and of the request that is read. The files beside this one say
what is done with it, each a part of the same class."""

from __future__ import annotations

import asyncio
from typing import Any

from ...errors import ThenceError
from ..shared.context import Context
from ..shared.fast_path import FastPath, FastRequest
from .limits import FRAMING, ONCE, SLOW
from .turns import Turns


class Reads:
    """Which headers the protocol itself looks at. once: of the doors, those that may come only once."""

    def __init__(self, once: frozenset[bytes]) -> None:
        self.once = ONCE | once
        self.noted = self.once | SLOW | FRAMING


class Connection(Turns):
    """The state of a connection."""

    def __init__(
        self,
        context: Context,
        fast_paths: tuple[FastPath, ...],
        reads: Reads,
        *arguments: Any,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self._context = context
        self._fast_paths = fast_paths
        self._reads = reads
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

    def _ends(self) -> bool:
        return self._deaf or self._refusal is not None or self.transport.is_closing()

    def _unanswered(self) -> bool:
        """Whether an earlier request still waits for its answer."""
        return self.busy() or bool(self.pipeline)

    def _date(self) -> bytes:
        headers = self.server_state.default_headers
        return headers[0][1] if headers else b""
