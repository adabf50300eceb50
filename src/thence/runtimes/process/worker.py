"""In the instance: take requests from the socket, run the handler, answer each one at once.

An answer leaves before the next request is begun, so a crash never loses a finished answer. The
shared words (frames.py) say what is running to a node that can no longer ask.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import sys
import time
from types import CoroutineType
from typing import Any, NoReturn

import msgspec

from . import cage, frames, result
from .context import Context, Setup
from .failure import HandlerFault, describe
from .handler import Handler, load

_READ_BYTES = 1 << 18
_NO_ERROR = (b"", b"", b"")


def main(setup: Setup, fds: list[int], forker_pid: int, home: str) -> NoReturn:
    """Become the instance. `fds`: socket, output, shared words."""
    pipe = socket.socket(fileno=fds[0])
    try:
        cage.enter(setup, forker_pid, home, fds, fds[1])
        words = memoryview(mmap.mmap(fds[2], frames.WORDS_BYTES)).cast("Q")
        os.close(fds[2])
        worker = Worker(setup, pipe, fds[1], words)
    except Exception as error:  # whatever it was, the node must be told why there is no instance
        message = f"{type(error).__name__}: {error}".encode()[: frames.ERROR_MESSAGE_BYTES_MAX]
        pipe.sendall(answer(frames.START_FAILED, message=message))
        os._exit(1)
    pipe.sendall(answer(frames.HELLO))
    try:
        worker.serve()
    except OSError:
        # The node is gone or has closed this end: nobody is left to answer.
        os._exit(0)


def answer(
    kind: int,
    flags: int = 0,
    began_ns: int = 0,
    duration_us: int = 0,
    data: bytes = b"",
    output: bytes = b"",
    type: bytes = b"",
    message: bytes = b"",
    stack: bytes = b"",
) -> bytes:
    """One answer frame."""
    body = data + output + type + message + stack
    return (
        frames.ANSWER.pack(
            frames.ANSWER_LENGTH_LESS + len(body),
            kind,
            flags,
            began_ns,
            duration_us,
            len(data),
            len(output),
            len(type),
            len(message),
            len(stack),
        )
        + body
    )


class Worker:
    """The loop of one instance."""

    def __init__(
        self, setup: Setup, pipe: socket.socket, output: int, words: memoryview[int]
    ) -> None:
        self._setup = setup
        self._pipe = pipe
        self._output = output
        self._words = words
        self._pid = os.getpid()
        self._sequence = 0
        self._handler: Handler | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._decode = msgspec.json.Decoder().decode if setup.event == "json" else None

    def serve(self) -> NoReturn:
        """Until the node closes the socket."""
        head = frames.LENGTH.size
        data = b""
        while True:
            data = self._more(data)
            at, end = 0, len(data)
            while end - at >= head:
                stop = at + head + frames.LENGTH.unpack_from(data, at)[0]
                if stop > end:
                    break
                self._run(data, at, stop)
                at = stop
            data = data[at:]

    def _more(self, rest: bytes) -> bytes:
        """`rest` and what comes next; at least one whole frame when its length is known."""
        chunk = self._pipe.recv(_READ_BYTES)
        if not chunk:
            os._exit(0)
        if not rest:
            return chunk
        whole = bytearray(rest)
        whole += chunk
        while len(whole) < frames.LENGTH.size + frames.LENGTH.unpack_from(whole)[0]:
            chunk = self._pipe.recv(_READ_BYTES)
            if not chunk:
                os._exit(0)
            whole += chunk
        return bytes(whole)

    def _run(self, data: bytes, at: int, stop: int) -> None:
        self._sequence += 1
        words = self._words
        began_ns = time.monotonic_ns()
        words[frames.BEGAN_NS] = began_ns
        words[frames.BEGUN] = self._sequence
        frames.fence()
        if self._sequence >= words[frames.REVOKED]:
            self._pipe.sendall(answer(frames.SKIPPED))
            return
        kind, flags, value, error = frames.OK, 0, b"", _NO_ERROR
        leave: int | None = None
        try:
            if self._handler is None:
                flags = frames.LOADED_HANDLER
                self._handler = load(self._setup.handler, self._setup.code_path)
            value, raw = self._call(self._handler, data, at, stop, began_ns)
            if raw:
                flags |= frames.RAW_RESULT
        except MemoryError as memory:
            cage.lend_headroom()
            kind, error, leave = frames.OUT_OF_MEMORY, self._memory_error(memory), 1
        except (SystemExit, KeyboardInterrupt) as exit:
            kind, error, leave = frames.CRASHED, _exit_error(exit), 1
        except BaseException as raised:  # the handler's own error, whatever its class
            kind, error = frames.FUNCTION_ERROR, describe(raised)
        duration_us = (time.monotonic_ns() - began_ns) // 1000
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the handler forked came back here: it must not answer
        output, truncated = self._take_output()
        if truncated:
            flags |= frames.OUTPUT_TRUNCATED
        self._pipe.sendall(answer(kind, flags, began_ns, duration_us, value, output, *error))
        if leave is not None:
            os._exit(leave)

    def _call(
        self, handler: Handler, data: bytes, at: int, stop: int, began_ns: int
    ) -> tuple[bytes, bool]:
        (_, id, attempt, retries, accepted_at, flags, type_bytes, trace_bytes) = (
            frames.REQUEST.unpack_from(data, at)
        )
        at += frames.REQUEST.size
        content_type = traceparent = ""
        if type_bytes:
            content_type = data[at : at + type_bytes].decode("utf-8", "replace")
            at += type_bytes
        if trace_bytes:
            traceparent = data[at : at + trace_bytes].decode("utf-8", "replace")
            at += trace_bytes
        payload = data[at:stop]
        event = payload if self._decode is None else self._event(payload)
        context = Context(
            self._setup,
            id,
            attempt,
            retries,
            accepted_at,
            bool(flags & frames.PREVIOUS_MAY_HAVE_RUN),
            content_type,
            traceparent,
            began_ns,
        )
        returned = handler(event, context)
        if isinstance(returned, CoroutineType):
            returned = self._finish(returned)
        return result.write(returned, self._setup.result_bytes_max)

    def _event(self, payload: bytes) -> Any:
        if not payload:
            return None
        assert self._decode is not None
        try:
            return self._decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HandlerFault(
                "InvalidEvent",
                f"the payload ({len(payload)} bytes) is not JSON: {error}. Send JSON, or set "
                '`event` of the function to "bytes".',
            ) from None

    def _finish(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        """Run an async handler to its end. One loop serves all runs, so that clients that a
        handler keeps between runs stay usable; tasks that it leaves behind stand still."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(coroutine)

    def _take_output(self) -> tuple[bytes, bool]:
        """What was written since the last run: its last bytes, and whether that is not all."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # the user closed or replaced it: nothing of ours is in it
                continue
        size = os.lseek(self._output, 0, os.SEEK_END)
        if size == 0:
            return b"", False
        kept = min(size, self._setup.log_bytes_max)
        data = os.pread(self._output, kept, size - kept)
        os.ftruncate(self._output, 0)
        return data, size > kept

    def _memory_error(self, error: MemoryError) -> tuple[bytes, bytes, bytes]:
        stack = describe(error)[2]
        message = (
            f"the handler needed more than its {self._setup.memory_mb} MiB of memory. "
            "Raise `memory_mb` or use less."
        )
        return b"MemoryError", message.encode(), stack


def _exit_error(error: BaseException) -> tuple[bytes, bytes, bytes]:
    kind, _, stack = describe(error)
    if isinstance(error, SystemExit):
        return kind, f"the handler ended its process with sys.exit({error.code!r})".encode(), stack
    return kind, b"the handler was interrupted (KeyboardInterrupt)", stack
