"""Code archives: what is accepted as a function's code, and how a folder becomes one.

An archive is a ZIP file whose members are plain files and folders. Everything is checked before
anything is stored: names, kinds, counts, and the sizes that really come out when it is inflated
(headers may lie). A member has one name, which this module reads, checks and hands out (`Member`):
zipfile's own differs between versions of Python, since 3.12 takes it from an extra field. Pure:
nothing here touches a disk.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from msgspec import Struct

from ..errors import InvalidCode

NAME_BYTES_MAX = 255  # of one part of a path, in UTF-8: what file systems take
PATH_BYTES_MAX = 1024
RATIO_MAX = 200  # unpacked to packed, of the whole; deflate reaches 1032, real code stays under 20
RATIO_FREE_BYTES = 1024 * 1024  # small archives of zeros are no danger
ROOT = ""  # the path of a member `./`: the folder itself, which needs no unpacking
CHUNK_BYTES = 64 * 1024
ENTRIES_PER_FILE = 4  # signatures of entries allowed: archives inside the archive have some, too
_ENTRY = b"PK\x01\x02"  # begins each entry of the central directory
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40
_UTF8_NAME = 0x800  # the flag of an entry whose name is UTF-8; without it: code page 437
_UNICODE_PATH = (
    0x7075  # the extra field with a name in UTF-8, of archivers that do not set the flag
)
_DRIVE = re.compile(r"[A-Za-z]:")
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP file can hold
_READ_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError),
    *(OverflowError, struct.error),  # of offsets and sizes of 64 bits that no file can have
)


class CodeLimits(Struct, frozen=True):
    """How large an archive may be. `server.py` fills it from the settings."""

    code_bytes_max: int = 50 * 1024 * 1024
    code_unpacked_bytes_max: int = 500 * 1024 * 1024
    code_files_max: int = 10_000


class ArchiveInfo(Struct, frozen=True):
    """What a checked archive is."""

    digest: str  # sha256 of the archive, hex
    bytes: int
    files: int  # plain files, without folders
    unpacked_bytes: int


class Member(Struct, frozen=True):
    """A member whose name was checked: unpack it under `path` and nowhere else."""

    path: str  # relative, of plain parts, without a trailing slash
    is_folder: bool
    entry: zipfile.ZipInfo  # for read_member; its own name is not to be used


def check_archive(data: bytes, limits: CodeLimits | None = None) -> ArchiveInfo:
    """Check a whole archive. Raises InvalidCode naming the member, what is wrong and the limit."""
    limits = limits or CodeLimits()
    if len(data) > limits.code_bytes_max:
        raise _refused(
            f"the archive has {len(data)} bytes; at most {limits.code_bytes_max} "
            "(limits.code_bytes_max); leave large files out",
            limits.code_bytes_max,
        )
    entries = data.count(_ENTRY)
    if entries > ENTRIES_PER_FILE * limits.code_files_max:
        # Before zipfile makes an object for each, which takes seconds and hundreds of megabytes.
        raise _refused(
            f"the archive has about {entries} members; at most {limits.code_files_max} "
            "(limits.code_files_max)",
            limits.code_files_max,
        )
    with open_archive(data) as archive:
        members = [member for member in read_members(archive, limits) if not member.is_folder]
        unpacked = 0
        for member in members:
            for chunk in read_member(archive, member):
                unpacked += len(chunk)
                _check_size(unpacked, len(data), limits, member.path)
    return ArchiveInfo(hashlib.sha256(data).hexdigest(), len(data), len(members), unpacked)


def open_archive(data: bytes) -> zipfile.ZipFile:
    """The archive, or InvalidCode where the bytes are none."""
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except _READ_ERRORS as error:
        raise _refused(f"the bytes are not a ZIP archive ({error})") from None


def read_member(archive: zipfile.ZipFile, member: Member) -> Iterator[bytes]:
    """The bytes of a member in bounded pieces; its CRC is checked at the end."""
    try:
        with archive.open(member.entry) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except (*_READ_ERRORS, RuntimeError) as error:
        raise _refused(f"{member.path[:200]!r} is corrupt ({error})") from None


def read_members(archive: zipfile.ZipFile, limits: CodeLimits | None = None) -> list[Member]:
    """The members in the archive's order. Raises InvalidCode for any that may not be; `limits`
    bounds how many there may be."""
    limits = limits or CodeLimits()
    entries = archive.infolist()
    if len(entries) > limits.code_files_max:
        raise _refused(
            f"the archive has {len(entries)} members; at most {limits.code_files_max} "
            "(limits.code_files_max)",
            limits.code_files_max,
        )
    members = [member for entry in entries if (member := _checked(entry)).path != ROOT]
    seen: set[str] = set()
    files: set[str] = set()
    for member in members:
        if member.path in seen:
            raise _refused(f"{member.path[:200]!r} is in the archive twice")
        seen.add(member.path)
        if not member.is_folder:
            files.add(member.path)
    if not files:
        raise _refused("the archive holds no file")
    _check_folders(members, files, limits)
    return members


def _check_folders(members: list[Member], files: set[str], limits: CodeLimits) -> None:
    """Folders need no member of their own: a path of 1 KiB can make 500 of them on the disk."""
    folders: set[str] = set()
    for member in members:
        path = member.path if member.is_folder else _parent(member.path)
        while path and path not in folders:
            if path in files:
                raise _refused(f"{path[:200]!r} is a file and a folder in the archive")
            folders.add(path)
            path = _parent(path)
        if len(folders) > limits.code_files_max:
            raise _refused(
                f"the files of the archive lie in more than {limits.code_files_max} folders "
                "(limits.code_files_max)",
                limits.code_files_max,
            )


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _checked(entry: zipfile.ZipInfo) -> Member:
    name = _name(entry)
    is_folder = name.endswith("/")
    path = _check_name(name)
    _check_kind(path, is_folder, entry)
    return Member(path, is_folder, entry)


def _name(entry: zipfile.ZipInfo) -> str:
    """What the member is called: by the extra field of Unicode paths where it belongs to the name in
    the header, as Info-ZIP defines it, else as the header says. `orig_filename` is that name before
    zipfile cuts it at a NUL or takes another."""
    name = entry.orig_filename
    if entry.flag_bits & _UTF8_NAME:
        return name
    for kind, content in _extra_fields(entry):
        if kind != _UNICODE_PATH or len(content) < 5:
            continue
        version, crc = struct.unpack("<BL", content[:5])
        if version != 1 or crc != zlib.crc32(name.encode("cp437")):
            continue  # of another name: the entry was renamed by an archiver that knows no such field
        try:
            return content[5:].decode() or name
        except UnicodeDecodeError:
            raise _refused(f"{name[:200]!r} has a second name that is not UTF-8") from None
    return name


def _extra_fields(entry: zipfile.ZipInfo) -> Iterator[tuple[int, bytes]]:
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        yield kind, extra[4 : 4 + size]
        extra = extra[4 + size :]


def _check_name(name: str) -> str:
    """The path without a trailing slash and parts of `.`; ROOT for the folder that was packed."""
    shown = repr(name[:200])
    if "\x00" in name or "\\" in name or any(ord(letter) < 32 for letter in name):
        raise _refused(f"{shown} has a backslash or a control character in its name")
    if name.startswith("/") or _DRIVE.match(name):
        raise _refused(f"{shown} is an absolute path")
    parts = name.removesuffix("/").split("/")
    if any(part in ("", "..") for part in parts) or name.split("/")[-1] == ".":
        raise _refused(f"{shown} has an empty part or '..' in its path, or ends in '.'")
    parts = [part for part in parts if part != "."]  # archivers of a folder begin with `./`
    if not parts:
        return ROOT
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        raise _refused(f"{shown} is not a name in Unicode") from None
    if max(sizes) > NAME_BYTES_MAX or sum(sizes) + len(sizes) > PATH_BYTES_MAX:
        raise _refused(
            f"{shown}… is too long; at most {NAME_BYTES_MAX} bytes for each part and "
            f"{PATH_BYTES_MAX} in all",
            PATH_BYTES_MAX,
        )
    return "/".join(parts)


def _check_kind(path: str, is_folder: bool, entry: zipfile.ZipInfo) -> None:
    shown = repr(path[:200])
    if entry.flag_bits & _ENCRYPTED:
        raise _refused(f"{shown} is encrypted")
    if entry.compress_type not in _METHODS:
        raise _refused(f"{shown} is packed with a method other than stored or deflate")
    # The upper half holds Unix modes; whatever system the archive names, nobody may read them as
    # a link later.
    kind = stat.S_IFMT(entry.external_attr >> 16)
    expected = stat.S_IFDIR if is_folder else stat.S_IFREG
    if kind == stat.S_IFLNK:
        raise _refused(f"{shown} is a symbolic link; put the file itself into the archive")
    if kind not in (0, expected):
        raise _refused(f"{shown} is neither a plain file nor a folder")


def _check_size(unpacked: int, packed: int, limits: CodeLimits, path: str) -> None:
    """path: of the file that is being unpacked."""
    if unpacked > limits.code_unpacked_bytes_max:
        raise _refused(
            f"the archive has more than {limits.code_unpacked_bytes_max} bytes when unpacked "
            f"(limits.code_unpacked_bytes_max), with {path[:200]!r}; leave large files out",
            limits.code_unpacked_bytes_max,
        )
    if unpacked > max(RATIO_FREE_BYTES, packed * RATIO_MAX):
        raise _refused(
            f"the archive unpacks to more than {RATIO_MAX} times its {packed} bytes, with "
            f"{path[:200]!r}; leave files of zeros and the like out",
            RATIO_MAX,
        )


def _refused(what: str, limit: int | None = None) -> InvalidCode:
    fields = {} if limit is None else {"limit": limit}
    return InvalidCode(f"code: {what}.", field="code", **fields)


# ---------------------------------------------------------------- making one


def pack(files: Iterable[tuple[str, bytes]]) -> bytes:
    """An archive of (path, content) pairs: the same files always give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files):
            member = zipfile.ZipInfo(path, _DATE)
            member.create_system = 3  # Unix, wherever it is made
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return buffer.getvalue()
