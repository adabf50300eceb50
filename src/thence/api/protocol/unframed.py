"""Answers of unknown length to callers of HTTP/1.0, who know no chunks: they end with their connection.

uvicorn sends such an answer in chunks, whoever asks.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

UNKNOWN_BYTES = 1 << 62


def unframed(app: ASGIApp, cycle: Any) -> ASGIApp:
    """The application for one request of HTTP/1.0; cycle: uvicorn's."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        unknown = False

        async def sending(message: Any) -> None:
            nonlocal unknown
            if message["type"] == "http.response.start":
                unknown = all(name != b"content-length" for name, _ in message.get("headers", ()))
                if unknown:
                    cycle.chunked_encoding = False
                    cycle.expected_content_length = UNKNOWN_BYTES
            elif unknown and not message.get("more_body", False):
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, sending)

    return answering
