"""Privileges that function code must not have (Linux): given up for good by the fork server, before the
first instance, and the node's own memory, which it closes to other processes of its user.

What is given up matters where the service runs as root: its functions are root, too, but without
the right to trace other processes, to load into the kernel, to raise their own limits or to act as
somebody else. Setuid programs (`sudo`) give no function anything, whoever it runs as.
"""

from __future__ import annotations

import ctypes

_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES_MAX = 64
# chown, dac_override, fowner, fsetid, net_bind_service: files, and ports below 1024
_KEPT = frozenset({0, 1, 3, 4, 10})


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    """Half of the three sets of capabilities, 32 bits of each."""

    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def give_up() -> None:
    """Drop every capability but _KEPT from this process and from all that it will ever start.
    Raises OSError. Nothing is left to drop for a process that is not root."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in set(range(_CAPABILITIES_MAX)) - _KEPT:
        # Refused where it is not ours to drop, or where the kernel knows no such capability: then
        # no program that is started can gain it either.
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header, sets = _Header(_CAPABILITY_VERSION_3, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets) != 0:
        raise OSError(ctypes.get_errno(), "capget failed")
    for word, kept in enumerate(sets):
        mask = sum(
            1 << capability - 32 * word for capability in _KEPT if 0 <= capability - 32 * word < 32
        )
        kept.permitted &= mask
        kept.effective &= mask
        kept.inheritable = 0
    if libc.capset(ctypes.byref(header), sets) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS) failed")


def hide_memory() -> bool:
    """Close this process's memory and environment (/proc/<pid>/mem, /environ, ptrace, core files) to
    others of the same user: functions run as that user, and the environment may hold the root
    credentials. False where the system has no such thing. Root can still look."""
    libc = ctypes.CDLL(None, use_errno=True)
    return hasattr(libc, "prctl") and libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
