"""Who asks for a change: doors say it, the notice of the change tells it.

An access key's id, `auth_token`, or `unauthenticated` where nobody has to say who he is; `local` for
what was asked from inside this process. It holds for the task that answers a request.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

LOCAL: Final = "local"
UNAUTHENTICATED: Final = "unauthenticated"
TOKEN: Final = "auth_token"

ACTOR: ContextVar[str] = ContextVar("thence_actor", default=LOCAL)
