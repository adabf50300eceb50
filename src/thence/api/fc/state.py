"""What this door keeps of the service for all its requests."""

from __future__ import annotations

from pathlib import Path

from ..shared.code_link import CodeLinks
from ..shared.context import Context
from .authenticator import Authenticator
from .section import FcSettings
from .uploads import TemporaryKeys, Uploads


class FcState:
    """What this door keeps of the service. `region` and `account`: what ARNs are made of (THENCE_REGION,
    THENCE_ACCOUNT_ID)."""

    def __init__(self, context: Context) -> None:
        settings, clock = context.settings, context.clock
        self.context = context
        self.engine = context.engine
        self.authenticator = Authenticator(settings, clock, Path(settings.data_dir) / "nonces")
        self.limits = settings.section(FcSettings)
        self.links = CodeLinks(clock, settings.public_url)
        self.upload_keys = TemporaryKeys(clock)
        self.uploads = Uploads(
            Path(settings.data_dir) / "uploads",
            clock,
            settings.limits.code_bytes_max,
            self.engine.space,
        )
        self.region = settings.region
        self.account = settings.account_id
