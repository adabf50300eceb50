"""What the engine is told by the configuration. `server.py` fills it from the settings."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ..catalog.preset import NOTHING


class Options(Struct, frozen=True):
    node_name: str = "local"
    lease_seconds: float = 30.0
    payload_bytes_max: int = 1024 * 1024
    inline_bytes_max: int = 64 * 1024  # larger bodies go to the blob store
    waiting_max: int = 0  # waiting invocations per function before accept answers 429; 0: no cap
    idempotency_seconds: float = 24 * 3600.0
    payload_retention_seconds: float = 7 * 86_400.0
    result_retention_seconds: float = 7 * 86_400.0
    history_retention_seconds: float = 7 * 86_400.0
    events_retention_seconds: float = 24 * 3600.0
    unused_retention_seconds: float = 7 * 86_400.0  # files that nothing in the store uses
    minutes_retention_seconds: float = 31 * 86_400.0  # FC: 31 days (reference 11)
    platform_budget_seconds: float = 5 * 3600.0
    platform_wait_cap_seconds: float = 300.0
    platform_wait_caps: Mapping[str, float] = NOTHING  # by contract; see catalog/preset.py
    losses_max: int = 3
    suspect_alone_seconds: float = 5.0  # how long others are held back for a suspect
    delivery_first_seconds: float = 0.5
    delivery_budget_seconds: float = 1800.0
    delivery_concurrency: int = 8  # attempts under way at one receiver
    delivery_attempts_max: int = (
        256  # attempts under way at all receivers: each may hold a connection
    )
    delivery_timeout_seconds: float = 30.0
    record_preview_bytes_max: int = 1024 * 1024
    prune_interval_seconds: float = 60.0
    claim_max: int = 64  # invocations of one function in one claim
    sync_queue_seconds: float = 10.0  # how long a synchronous call waits for a slot before 429

    @property
    def record_bytes_max(self) -> int:
        """A record holds two previews, at worst in base64, and a little more: what a function
        destination takes as its payload, whatever `payload_bytes_max` says for callers."""
        return 3 * self.record_preview_bytes_max + 64 * 1024
