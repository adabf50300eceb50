"""The door of Function Compute, as the service knows it."""

from __future__ import annotations

from ..shared.context import Context
from ..shared.door import Door, Mount
from .app import FcApp
from .fast_path import FcFastPath
from .prometheus import series
from .state import FcState
from .upload import UploadApp


class FcDoor(Door):
    name = "fc"
    function_series = staticmethod(series)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.state = FcState(context)
        api, uploads = FcApp(self.state), UploadApp(self.state)
        # Uploads: what is not signed with a key that this service gave goes no further.
        self.mounts = (Mount(uploads.takes, uploads, any_host=True), Mount(api.takes, api))
        self.fast_path = FcFastPath(self.state)
        context.engine.also_sweep(self.state.uploads.sweep)


DOOR = FcDoor
