"""The sandbox that the kernel offers for functions where it can (Linux): it needs no privilege.

Around all of them, by the fork server once: the data directory is not there, but for the code, which
cannot be written. That is a mount namespace, with a user namespace around it where the service is
not root. Around each, by its instance: no process outside of it can be traced, looked into or (from
Linux 6.12 on) signalled, the node and other functions least of all. That is a Landlock domain.

Each of them stands alone, whole or not at all; `Sandbox.missing` says which are not there and
why. Process ids stay those of the system, because the node reads and ends instances by them.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Sequence

# In the environment of a process that starts instances; not there: nothing is closed.
CLOSED, READABLE = "THENCE_CLOSED", "THENCE_READABLE"

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE, _MS_RELATIME = 32, 4096, 16384, 1 << 18, 1 << 21
_ST_RELATIME = 4096
_ST_AS_MS = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | 1024 | 2048  # the same bit in both; *ATIME last

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_REFER = 1 << 13  # forbidden unless allowed: moving a file to another folder
_SCOPE_SIGNAL = 1 << 1
_ABI_REFER, _ABI_SCOPE = 2, 6

_libc = ctypes.CDLL(None, use_errno=True)


class Sandbox:
    """What stands. `ruleset` is a descriptor, or -1."""

    def __init__(self) -> None:
        self.ruleset = -1
        self.missing: list[str] = []

    def close_folder(self, closed: str, readable: str, needed: Sequence[str]) -> None:
        """Let `closed` be empty for this process and its children but for the folder `readable`
        in it. `needed`: paths that must not be hidden. Raises OSError."""
        inside = [path for path in needed if os.path.commonpath((path, closed)) == closed]
        if inside:
            self.missing.append(f"the data directory stays open: it holds {inside[0]}")
            return

        def hide() -> None:
            _own_namespace()
            _hide(closed, readable)

        refusal = _refusal(hide)
        if refusal:
            self.missing.append(f"the data directory stays open: {refusal}")
            return
        hide()

    def prepare_domains(self) -> None:
        """Make what `enter_domain` needs. Raises OSError."""
        if _refusal(lambda: _check(_abi())) or _abi() < _ABI_REFER:
            self.missing.append("functions can look into each other: there is no Landlock")
            return
        scoped = _abi() >= _ABI_SCOPE
        if not scoped:
            self.missing.append("functions can signal the node: Linux is older than 6.12")
        self.ruleset = _ruleset(_SCOPE_SIGNAL if scoped else 0)

    def enter_domain(self) -> None:
        """In an instance: a domain of its own, for good. Raises OSError."""
        if self.ruleset >= 0:
            _check(_libc.syscall(_RESTRICT_SELF, self.ruleset, 0))


def from_environment(needed: Sequence[str]) -> Sandbox:
    """As the node wants it; the variables that say so are taken away. Before privileges are given up.
    `needed`: see Sandbox.close_folder. Raises OSError."""
    sandbox = Sandbox()
    closed, readable = os.environ.pop(CLOSED, ""), os.environ.pop(READABLE, "")
    if closed:
        sandbox.close_folder(closed, readable, [os.path.realpath(path) for path in needed])
        sandbox.prepare_domains()
    return sandbox


def _refusal(work: Callable[[], object]) -> str:
    """Why it cannot be done, or empty. A child tries it, because half of it cannot be taken back,
    and a filter of system calls may end whoever asks."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except OSError as error:
            os._exit(error.errno or 1)
        finally:
            os._exit(1)  # whatever else was raised: never back into the fork server
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        return f"the system ended who tried (signal {-code})"
    return os.strerror(code) if code else ""


def _abi() -> int:
    """The version of Landlock, below 0 where there is none."""
    return int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))


def _own_namespace() -> None:
    """A mount namespace of our own."""
    if _libc.unshare(_CLONE_NEWNS) != 0:  # allowed to root only
        user, group = os.geteuid(), os.getegid()
        _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS))
        for file, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{file}", "w") as written:
                written.write(text)
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)


def _hide(closed: str, readable: str) -> None:
    kept = os.open(readable, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        nothing = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
        _mount("tmpfs", closed, "tmpfs", nothing, b"size=64k,mode=0755")
        os.makedirs(readable, 0o755)
        _mount(f"/proc/self/fd/{kept}", readable, None, _MS_BIND)
        # Flags that the file system has already may not be taken from it.
        flags = os.statvfs(readable).f_flag
        keep = flags & _ST_AS_MS | (_MS_RELATIME if flags & _ST_RELATIME else 0)
        _mount(None, readable, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | keep)
        _mount(None, closed, None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | nothing)
    finally:
        os.close(kept)


def _ruleset(scoped: int) -> int:
    """A ruleset that forbids no file: only its domain counts."""
    attributes = struct.pack("<QQQ", _REFER, 0, scoped)
    size = len(attributes) if scoped else 8  # older kernels know the first word only
    ruleset = _check(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0))
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", _REFER, root)
        _check(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    except OSError:
        os.close(ruleset)
        raise
    finally:
        os.close(root)
    return ruleset


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, data: bytes | None = None
) -> None:
    _check(
        _libc.mount(
            None if source is None else os.fsencode(source),
            os.fsencode(target),
            None if kind is None else kind.encode(),
            ctypes.c_ulong(flags),
            data,
        )
    )


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
