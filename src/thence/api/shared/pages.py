"""Pages: a folder of files, or an application, below a path of the service.

They need no credentials: a page holds nothing of the service, and asks the API for what it shows. Every
answer forbids the browser what such a page never does.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from starlette.datastructures import URL, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import MethodNotAllowed, RouteNotFound

HEADERS = {
    # Nothing of other hosts, no script or style in the page itself, in no frame of others.
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",  # kept, but asked for each time: a new version shows at once
}


class Pages(Struct, frozen=True):
    """`prefix`: `/console`, without a slash at its end; the pages are there and below. `app` sees paths
    below it (`root_path`), and starts and stops with nothing."""

    prefix: str
    app: ASGIApp

    def takes(self, path: str) -> bool:
        return path == self.prefix or path.startswith(self.prefix + "/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises RouteNotFound, MethodNotAllowed, and what else the application raises."""
        inner = {**scope, "root_path": scope.get("root_path", "") + self.prefix}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if "location" in headers:
                    headers["location"] = _without_host(headers["location"], URL(scope=scope))
            await send(message)

        try:
            await self.app(inner, receive, sending)
        except HTTPException as error:  # how Starlette's applications refuse
            path = scope["path"][:200]
            if error.status_code == 405:
                allow = (error.headers or {}).get("Allow", "GET, HEAD")
                raise MethodNotAllowed(
                    f"{path} does not take {scope['method']}; it takes {allow}.", allow
                ) from None
            raise RouteNotFound(f"There is no page at {path!r}.", path=path) from None


def _without_host(location: str, asked: URL) -> str:
    """Where a browser is led within this host: behind a proxy nobody here knows whether it came by https."""
    there = URL(location)
    if there.netloc != asked.netloc or not there.path.startswith("/") or there.path[1:2] == "/":
        return location
    return str(there.replace(scheme="", netloc=""))


def folder(prefix: str, directory: Path) -> Pages:
    """The files of a folder; `index.html` for the folder itself."""
    return Pages(prefix, StaticFiles(directory=directory, html=True))
