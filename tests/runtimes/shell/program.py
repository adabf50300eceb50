"""The function side: a process for each instance. It answers frames and imports nothing of the node."""

import json
import mmap
import os
import socket
import subprocess
import sys
import time

import thence
from thence.runtimes.sandbox import confine, limits, privileges
from thence.runtimes.wire import frames
from thence.runtimes.wire.frames import answer


def main(handler: str, pipe: socket.socket, words: memoryview) -> None:
    pipe.sendall(answer(frames.HELLO))
    sequence = 0
    while (request := read_request(pipe)) is not None:
        flags, payload = request
        sequence += 1
        began_ns = words[frames.BEGAN_NS] = time.monotonic_ns()
        words[frames.BEGUN] = sequence  # first: what has begun is not taken back any more
        frames.fence()
        if sequence >= words[frames.REVOKED]:
            pipe.sendall(answer(frames.SKIPPED))
        else:
            pipe.sendall(run(handler, flags, payload, began_ns))


def read_request(pipe: socket.socket) -> tuple[int, bytes] | None:
    """Its flags and its payload; None: the node closed the socket, the instance ends."""
    head = pipe.recv(frames.REQUEST.size, socket.MSG_WAITALL)
    if len(head) < frames.REQUEST.size:
        return None
    length, _, _, _, _, flags, *texts = frames.REQUEST.unpack(head)
    body = pipe.recv(length - frames.REQUEST_LENGTH_LESS, socket.MSG_WAITALL)
    return flags, body[sum(texts) :]  # content type, traceparent and qualifier come first


def run(handler: str, flags: int, payload: bytes, began_ns: int) -> bytes:
    if flags & frames.TRIAL:  # no call: is there what the settings name?
        found = "ok" if os.path.exists(handler) else "no_module"
        return answer(frames.OK, data=json.dumps({"found": found, "setting": "handler"}).encode())
    ended = subprocess.run(["/bin/sh", handler], input=payload, capture_output=True, check=False)
    took_us = (time.monotonic_ns() - began_ns) // 1000
    said = ended.stderr[-1000:]
    if ended.returncode == 0:
        return answer(
            frames.OK, frames.RAW_RESULT, began_ns, took_us, data=ended.stdout, output=said
        )
    return answer(
        frames.FUNCTION_ERROR, 0, began_ns, took_us, type=b"ExitStatus", message=said.strip()
    )


if __name__ == "__main__":
    handler, memory_mb, pipe, words = sys.argv[1:]
    sandbox = confine.from_environment((sys.prefix, sys.base_prefix, thence.__file__))
    privileges.give_up()
    sandbox.enter_domain()
    limits.bound_memory(int(memory_mb))
    shared = memoryview(mmap.mmap(int(words), frames.WORDS_BYTES)).cast("Q")
    main(handler, socket.socket(fileno=int(pipe)), shared)
