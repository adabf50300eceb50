"""Signing in with a browser: a cookie in exchange for the root credentials; looked at; signed out."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct
from starlette.responses import Response

from ...clock import iso
from ...errors import Unauthorized
from ..shared.answer import answer, empty
from ..shared.rest.call import Call
from ..shared.sessions import Session, cookie, no_cookie


class SessionShown(Struct):
    """`required`: whether this service asks for credentials at all. `actor`: who asks. `expires_at` and
    `csrf_token`: of the cookie's session; null where there is none."""

    required: bool
    actor: str
    expires_at: str | None
    csrf_token: str | None


async def begin(call: Call) -> Response:
    credentials = call.context.credentials
    if not credentials.required:
        return answer(_shown(call, None))
    if call.header("authorization") is None:  # by a cookie: no session makes another
        raise Unauthorized("A session begins with Authorization: Bearer id:secret.")
    sessions = call.context.sessions
    session = sessions.begin()
    header = cookie(session, sessions.seconds, secure=_secure(call))
    return answer(_shown(call, session), 201, {"set-cookie": header})


async def get(call: Call) -> Response:
    return answer(_shown(call, _of(call)))


async def end(call: Call) -> Response:
    session = _of(call)
    if session is not None:
        await call.context.sessions.end(session)
    response = empty()
    response.headers["set-cookie"] = no_cookie(secure=_secure(call))
    return response


def _of(call: Call) -> Session | None:
    if not call.context.credentials.required:
        return None
    return call.context.sessions.find(call.header("cookie") or "")


def _shown(call: Call, session: Session | None) -> SessionShown:
    credentials = call.context.credentials
    return SessionShown(
        credentials.required,
        credentials.actor,
        iso(session.expires_at) if session else None,
        session.csrf_token if session else None,
    )


def _secure(call: Call) -> bool:
    """Whether browsers come by https: as the setting says, or their own page's `Origin`. Who claims it
    falsely has a cookie that he cannot use."""
    origin = (call.header("origin") or "")[:300]
    return "https" in (urlsplit(origin).scheme, urlsplit(call.context.settings.public_url).scheme)
