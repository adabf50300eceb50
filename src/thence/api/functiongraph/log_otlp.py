"""The status log sent on as OpenTelemetry logs: OTLP over HTTP, in its JSON encoding, which collectors
take beside protobuf (opentelemetry-proto, "OTLP/HTTP"); one request for each group of lines.

A record's body is the line; its fields are attributes under their names in the line. What is refused
or not answered is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec

from .log_line import SEQ, Line

SEND_SECONDS = 10  # also what a shutdown may have to wait for
ANSWER_BYTES_MAX = 64 * 1024
INFO, WARN, ERROR = (9, "INFO"), (13, "WARN"), (17, "ERROR")  # severity numbers of OpenTelemetry
_SEVERITY = {"FAIL": ERROR, "DISCARD": WARN}


class NotSent(Exception):
    """The lines were not taken. The text is a sentence."""


class LogOtlp:
    """endpoint: whole, like `http://127.0.0.1:4318/v1/logs`. attributes: of the resource."""

    name = "otlp"

    def __init__(self, endpoint: str, headers: dict[str, str], attributes: dict[str, str]) -> None:
        self._endpoint = endpoint
        self._headers = {**headers, "content-type": "application/json"}
        self._resource = {"attributes": [_attribute(*pair) for pair in attributes.items()]}
        self._session: aiohttp.ClientSession | None = None

    async def write(self, lines: Sequence[Line]) -> None:
        """Raises NotSent; then some of them may have been taken all the same."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SEND_SECONDS), headers=self._headers
            )
        try:
            async with self._session.post(
                self._endpoint, data=self._body(lines), allow_redirects=False
            ) as response:
                await response.content.read(ANSWER_BYTES_MAX)
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NotSent(
                f"{self._endpoint} does not answer: {str(error) or 'too slow'}"
            ) from error
        if not 200 <= status < 300:
            raise NotSent(f"{self._endpoint} answered {status}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _body(self, lines: Sequence[Line]) -> bytes:
        scope = {"name": "thence.functiongraph.status_log"}
        logs = {"scope": scope, "logRecords": [_record(one) for one in lines]}
        return msgspec.json.encode(
            {"resourceLogs": [{"resource": self._resource, "scopeLogs": [logs]}]}
        )


def _record(one: Line) -> dict[str, Any]:
    number, text = _SEVERITY.get(one.status, INFO)
    # (64-bit numbers are texts in this encoding.)
    nanoseconds = str(one.at * 1_000_000)
    return {
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": one.text()},
        "attributes": [
            _attribute("function_urn", one.urn),
            _attribute("request_id", one.request_id),
            _attribute("seq_status", SEQ[one.status]),
            _attribute("operation_timestamp", one.at),
            _attribute("error_code", one.code),
            _attribute("error_message", one.message),
        ],
    }


def _attribute(key: str, value: str | int) -> dict[str, Any]:
    shown = {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
    return {"key": key, "value": shown}
