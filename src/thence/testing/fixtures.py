"""The pytest fixture `thence_service`: a running `Service` for each test that asks for it.

Found by pytest when Thence is installed. The fixture is asynchronous, so it needs pytest-asyncio;
without that the plugin is empty.
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator

from .service import Service

if importlib.util.find_spec("pytest_asyncio") is not None:
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def thence_service() -> AsyncIterator[Service]:
        """The whole service in virtual time, in a folder of its own."""
        async with Service() as service:
            yield service
