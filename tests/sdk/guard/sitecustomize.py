"""Loaded before a client (by PYTHONPATH): it may connect to loopback and to nothing else. A client
that dials its vendor would look like a slow test, and would tell somebody that the tests run."""

import os
import socket
import sys

LOOPBACK = {"127.0.0.1", "::1", "localhost", b"127.0.0.1", b"localhost", None}


def _refuse(what: object) -> None:
    sys.stderr.write(f"a client dials out: {what!r}\n")
    sys.stderr.flush()
    os._exit(97)


class _Guarded(socket.socket):
    def connect(self, address):  # type: ignore[no-untyped-def]
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            _refuse(address)
        return super().connect(address)

    def connect_ex(self, address):  # type: ignore[no-untyped-def]
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            _refuse(address)
        return super().connect_ex(address)


_getaddrinfo = socket.getaddrinfo


def _asked(host, *more, **named):  # type: ignore[no-untyped-def]
    if host not in LOOPBACK:
        _refuse(host)
    return _getaddrinfo(host, *more, **named)


socket.socket = _Guarded  # type: ignore[misc]
socket.getaddrinfo = _asked
