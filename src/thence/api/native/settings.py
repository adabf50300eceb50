"""The settings that the service runs with, without its secrets."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from ...config import Shown, shown
from ..shared.answer import answer
from ..shared.rest.call import Call


class SettingList(Struct):
    """In the order of the file."""

    items: list[Shown]


async def listed(call: Call) -> Response:
    return answer(SettingList(shown(call.context.settings)))
