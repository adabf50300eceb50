"""Open files: how many this process may have, and what each part of it may take of them.

Whoever runs out of descriptors answers nobody: a connection, an attempt of a delivery and an instance are
each some of them. So all three are bounded by what there is, together, and a few are kept for the
service itself (its store, its code, its log) and for whoever asks whether it lives.
"""

from __future__ import annotations

import resource

from msgspec import Struct

DESCRIPTORS_MAX = 1 << 20  # asked for where the system sets no limit
OWN_DESCRIPTORS = 128  # the service's own: store, code, bodies, log, starts of processes
OWN_DESCRIPTORS_MIN = 32  # some 27 of them all the time; the rest is a quarter of what there is
RESERVED_CONNECTIONS = 16  # beyond the bound, for /livez and /readyz alone
INSTANCE_DESCRIPTORS = 10  # 5 of one that runs, and 5 of one that leaves with its hook meanwhile
ATTEMPT_DESCRIPTORS = 2  # a connection under way, and one that is kept for the next attempt
DELIVERY_ATTEMPTS_MAX = 1024


class Shares(Struct, frozen=True):
    """What each part may have at a time. `lowered`: a sentence for each setting that cannot be met."""

    descriptors: int
    connections: int
    instances: int
    attempts: int
    lowered: tuple[str, ...] = ()


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one, as far as the system lets us; how many
    there are now. Instances get a limit of their own (runtimes/sandbox/limits.py)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            pass  # the system has a lower limit beside; then what there is, is shared
    return limit()


def limit() -> int:
    """How many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return DESCRIPTORS_MAX if soft == resource.RLIM_INFINITY else soft


def shares(
    descriptors: int, *, connections: int, instances: int, attempts: int = DELIVERY_ATTEMPTS_MAX
) -> Shares:
    """Who may have how many of `descriptors`. The others: what is asked for, at most."""
    own = max(OWN_DESCRIPTORS_MIN, min(OWN_DESCRIPTORS, descriptors // 4)) + RESERVED_CONNECTIONS
    free = max(0, descriptors - own)
    may_run = max(1, min(instances, free // 2 // INSTANCE_DESCRIPTORS))
    free -= may_run * INSTANCE_DESCRIPTORS
    may_send = max(1, min(attempts, free // 4 // ATTEMPT_DESCRIPTORS))
    may_connect = max(1, min(connections, free - may_send * ATTEMPT_DESCRIPTORS))
    asked_for = (
        ("runtime.instances_max", instances, may_run),
        ("limits.connections_max", connections, may_connect),
    )
    return Shares(
        descriptors,
        may_connect,
        may_run,
        may_send,
        tuple(
            f"{name} = {asked} cannot be met: {descriptors} files may be open, which is enough for "
            f"{found}. Raise the hard limit of open files (LimitNOFILE= of systemd, ulimit -Hn) or "
            f"lower the setting."
            for name, asked, found in asked_for
            if found < asked
        ),
    )
