"""What an asynchronous configuration of this door has where nothing is said."""

from __future__ import annotations

from ...catalog.async_config import AsyncConfig

DEFAULTS = AsyncConfig(max_event_age_seconds=3600, listed=True, stop_notifies=True)
"""How often is retried without being said is a setting (functiongraph.retry_attempts_default)."""
