"""Callers that post all the time, and a ledger of what they were told.

A caller that gets no answer does not know whether its call was accepted. With an idempotency key it
posts again until it knows; without one it lets go. 503 is an answer: not accepted.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
from typing import Any

from msgspec import Struct

from .program import Program

CALLERS = 6
FUNCTIONS = ("quick", "quick", "quick", "slow", "flaky", "never")
REPEATS = 0.05  # of calls whose answer is known: the same key again
UP_SECONDS = 60.0


class Call(Struct):
    function: str
    n: int
    key: str = ""  # idempotency key, or none

    @property
    def body(self) -> bytes:
        return json.dumps({"n": self.n, "pad": "x" * (self.n % 500)}).encode()


class Ledger:
    """What was promised: id -> call for every 202, and one id for every key."""

    def __init__(self) -> None:
        self.accepted: dict[str, Call] = {}
        self.by_key: dict[str, str] = {}
        self.keys_used: set[str] = set()
        self.refused = 0  # 503
        self.unknown = 0  # no answer
        self.wrong: list[str] = []
        self.changed = threading.Condition()

    def note(self, call: Call, id: str) -> None:
        with self.changed:
            self.accepted[id] = call
            if call.key and self.by_key.setdefault(call.key, id) != id:
                self.wrong.append(f"key {call.key} got {id} after {self.by_key[call.key]}")
            self.changed.notify_all()

    def wait_more(self, count: int, seconds: float = 60.0) -> None:
        """Return when so many more were accepted than now."""
        with self.changed:
            wanted = len(self.accepted) + count
            enough = self.changed.wait_for(lambda: len(self.accepted) >= wanted, seconds)
        assert enough, f"{len(self.accepted)} of {wanted} accepted; {self.wrong}"


class Load:
    """`with Load(program, seed): …` posts until it is left."""

    def __init__(self, program: Program, seed: int, callers: int = CALLERS) -> None:
        self.ledger = Ledger()
        self._program = program
        self._stop = threading.Event()
        self._numbers = iter(range(1 << 40))
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._caller, args=(random.Random(f"{seed}.{index}"), index))
            for index in range(callers)
        ]

    def __enter__(self) -> Ledger:
        for thread in self._threads:
            thread.start()
        return self.ledger

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(UP_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads)

    def _caller(self, rng: random.Random, index: int) -> None:
        connection: http.client.HTTPConnection | None = None
        again: Call | None = None
        while not self._stop.is_set():
            if connection is None:
                connection = self._connect()
                continue
            call = again or self._next(rng, index)
            try:
                known = self._post(connection, call)
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = None
                self.ledger.unknown += 1
                known = False
            again = None if known or not call.key else call
            if known and call.key and rng.random() < REPEATS:
                again = call
        if connection is not None:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection | None:
        """A connection to the server that is up, or None when there is none."""
        if not self._program.up.wait(0.1):
            return None
        connection = http.client.HTTPConnection("127.0.0.1", self._program.port, timeout=30)
        try:
            connection.connect()
        except OSError:
            # It has just been killed; wait until the next one is up.
            self._stop.wait(0.01)
            return None
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _next(self, rng: random.Random, index: int) -> Call:
        with self._lock:
            n = next(self._numbers)
        call = Call(rng.choice(FUNCTIONS), n)
        if rng.random() < 0.5:
            call.key = f"key-{index}-{n}"
            self.ledger.keys_used.add(call.key)
        return call

    def _post(self, connection: http.client.HTTPConnection, call: Call) -> bool:
        """Whether its answer is known. Raises when there is none."""
        headers = {"Content-Type": "application/json"}
        if call.key:
            headers["Idempotency-Key"] = call.key
        connection.request("POST", f"/v1/functions/{call.function}/invocations", call.body, headers)
        answer = connection.getresponse()
        data: Any = answer.read()
        if answer.status == 202:
            self.ledger.note(call, json.loads(data)["id"])
            return True
        if answer.status == 503:
            self.ledger.refused += 1
            self._stop.wait(0.02)
            return False
        self.ledger.wrong.append(f"{answer.status} {data!r} for {call}")
        return True
