"""What an asynchronous configuration of this door has where nothing is said."""

from __future__ import annotations

from ...catalog.async_config import AsyncConfig

DEFAULTS = AsyncConfig(stop_notifies=True)
"""Those of the vendor's SDK; a stopped invocation is a failure there (reference 5.4)."""
