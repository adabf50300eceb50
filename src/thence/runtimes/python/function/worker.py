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
from functools import partial
from types import CoroutineType
from typing import Any, NoReturn

from ...sandbox import limits
from ...wire import frames
from ...wire.frames import answer
from ...wire.output import last_lines
from ...wire.setup import Setup
from . import surroundings, trial
from .contracts.choice import choose
from .contracts.contract import INVOKE, Contract
from .failure import HandlerFault, InitializerFault, describe, exit_message
from .handler import Handler, is_hopeless, load
from .hooks import Hooks

_READ_BYTES = 1 << 18
_NO_ERROR = (b"", b"", b"")


def main(setup: Setup, fds: list[int], parent_pid: int, home: str) -> NoReturn:
    """Become the instance. `fds`: socket, output, shared words."""
    pipe = socket.socket(fileno=fds[0])
    try:
        contract = choose(setup)
        surroundings.enter(setup, parent_pid, home, fds, fds[1], contract.environment())
        words = memoryview(mmap.mmap(fds[2], frames.WORDS_BYTES)).cast("Q")
        os.close(fds[2])
        worker = Worker(setup, contract, pipe, fds[1], words)
    except Exception as error:  # whatever it was, the node must be told why there is no instance
        message = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        message = message[: frames.ERROR_MESSAGE_BYTES_MAX]
        pipe.sendall(answer(frames.START_FAILED, message=message))
        os._exit(1)
    pipe.sendall(answer(frames.HELLO))
    try:
        worker.serve()
    except OSError:
        # The node is gone or has closed this end: nobody is left to answer.
        os._exit(0)


class Worker:
    """The loop of one instance."""

    def __init__(
        self,
        setup: Setup,
        contract: Contract,
        pipe: socket.socket,
        output: int,
        words: memoryview[int],
    ) -> None:
        self._setup = setup
        self._contract = contract
        self._context, self._event, self._result = contract.context, contract.event, contract.result
        self._writes_log = contract.writes_log
        self._pipe = pipe
        self._output = output
        self._words = words
        self._pid = os.getpid()
        self._timeout_ns = int(setup.timeout_seconds * 1e9)
        self._sequence = 0
        self._handler: Handler | None = None
        self._loading = False  # or what was to be loaded could not be
        self._initialized = not setup.initializer
        self._invoking = False  # the contract was told that a run begins
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hooks = Hooks(setup, contract, words, self._finish)
        contract.open_log(self._log)

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
            self._leave()
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
            value, raw = self._call(data, at, stop, began_ns)
            if raw:
                flags |= frames.RAW_RESULT
        except InitializerFault as fault:
            kind, error, leave = frames.INITIALIZER_FAILED, describe(fault), 1
            flags |= self._found(fault)
        except MemoryError as memory:
            limits.lend_headroom()
            kind, error, leave = frames.OUT_OF_MEMORY, self._memory_error(memory), 1
        except (SystemExit, KeyboardInterrupt) as exit:
            kind, error, leave = frames.CRASHED, self._exit_error(exit), 1
        except BaseException as raised:  # the handler's own error, whatever its class
            kind, error = frames.FUNCTION_ERROR, self._contract.describe(raised)
            flags |= self._found(raised)
        duration_us = (time.monotonic_ns() - began_ns) // 1000
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the handler forked came back here: it must not answer
        if self._invoking:
            self._invoking = False
            self._contract.end(INVOKE, kind != frames.OK, duration_us)
        output, truncated = self._take_output()
        if truncated:
            flags |= frames.OUTPUT_TRUNCATED
        self._pipe.sendall(answer(kind, flags, began_ns, duration_us, value, output, *error))
        if leave is not None:
            os._exit(leave)

    def _call(self, data: bytes, at: int, stop: int, began_ns: int) -> tuple[bytes, bool]:
        (_, id, attempt, retries, accepted_at, flags, type_bytes, trace_bytes, named_bytes) = (
            frames.REQUEST.unpack_from(data, at)
        )
        at += frames.REQUEST.size
        content_type = traceparent = qualifier = ""
        if type_bytes:
            content_type = data[at : at + type_bytes].decode("utf-8", "replace")
            at += type_bytes
        if trace_bytes:
            traceparent = data[at : at + trace_bytes].decode("utf-8", "replace")
            at += trace_bytes
        if named_bytes:
            qualifier = data[at : at + named_bytes].decode("utf-8", "replace")
            at += named_bytes
        if flags & frames.TRIAL:
            return trial.load_all(data[at:stop], self._setup.code_path), False
        lost = bool(flags & frames.PREVIOUS_MAY_HAVE_RUN)
        ends_ns = began_ns + self._timeout_ns
        if not self._initialized:
            told = (id, attempt, retries, accepted_at, lost, content_type, traceparent, qualifier)
            ends_ns += self._hooks.initialize(partial(self._context, self._setup, *told))
            self._initialized = True
        context = self._context(
            self._setup,
            id,
            attempt,
            retries,
            accepted_at,
            lost,
            content_type,
            traceparent,
            qualifier,
            ends_ns,
        )
        if self._writes_log:
            self._invoking = True
            self._contract.begin(INVOKE, context)
        handler = self._handler
        if handler is None:
            self._loading = True
            handler = self._handler = load(self._setup.handler, self._setup.code_path)
            self._loading = False
        payload: Any = data[at:stop]
        returned = handler(payload if self._event is None else self._event(payload), context)
        if isinstance(returned, CoroutineType):
            returned = self._finish(returned)
        return self._result(returned)

    def _found(self, error: BaseException) -> int:
        """The flags of an answer with an error that the user's code did not raise in a run: what the
        worker found itself, or what the import of the handler raised; and whether every other
        attempt would end with it too."""
        loading, self._loading = self._loading, False
        if loading:
            fault, hopeless = frames.FAULT_LOAD, is_hopeless(error)
        elif isinstance(error, HandlerFault):
            fault, hopeless = error.fault, error.hopeless
        else:
            return 0
        flags = fault << frames.FAULT_SHIFT
        return flags | frames.HOPELESS if hopeless and self._contract.gives_up else flags

    def _leave(self) -> NoReturn:
        """The node closed its end: it is gone, or it retires this instance. What the pre-stop hook
        had to say stays in the output, for the node to read."""
        used = self._handler is not None or (self._initialized and self._setup.initializer)
        if not (self._setup.pre_stop and used and self._words[frames.PRE_STOP_WANTED]):
            os._exit(0)
        failed = self._hooks.pre_stop()
        self._flush()
        if failed:
            self._log(failed)
        os._exit(1 if failed else 0)

    def _finish(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        """Run an async handler to its end. One loop serves all runs, so that clients that a
        handler keeps between runs stay usable; tasks that it leaves behind stand still."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(coroutine)

    def _take_output(self) -> tuple[bytes, bool]:
        """What was written since the last run: its last lines, and whether that is not all."""
        self._flush()
        size = os.lseek(self._output, 0, os.SEEK_END)
        if size == 0:
            return b"", False
        found = last_lines(self._output, size, self._setup.log_bytes_max)
        os.ftruncate(self._output, 0)
        return found

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # the user closed or replaced it: nothing of ours is in it
                continue

    def _log(self, line: str) -> None:
        """A line of the contract, after all that was written before it."""
        self._flush()
        os.write(self._output, f"{line}\n".encode("utf-8", "replace"))

    def _who(self) -> str:
        return "handler" if self._initialized else "initializer"

    def _memory_error(self, error: MemoryError) -> tuple[bytes, bytes, bytes]:
        stack = describe(error)[2]
        message = (
            f"the {self._who()} needed more than its {self._setup.memory_mb} MiB of memory. "
            "Raise `memory_mb` or use less."
        )
        return b"MemoryError", message.encode(), stack

    def _exit_error(self, error: BaseException) -> tuple[bytes, bytes, bytes]:
        kind, _, stack = describe(error)
        return kind, exit_message(self._who(), error), stack
