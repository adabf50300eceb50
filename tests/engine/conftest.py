"""The service in virtual time, one for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from thence.testing import Service


@pytest_asyncio.fixture
async def s() -> AsyncIterator[Service]:
    async with Service() as service:
        yield service
        # Whatever a test did: the store must keep its invariants.
        if service.running:
            service.outage.full_until = service.outage.gone_until = 0
            assert await service.verify() == []
