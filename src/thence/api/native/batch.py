"""Many invocations of one function in one request: NDJSON, a payload a line.

The whole body is read and checked first; where any line is not JSON or there are too many of them,
nothing is stored. Then each line is accepted for itself, in as few commits as the writer makes of
them, and the answer says of each what became of it: an id, or a problem.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from ...catalog.function import LATEST
from ...errors import InvalidInput, ThenceError
from ...lifecycle.ids import format_id
from ..shared import problems
from ..shared.answer import answer
from ..shared.request_options import RequestOptions, read_options
from ..shared.rest.call import Call, malformed_json
from ..shared.unread import COUNTED_BYTES

BODY_BYTES_MAX = 64 * 1024 * 1024
ITEM_BYTES = 80  # of the answer to a line
MEDIA_TYPES = ("application/x-ndjson", "application/jsonl", "application/json")


class BatchItem(Struct):
    """What became of one line (from 1): an id, or a problem."""

    line: int
    id: str | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET  # its idempotency key was used before
    problem: dict[str, Any] | UnsetType = UNSET


class BatchAnswer(Struct):
    """`items` has one entry for each line, in order."""

    function: str
    accepted: int
    refused: int
    items: list[BatchItem]


async def accept(call: Call) -> Response:
    call.media_type(*MEDIA_TYPES)
    name, engine, limits = call.path["name"], call.context.engine, call.context.limits
    engine.functions.get(name)
    options = read_options(
        [(header, value) for header, value in call.headers if header != b"content-type"]
    )
    most = min(BODY_BYTES_MAX, limits.batch_max * (limits.payload_bytes_max + 1))
    lines = _lines(await call.body(most), limits.batch_max)
    if len(lines) * ITEM_BYTES > COUNTED_BYTES:
        call.context.check_unread()
    answers = [
        _ask(call, name, payload, number, options) for number, payload in enumerate(lines, start=1)
    ]
    items = [_item(number, each) for number, each in enumerate(await _all(answers), start=1)]
    refused = sum(item.problem is not UNSET for item in items)
    return answer(BatchAnswer(name, len(items) - refused, refused, items), 202)


def _lines(body: bytes, most: int) -> list[bytes]:
    body = body.rstrip()
    if body.count(b"\n") >= most:  # before there is an object for each of them
        raise _too_many(body.count(b"\n") + 1, most)
    lines = body.split(b"\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise InvalidInput(
            "body: there is no line in it; send one JSON value a line.", field="body"
        )
    for number, line in enumerate(lines, start=1):
        try:
            msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed_json(error, f"line {number}") from None
    return [line.strip() for line in lines]


def _too_many(count: int, most: int) -> InvalidInput:
    return InvalidInput(
        f"body: {count} lines; at most {most} are taken in one request (limits.batch_max).",
        field="body",
        value=count,
        limit=most,
    )


def _ask(
    call: Call, name: str, payload: bytes, number: int, options: RequestOptions
) -> asyncio.Future[Any]:
    """Ask for one accept. An `Idempotency-Key` of the request is `KEY#LINE` for each line, so that a
    batch that is sent again is accepted once."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def done(accepted: Any, error: ThenceError | None) -> None:
        if not future.done():
            future.set_result(error if error is not None else accepted)

    key = options.idempotency_key
    asked = RequestOptions(
        delay_seconds=options.delay_seconds,
        idempotency_key=None if key is None else f"{key}#{number}",
        traceparent=options.traceparent,
        lineage=options.lineage,
    )
    try:
        call.context.engine.accept(
            name,
            payload,
            done,
            meta=asked.meta(),
            delay_seconds=asked.delay_seconds,
            idempotency_key=asked.idempotency_key,
            qualifier=call.query["qualifier"] or LATEST,
        )
    except ThenceError as error:
        done(None, error)
    return future


async def _all(answers: list[asyncio.Future[Any]]) -> list[Any]:
    """All answers. Raises the error where all of them are the same kind of refusal: then the
    request as a whole was refused."""
    found = await asyncio.gather(*answers)
    first = found[0]
    if isinstance(first, ThenceError) and all(type(item) is type(first) for item in found):
        raise first
    return found


def _item(number: int, found: Any) -> BatchItem:
    if isinstance(found, ThenceError):
        return BatchItem(number, problem=problems.body_of(found))
    return BatchItem(number, format_id(found.id), True if found.duplicate else UNSET)
