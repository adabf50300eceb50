"""Which addresses a webhook may be sent to, and that nothing else is ever connected to.

Whoever configures a destination chooses where this service connects to, so by default only public
addresses are allowed: no loopback, private, link-local, carrier-grade or special-purpose network
(IANA registries, RFC 6890) and no metadata service of a cloud, also not in disguise (IPv4 inside
IPv6: mapped, 6to4, NAT64). `destinations.allow_networks` opens networks on purpose.

The addresses that were checked are the very ones that are connected to: a name is resolved here
once per connection, all of its addresses must be allowed, and the socket factory looks at each
address a last time, whichever way it came. A name that changes its address between check and
connection (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from ..interface import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]

SETTING = "destinations.allow_networks"
RESOLVER_THREADS = 16  # a name server that does not answer holds a thread for its whole timeout

_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the machine itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; holds the metadata address 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # a metadata service on a public address
        "169.254.0.0/16",  # link-local; holds the metadata address 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # all that is assigned as global unicast
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "3fff::/20",
    )
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")


class ForbiddenAddress(Exception):
    """A connection that must not be made. The text is a sentence for the delivery's record."""


class AddressGuard:
    """Says whether an address may be connected to. `allow`: networks that are open on purpose."""

    def __init__(self, allow: Sequence[Network] = ()) -> None:
        self._allow = tuple(allow)

    def allowed(self, address: Address) -> bool:
        if any(address.version == net.version and address in net for net in self._allow):
            return True
        if isinstance(address, ipaddress.IPv4Address):
            return not any(address in net for net in _CLOSED_V4)
        inner = embedded(address)
        if inner is not None:
            return self.allowed(inner)
        return address in _PUBLIC_V6 and not any(address in net for net in _CLOSED_V6)

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Raise ForbiddenAddress unless every one of the addresses of `host` is allowed."""
        for text in addresses:
            address = ipaddress.ip_address(text.partition("%")[0])
            if not self.allowed(address):
                shown = "" if text == host else f" ({host})"
                raise ForbiddenAddress(
                    f"the address {address}{shown} is private or special; destinations may only be "
                    f"there when {SETTING} names its network"
                )

    def check_literal(self, host: str) -> None:
        """Raise ForbiddenAddress when `host` is a number that means an address that is not allowed,
        or an IPv4 address in an unusual form (0x7f.1, 2130706433). Names pass: see Resolver."""
        bare = host.rstrip(".")
        try:
            ipaddress.ip_address(bare.partition("%")[0])
        except ValueError:
            _refuse_unusual_ipv4(bare)
            return
        self.check(bare, [bare])

    def open_socket(self, info: tuple[Any, ...]) -> socket.socket:
        """aiohttp's socket factory: the last look at what is about to be connected to."""
        family, kind, protocol, _, target = info
        self.check(target[0], [target[0]])
        return socket.socket(family=family, type=kind, proto=protocol)


def embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this IPv6 address end at, or None."""
    value = int(address)
    if address in _MAPPED or address in _NAT64:
        return ipaddress.IPv4Address(value & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address(value >> 80 & 0xFFFFFFFF)
    return None


def _refuse_unusual_ipv4(host: str) -> None:
    try:
        packed = socket.inet_aton(host)
    except (OSError, UnicodeEncodeError):
        # Not a number in any form that the system would take for an address: a name.
        return
    plain = ipaddress.IPv4Address(packed)
    raise ForbiddenAddress(
        f"the host {host[:64]!r} is an unusual way to write an IPv4 address; write {plain} "
        f"(private addresses are only used when {SETTING} names their network)"
    )


class Resolver(AbstractResolver):
    """Resolves a name and answers only addresses that were checked, and only if all of them pass.

    `lookup` may be given by tests; by default the system resolves, in threads of our own so that a
    slow name server does not hold up anything else that uses the event loop's threads.
    """

    def __init__(self, guard: AddressGuard, lookup: Lookup | None = None) -> None:
        self._guard = guard
        self._lookup = lookup or self._system
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="thence-resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = list(dict.fromkeys(await self._lookup(host, port)))
        if not addresses:
            raise OSError(f"no address for {host}")
        self._guard.check(host, addresses)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=int(socket.AI_NUMERICHOST | socket.AI_NUMERICSERV),
            )
            for address in addresses
        ]

    async def _system(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _getaddrinfo, host, port)
        return [str(info[4][0]) for info in found]

    async def close(self) -> None:
        # Not waited for: a lookup under way ends by the system's own timeout.
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str, port: int) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
