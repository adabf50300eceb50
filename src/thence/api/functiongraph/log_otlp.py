"""The status log sent on as OpenTelemetry logs: OTLP over HTTP, in its JSON encoding, which collectors
take beside protobuf (opentelemetry-proto, "OTLP/HTTP"); one request for each group of lines.

A record's body is the line; its fields are attributes under their names in the line. As OTLP says,
what is not answered, or answered 429, 502, 503 or 504, is sent again, not before `Retry-After`. Any
other answer refuses for good: lines that a collector cannot take are found by halving and lost alone;
where an address or credentials are refused, the whole group is. What is lost is said and counted; the
files have all lines in any case.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from ...destinations.http.connector import RESTS_PART, RESTS_PER_RECEIVER_MAX, Connector
from ...destinations.http.post import ANSWER_SECONDS_MAX, retry_after_seconds
from ...destinations.http.wire import Request, expect, target_of
from .log_line import SEQ, Line
from .log_sink import NotSent

log = logging.getLogger("thence.api.functiongraph.status_log")

SEND_SECONDS = 10
LEAVE_SECONDS = 1.0
ANSWER_BYTES_MAX = 64 * 1024
LINES_MAX = 512  # in one request
AGAIN = frozenset({408, 429, 502, 503, 504})
WHOLE = frozenset({401, 403, 404, 405, 407})  # not about the lines; and so are all redirects
INFO, WARN, ERROR = (9, "INFO"), (13, "WARN"), (17, "ERROR")  # severity numbers of OpenTelemetry
_SEVERITY = {"FAIL": ERROR, "DISCARD": WARN}


class _Partial(Struct, rename="camel"):
    rejected_log_records: str | int = 0  # a 64-bit number is a text in this encoding
    error_message: str = ""


class _Answer(Struct, rename="camel"):
    partial_success: _Partial | None = None


class LogOtlp:
    """endpoint: whole, like `http://127.0.0.1:4318/v1/logs`. attributes: of the resource. now: ms."""

    name = "otlp"
    leave_seconds: float | None = LEAVE_SECONDS

    def __init__(
        self,
        endpoint: str,
        headers: dict[str, str],
        attributes: dict[str, str],
        now: Callable[[], int],
    ) -> None:
        self.lost = 0
        self._refusals: Counter[str] = Counter()  # of the lines that are being written, by why
        self._now = now
        self._endpoint = endpoint
        self._headers = {**headers, "content-type": "application/json"}
        self._resource = {"attributes": [_attribute(*pair) for pair in attributes.items()]}
        self._session: aiohttp.ClientSession | None = None

    async def write(self, lines: Sequence[Line]) -> None:
        """Raises NotSent; of the lines that it names as not done some may have been taken all the
        same, where the answer was lost."""
        try:
            await self._write(lines)
        finally:
            self._say_refusals()

    async def _write(self, lines: Sequence[Line]) -> None:
        parts = [(at, min(at + LINES_MAX, len(lines))) for at in range(0, len(lines), LINES_MAX)]
        parts.reverse()  # the next is the last
        while parts:
            begin, end = parts.pop()
            status = await self._send(lines[begin:end], begin)
            if 200 <= status < 300:
                continue
            if end - begin > 1 and status not in WHOLE and not 300 <= status < 400:
                middle = (begin + end) // 2
                parts += ((middle, end), (begin, middle))
            else:
                self._refused(end - begin, f"it answered {status}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _send(self, lines: Sequence[Line], done: int) -> int:
        """The status of an answer that is final. Raises NotSent."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Connector(RESTS_PART * RESTS_PER_RECEIVER_MAX),  # to the only one
                request_class=Request,
                timeout=aiohttp.ClientTimeout(total=SEND_SECONDS),
                headers=self._headers,
            )
        came = expect(target_of(self._endpoint))
        try:
            async with self._session.post(
                self._endpoint, data=self._body(lines), allow_redirects=False
            ) as response:
                status, asked = response.status, response.headers.get("retry-after")
                answer = await _read(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if came.complete and 200 <= came.status < 300:
                return came.status  # taken; what is wrong with its head changes nothing
            raise NotSent(
                f"{self._endpoint} does not answer: {str(error) or 'too slow'}", done=done
            ) from error
        if status in AGAIN:
            wait = retry_after_seconds(asked, self._now())
            raise NotSent(
                f"{self._endpoint} answered {status}", done=done, retry_after_seconds=wait
            )
        if 200 <= status < 300:
            self._taken(answer, len(lines))
        return status

    def _taken(self, answer: bytes, sent: int) -> None:
        """Of what was taken, the collector may have refused a part; it says how much."""
        try:
            partial = msgspec.json.decode(answer, type=_Answer).partial_success
            number = 0 if partial is None else int(partial.rejected_log_records)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return  # in another encoding, or none: a plain success
        if partial is not None and number > 0:
            why = partial.error_message[:500] or "it does not say why"
            self._refused(min(number, sent), why)

    def _refused(self, number: int, why: str) -> None:
        self.lost += number
        self._refusals[why] += number

    def _say_refusals(self) -> None:
        """One word for all that was refused for one reason: each line of them may be refused alone."""
        refusals, self._refusals = self._refusals, Counter()
        for why, number in refusals.items():
            log.error(
                "%s refused %d lines of the status log (%s): they are in the files alone",
                self._endpoint,
                number,
                why,
            )

    def _body(self, lines: Sequence[Line]) -> bytes:
        scope = {"name": "thence.functiongraph.status_log"}
        logs = {"scope": scope, "logRecords": [_record(line) for line in lines]}
        return msgspec.json.encode(
            {"resourceLogs": [{"resource": self._resource, "scopeLogs": [logs]}]}
        )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """What it answered beside its status, as far as it came. The status counts whatever is wrong with the
    rest: sent again for that, the lines would be there as often as they are sent."""
    answer = b""
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while len(answer) < ANSWER_BYTES_MAX:
                more = await response.content.read(ANSWER_BYTES_MAX - len(answer))
                if not more:
                    break
                answer += more
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    return answer


def _record(line: Line) -> dict[str, Any]:
    number, text = _SEVERITY.get(line.status, INFO)
    # (64-bit numbers are texts in this encoding.)
    nanoseconds = str(line.at * 1_000_000)
    return {
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": line.text()},
        "attributes": [
            _attribute("function_urn", line.urn),
            _attribute("request_id", line.request_id),
            _attribute("seq_status", SEQ[line.status]),
            _attribute("operation_timestamp", line.at),
            _attribute("error_code", line.code),
            _attribute("error_message", line.message),
        ],
    }


def _attribute(key: str, value: str | int) -> dict[str, Any]:
    shown = {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
    return {"key": key, "value": shown}
