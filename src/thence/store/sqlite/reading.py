"""Every row of every table, read and understood: what `verify` does beside SQLite's own check, which
knows the shape of pages but not what stands in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ...catalog.function import FunctionSpec
from ..codes import BUDGETS, DELIVERY_STATES, REASONS, STATES, fault_of, outcome_of
from ..digests import DamagedRow, check
from ..journal import decode_entry
from ..records import Meta

TOLD_MAX = 20  # damaged rows of one table
_meta = msgspec.json.Decoder(Meta).decode
_spec = msgspec.json.Decoder(FunctionSpec).decode
_json = msgspec.json.Decoder().decode
_headers = msgspec.json.Decoder(dict[str, str]).decode


def unreadable(db: sqlite3.Connection, table: str) -> Iterator[str]:
    """Sentences about what cannot be read of one table; none when all can. Raises DatabaseError
    where SQLite itself gives up."""
    cursor = db.execute(f'SELECT * FROM "{table}"')
    columns = [column[0] for column in cursor.description]
    understand: Callable[[dict[str, Any]], Any] = _TABLES.get(table, _as_it_is)
    told = 0
    for values in cursor:
        row = dict(zip(columns, values, strict=True))
        try:
            understand(row)
        except _STRANGE as error:
            told += 1
            if told <= TOLD_MAX:
                yield f"A row of {table} ({_name(values)}) is damaged: {_why(error)}."
    if told > TOLD_MAX:
        yield f"{told - TOLD_MAX} more rows of {table} are damaged."


def _as_it_is(row: dict[str, Any]) -> None:
    """Nothing in it is coded: that it could be read is all."""


_STRANGE = (DamagedRow, msgspec.DecodeError, ValueError, IndexError, KeyError, TypeError)


def _name(values: tuple[Any, ...]) -> str:
    return f"{values[0]:016x}" if isinstance(values[0], int) else repr(values[0])[:80]


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _code(codes: tuple[Any, ...], number: int | None) -> None:
    if number is not None and not 0 <= number < len(codes):
        raise ValueError(f"{number} stands for nothing there")


def _outcome(number: int | None) -> None:
    outcome_of(number)
    fault_of(number)


def _invocation(row: dict[str, Any]) -> None:
    if row["meta"] is not None:
        _meta(row["meta"])
    if row["payload_ref"] is None:
        check(row["payload"], row["payload_digest"], "invocation", row["id"])
        _size(row["payload"], row["payload_bytes"])


def _ended(row: dict[str, Any]) -> None:
    _code(REASONS, row["reason"])
    _outcome(row["outcome"])
    _code(BUDGETS, row["budget"])
    if row["result_ref"] is None:
        check(row["result"], row["result_digest"], "ended", row["id"])
        _size(row["result"], row["result_bytes"])


def _size(data: bytes | None, size: int) -> None:
    if data is not None and len(data) != size:
        raise ValueError(f"{len(data)} bytes where {size} were written")


def _waiting(row: dict[str, Any]) -> None:
    _code(STATES, row["state"])


def _attempt(row: dict[str, Any]) -> None:
    _outcome(row["outcome"])
    _code(BUDGETS, row["budget"])


def _delivery(row: dict[str, Any]) -> None:
    _code(DELIVERY_STATES, row["state"])
    _json(row["destination"])


def _mailbox(row: dict[str, Any]) -> None:
    _headers(row["headers"])
    check(row["body"], row["digest"], "mailbox", row["seq"])
    _size(row["body"], row["bytes"])


_TABLES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "function": lambda row: _spec(row["spec"]),
    "invocation": _invocation,
    "waiting": _waiting,
    "running": _waiting,
    "ended": _ended,
    "attempt": _attempt,
    "delivery": _delivery,
    "journal": lambda row: decode_entry(row["seq"], row["transitions"]),
    "mailbox": _mailbox,
}
