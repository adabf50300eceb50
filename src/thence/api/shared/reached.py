"""Where this service is reached: what every absolute link in an answer begins with."""

from __future__ import annotations

import ipaddress

from starlette.types import Scope


def base_url(public_url: str, scope: Scope) -> str:
    """`public_url` (the setting) where it is set, else the address and port of this machine that the
    connection of the request came in on.

    Never what the caller says: the `Host` of some clients has no port, that of others names the
    vendor, and whoever can make somebody else ask chooses it.
    """
    if public_url:
        return public_url.rstrip("/")
    address, port = scope["server"]
    return f"{scope['scheme']}://{_host(address)}:{port}"


def _host(address: str) -> str:
    """An address as a URL has it."""
    text, mark, zone = address.partition("%")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return address
    if found.version == 4:
        return text
    if found.ipv4_mapped is not None:  # a socket for both versions
        return str(found.ipv4_mapped)
    return f"[{text}%25{zone}]" if mark else f"[{text}]"
