"""Connections that no try uses: kept for the next one, and never more than a bound."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from thence.destinations.http.connector import KEPT_PER_RECEIVER_MAX, Connector

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Receiver:
    """Counts the connections that are open to it."""

    def __init__(self) -> None:
        self.came = 0
        self.gone = 0
        self.changed = asyncio.Condition()

    async def __aenter__(self) -> Receiver:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.gone += 1
            writer.close()


@pytest.mark.parametrize("receivers", [1, 2, 5])
async def test_receivers_that_are_called_once_do_not_hold_a_connection_each(receivers: int) -> None:
    connector = Connector(3 * KEPT_PER_RECEIVER_MAX)  # some are for those that send a rest
    async with aiohttp.ClientSession(connector=connector) as session:
        kept = 0
        for _ in range(receivers):
            async with Receiver() as one:
                for _ in range(3):
                    async with session.get(one.url) as answer:
                        await answer.read()
                kept += one.came == 1
        assert kept == min(receivers, 2), "the first ones are kept and used again"
        assert len(connector._conns) == kept


async def test_of_one_receiver_a_few_are_kept() -> None:
    connector = Connector(1000)
    async with aiohttp.ClientSession(connector=connector) as session, Receiver() as one:

        async def call() -> None:
            async with session.get(one.url) as answer:
                await answer.read()

        await asyncio.gather(*(call() for _ in range(3 * KEPT_PER_RECEIVER_MAX)))
        (kept,) = connector._conns.values()
        assert len(kept) <= KEPT_PER_RECEIVER_MAX
