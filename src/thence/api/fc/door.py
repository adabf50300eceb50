"""The door of Function Compute, as the service knows it."""

from __future__ import annotations

from ...config import Settings
from ..shared.context import Context
from ..shared.door import Door, Mount
from .app import FcApp
from .fast_path import FcFastPath
from .prometheus import series
from .record import FORMS
from .section import FcSettings
from .state import FcState
from .upload import UploadApp


class FcDoor(Door):
    name = "fc"
    contract = "fc"
    forms = FORMS
    function_series = staticmethod(series)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.state = FcState(context)
        api, uploads = FcApp(self.state), UploadApp(self.state)
        # Uploads: what is not signed with a key that this service gave goes no further.
        self.mounts = (Mount(uploads.takes, uploads, any_host=True), Mount(api.takes, api))
        self.fast_path = FcFastPath(self.state)
        context.engine.also_sweep(self.state.uploads.sweep)

    @classmethod
    def platform_wait_cap_seconds(cls, settings: Settings) -> float | None:
        return settings.section(FcSettings).platform_wait_cap_seconds


DOOR = FcDoor
