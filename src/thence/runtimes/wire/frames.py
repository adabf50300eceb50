"""The bytes between the node and an instance, and the words of memory that both can see.

A request is REQUEST, then content type, traceparent, qualifier, payload. An answer is ANSWER, then
result, output, error type, message and stack. Numbers are little-endian; the first is the length of
all that follows it. Requests are answered in their order, so neither side sends a number: both
count from 1, and the n-th request has the **sequence number** n.

The shared words settle who owns a request that lies in the socket: the instance writes BEGUN before
it looks at REVOKED, the node writes REVOKED before it looks at BEGUN, and a fence stands between on
both sides. So a request that the node takes back is never begun, without a round trip.
"""

from __future__ import annotations

import struct
import threading

LENGTH = struct.Struct("<I")
# length, invocation id, attempt, retries used, accepted at (ms), flags, content type, traceparent,
# qualifier
REQUEST = struct.Struct("<I16sIIqBHHB")
# length, kind, flags, began (monotonic ns), duration (µs), result, output, type, message, stack
ANSWER = struct.Struct("<IBBQQIIHHH")

REQUEST_LENGTH_LESS = REQUEST.size - LENGTH.size
ANSWER_LENGTH_LESS = ANSWER.size - LENGTH.size

# kinds of answer
HELLO = 0  # the instance is ready; not an answer to a request
OK = 1
FUNCTION_ERROR = 2
OUT_OF_MEMORY = 3  # the instance ends itself after this
CRASHED = 4  # the handler asked to exit; the instance ends itself after this
SKIPPED = 5  # the request had been taken back
START_FAILED = 6  # the instance could not be set up; the message says why
INITIALIZER_FAILED = 7  # so the run did; the instance ends itself after this

# flags of an answer
OUTPUT_TRUNCATED = 1
RAW_RESULT = 2  # the result is bytes as they are, not JSON
LOADED_HANDLER = 4  # the duration holds the import of the handler too
HOPELESS = 8  # every other attempt would end so too
FAULT_SHIFT = 5  # the bits from here: what the worker itself found, one of these
FAULT_LOAD, FAULT_EVENT, FAULT_RESULT, FAULT_RESULT_SIZE, FAULT_INITIALIZER = range(1, 6)

# flags of a request
PREVIOUS_MAY_HAVE_RUN = 1
TRIAL = 2  # no call: load what the payload names, and tell (trial.py)

# shared words, 8 bytes each
BEGUN = 0  # sequence number of the request that was begun last
REVOKED = 1  # requests from this sequence number on must not be begun
BEGAN_NS = 2  # monotonic ns at which BEGUN was begun
INITIALIZER_BEGAN_NS = 3  # monotonic ns; 0: not yet
INITIALIZER_ENDED_NS = 4
PRE_STOP_WANTED = 5  # not 0: the socket was closed for the pre-stop hook to be run
WORDS_BYTES = 4096
NOTHING_REVOKED = 1 << 62

# bounds of what an answer tells of an error
ERROR_TYPE_BYTES_MAX = 200
ERROR_MESSAGE_BYTES_MAX = 1024
ERROR_STACK_BYTES_MAX = 8192
ANSWER_BYTES_BESIDE = 256 * 1024  # of an answer, beside its result and its output


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
    """One answer, as an instance writes it."""
    if kind == OK and not output:  # nearly always
        body = data
    else:
        body = b"".join((data, output, type, message, stack))
    return (
        ANSWER.pack(
            ANSWER_LENGTH_LESS + len(body),
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


_fence = threading.Lock()


def fence() -> None:
    """A full memory fence: what was written before is seen by the other process before anything
    after is read. Taking a lock is an atomic instruction; Python offers nothing more direct."""
    _fence.acquire()
    _fence.release()
