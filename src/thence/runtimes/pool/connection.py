"""The node's end of one instance's process: its socket, its output, its shared words, and the runs
that it was handed and has not answered.

The first of the queue is what the instance runs or is about to run; the others wait in its socket.
Requests are gathered and sent once per turn of the event loop.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import struct
from collections import deque

from ..interface import Run
from ..launcher import Descriptors
from ..wire import frames
from ..wire.output import last_lines
from .answer import Answer, error_texts
from .memory_file import memory_file

READ_BYTES = 1 << 18
_ANSWER_OVERDUE_MS = 1_000  # an answer that was sent is here long before
_HEAD = frames.LENGTH.size


class Connection:
    """What `pool.instance.Instance` is made on; it is told by `_answered` and `_disconnected`."""

    def __init__(self, answer_bytes_max: int) -> None:
        """`answer_bytes_max`: a longer answer is a protocol error. OSError when the system has no more
        descriptors or memory."""
        self._answer_bytes_max = answer_bytes_max
        self.greeted = False  # it has said HELLO
        self._open = False  # requests may be sent
        self._revoked = frames.NOTHING_REVOKED  # ours; the shared word is in its hands too
        self._excused: tuple[int, int] | None = None  # a run said to be over, and since when (ms)
        self._loop = asyncio.get_running_loop()
        self._open_channels()
        self._out: list[bytes] = []
        self._unsent = b""
        self._flushing = False
        self.output_cut = False  # the earliest of it was thrown away
        self._partial = bytearray()  # of an answer, what has come of it
        self.sent = 0  # requests handed over; the sequence number of the last
        self.answered = 0
        self.queue: deque[tuple[Run | None, int]] = deque()  # None: taken back; ms handed over

    def _open_channels(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self.output = memory_file("thence-output", append=True)
        words = memory_file("thence-words", seal_at=frames.WORDS_BYTES)
        self._map = mmap.mmap(words, frames.WORDS_BYTES)
        self.words = memoryview(self._map).cast("Q")
        self.words[frames.REVOKED] = frames.NOTHING_REVOKED
        self.theirs = Descriptors(theirs.detach(), self.output, words)
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def _answered(self, answers: list[Answer]) -> None:
        raise NotImplementedError

    def _disconnected(self, why: str) -> None:
        raise NotImplementedError

    # ------------------------------------------------------------------ sending

    def push(self, run: Run, now: int) -> None:
        """Hand a run over."""
        self.queue.append((run, now))
        self.sent += 1
        payload = run.payload
        flags = frames.PREVIOUS_MAY_HAVE_RUN if run.previous_may_have_run else 0
        if run.trial:
            flags = frames.TRIAL
        content_type = traceparent = qualifier = b""
        told = bool(run.content_type or run.traceparent or run.qualifier)
        size = frames.REQUEST_LENGTH_LESS + len(payload)
        if told:
            content_type = run.content_type.encode()[:1024]
            traceparent = run.traceparent.encode()[:1024]
            qualifier = run.qualifier.encode()[:255]
            size += len(content_type) + len(traceparent) + len(qualifier)
        self._out.append(
            frames.REQUEST.pack(
                size,
                run.id.to_bytes(16, "big"),
                run.attempt,
                run.retries_used,
                run.accepted_at,
                flags,
                len(content_type),
                len(traceparent),
                len(qualifier),
            )
        )
        if told:
            self._out.append(content_type + traceparent + qualifier)
        self._out.append(payload)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def open(self) -> None:
        """It is ready and was looked at: send what it was handed meanwhile."""
        self._open = True
        if self._out:
            self._flush()

    def _flush(self) -> None:
        if self._socket.fileno() < 0:
            return
        if not self._open:
            return  # open() sends it: what is measured as an empty instance must be one
        data = self._unsent + b"".join(self._out) if self._unsent else b"".join(self._out)
        self._out.clear()
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # it has ended; the fork server's report says how
        if sent == len(data):
            if self._unsent:
                self._unsent = b""
                self._loop.remove_writer(self._socket.fileno())
            self._flushing = False
            return
        if not self._unsent:
            self._loop.add_writer(self._socket.fileno(), self._flush)
        self._unsent = data[sent:]

    # ------------------------------------------------------------------ receiving

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._received(data)
            return
        self._loop.remove_reader(self._socket.fileno())
        self._disconnected("")

    def read_all(self) -> None:
        """Take in what a process that has ended had still answered."""
        while True:
            try:
                data = self._socket.recv(READ_BYTES)
            except OSError:
                return  # nothing more, or reset by its end
            if not data:
                return
            self._received(data)

    def _received(self, data: bytes) -> None:
        if self._partial:
            self._partial += data
            if len(self._partial) < _HEAD + frames.LENGTH.unpack_from(self._partial)[0]:
                return
            data = bytes(self._partial)
            self._partial.clear()
        at, end = 0, len(data)
        answers: list[Answer] = []
        protocol_error = ""
        try:
            while end - at >= _HEAD:
                size = frames.LENGTH.unpack_from(data, at)[0]
                if size > self._answer_bytes_max:
                    raise ValueError(f"{size} bytes; at most {self._answer_bytes_max} are taken")
                stop = at + _HEAD + size
                if stop > end:
                    break
                answers.append(self._parse(data, at))
                at = stop
        except (ValueError, IndexError, struct.error) as error:
            protocol_error = f"its answer cannot be read ({error})"
            at = end
        if at < end:
            self._partial += data[at:]
        if answers:
            self._answered(answers)
        if protocol_error:
            self._disconnected(protocol_error)

    def _parse(self, data: bytes, at: int) -> Answer:
        """ValueError or IndexError: not an answer, or one to a request that was not made."""
        (_, kind, flags, began_ns, duration_us, result, output, name, message, stack) = (
            frames.ANSWER.unpack_from(data, at)
        )
        run: Run | None = None
        handed_at = 0
        if kind == frames.OK:  # nearly always
            run, handed_at = self.queue.popleft()
            self.answered += 1
        elif kind == frames.HELLO or kind == frames.START_FAILED:
            if self.greeted:
                raise ValueError("it has said before that it is there")
            self.greeted = True
        elif kind > frames.INITIALIZER_FAILED:
            raise ValueError(f"there is no answer of kind {kind}")
        else:
            run, handed_at = self.queue[0]
            if kind == frames.SKIPPED and self.answered + 1 < self._revoked:
                raise ValueError("it skips a request that was not taken back")
            self.queue.popleft()
            self.answered += 1
        at += frames.ANSWER.size
        kept = data[at : at + result]
        at += result
        if kind == frames.OK and not output:
            return Answer(run, handed_at, kind, flags, began_ns, duration_us, kept, b"", "", "", "")
        log = data[at : at + output]
        at += output
        texts = error_texts(data, at, (name, message, stack))
        return Answer(run, handed_at, kind, flags, began_ns, duration_us, kept, log, *texts)

    # ------------------------------------------------------------------ taking back, ending

    def begun(self) -> int:
        """The sequence number of the request that it began last, never more than were made."""
        return min(self.words[frames.BEGUN], self.sent)

    def revoke_from(self, position: int) -> list[Run]:
        """Take back the queue from `position` on, but for what has begun. Those runs will not be
        begun. The instance must take no more runs until its queue is empty (then `restore`)."""
        first = self.answered + 1
        self._revoked = min(self._revoked, first + position)
        self.words[frames.REVOKED] = self._revoked
        frames.fence()
        position = max(position, self.begun() - first + 1)
        taken: list[Run] = []
        for index in range(position, len(self.queue)):
            run, handed_at = self.queue[index]
            if run is not None:
                taken.append(run)
                self.queue[index] = (None, handed_at)
        return taken

    def restore(self) -> None:
        """After a revocation, with an empty queue: requests may be begun again."""
        self._revoked = self.words[frames.REVOKED] = frames.NOTHING_REVOKED

    def surely_over(self, sequence: int, now: int) -> bool:
        """Whether the run of that number has ended by itself, because a later one has begun. Its
        answer was sent before that; where it still does not come, the word was not true. now: ms."""
        if self.begun() <= sequence:
            return False
        if self._excused is None or self._excused[0] != sequence:
            self._excused = (sequence, now)
        return now - self._excused[1] < _ANSWER_OVERDUE_MS

    def first_has_begun(self) -> bool:
        return bool(self.queue) and self.begun() == self.answered + 1

    def ask_to_stop(self) -> None:
        """An idle instance is to run its pre-stop hook and to end."""
        self.words[frames.PRE_STOP_WANTED] = 1
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it has ended by itself; the fork server's report says how

    def take_output(self, bytes_max: int) -> tuple[bytes, bool]:
        """The last lines of what it wrote, and whether that is not all."""
        data, cut = last_lines(self.output, os.fstat(self.output).st_size, bytes_max)
        return data, self.output_cut or cut

    def abandon(self) -> None:
        """There will be no process: give back its descriptors too."""
        self.close()
        os.close(self.theirs.socket)
        os.close(self.theirs.words)

    def close(self) -> None:
        """Give back what the node holds of it. Idempotent."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        self._socket.close()
        os.close(self.output)
        self.words.release()
        self._map.close()
