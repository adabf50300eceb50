"""What this door keeps of the service for all its requests."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ...clock import Clock
from ...config import Settings
from ..shared.code_link import CodeLinks
from .authenticator import Authenticator
from .uploads import TemporaryKeys, Uploads


class FcState:
    """`region` and `account`: what ARNs are made of (THENCE_REGION, THENCE_ACCOUNT_ID). `changing`
    is held from looking at a function or service to changing it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.authenticator = Authenticator(settings, clock, Path(settings.data_dir) / "nonces")
        self.limits = settings.fc
        self.links = CodeLinks(clock, settings.public_url)
        self.upload_keys = TemporaryKeys(clock)
        self.uploads = Uploads(
            Path(settings.data_dir) / "uploads", clock, settings.limits.code_bytes_max
        )
        self.changing = asyncio.Lock()
        self.region = settings.region
        self.account = settings.account_id
