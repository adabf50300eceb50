"""What the headers of an invocation ask for (reference 3.1). The fast path and the slow path read
them with this.

Task ids are taken under the names of both generations by all of them. Names that are not here
(`x-fc-account-id`, `x-fc-date`, `x-fc-trace-id`, …) ask for nothing that is done here.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ...lifecycle.lineage import Lineage
from ...store.records import Meta
from ..shared.request_options import read_options as read_shared
from .errors import FcError, invalid
from .limits import check_task_id, choice, read_delay

TYPES, LOG_TYPES = "Sync | Async", "Tail | None"
_NOT_OF_VENDOR = frozenset({b"traceparent", b"thence-lineage"})
"""Not of the vendor: a trace that goes on, and the chain of destinations that must end."""


class RequestOptions(Struct, gc=False):
    """`task_id`: the caller's, empty where there is none. `listed`: task mode was asked for."""

    asynchronous: bool = False
    tail: bool = False
    task_id: str = ""
    listed: bool = False
    delay_seconds: int = 0
    traceparent: str = ""
    lineage: Lineage | None = None

    def meta(self) -> Meta | None:
        """What is stored with the invocation beside its caller id, None where all is as usual."""
        if not (self.traceparent or self.lineage):
            return None
        return Meta(traceparent=self.traceparent, lineage=self.lineage)


def read_options(headers: Iterable[tuple[bytes, bytes]]) -> RequestOptions:
    """What a request's headers (names in lower case) ask for. Raises FcError, InvalidInput.

    What only an asynchronous call can have is not looked at in a synchronous one.
    """
    given: dict[bytes, str] = {}
    others: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name.startswith(b"x-fc-"):
            if name in given:  # nobody could tell which of the two was meant
                raise invalid(f"{name.decode('latin-1')}: it came more than once; send it once")
            given[name] = _unquoted(value.decode("latin-1"))
        elif name in _NOT_OF_VENDOR:
            others.append((name, value))
    options = RequestOptions()
    kind = given.get(b"x-fc-invocation-type", "Sync")
    if kind not in ("Sync", "Async"):
        raise choice("InvocationType", TYPES, kind)
    options.asynchronous = kind == "Async"
    options.tail = _tail(given.get(b"x-fc-log-type", "None"), options.asynchronous)
    if options.asynchronous:
        _read_asynchronous(options, given)
    if others:
        beside = read_shared(others)
        options.traceparent, options.lineage = beside.traceparent, beside.lineage
    return options


def _unquoted(text: str) -> str:
    """Older clients for Java write every header as a JSON text, so "Async" with its quotes. No value
    that is taken has any."""
    return text[1:-1] if text[:1] == '"' and text[-1:] == '"' else text


def _tail(text: str, asynchronous: bool) -> bool:
    if text == "None" or (text == "Tail" and not asynchronous):
        return text == "Tail"
    raise choice("LogType", "None" if asynchronous and text == "Tail" else LOG_TYPES, text)


def _read_asynchronous(options: RequestOptions, given: dict[bytes, str]) -> None:
    new = given.get(b"x-fc-async-task-id", "")
    old = given.get(b"x-fc-stateful-async-invocation-id", "")
    if new and old and new != old:
        raise _two_ids(new, old)
    if new or old:
        options.task_id = check_task_id(new or old)
    enable = given.get(b"x-fc-stateful-async-invocation-enable", "").lower()
    if enable not in ("", "true", "false"):
        raise choice("StatefulAsyncInvocationEnable", "true | false", enable)
    options.listed = enable == "true"
    delay = given.get(b"x-fc-async-delay")
    if delay:
        options.delay_seconds = read_delay(delay)


def _two_ids(new: str, old: str) -> FcError:
    return invalid(
        f"taskId: x-fc-async-task-id is {new[:80]!r} and x-fc-stateful-async-invocation-id is "
        f"{old[:80]!r}; give one id"
    )
