"""Code archives: what is refused, with which sentence, before anything is stored."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import warnings
import zipfile
import zlib

import pytest

from thence.catalog.code import (
    ArchiveInfo,
    CodeLimits,
    check_archive,
    open_archive,
    pack,
    read_members,
)
from thence.errors import InvalidCode


def archive(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = 8) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # duplicate names are meant
        with zipfile.ZipFile(buffer, "w", method) as made:
            for name, content in members:
                made.writestr(name, content, compress_type=method)
    return buffer.getvalue()


def special(name: str, kind: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    return member


def renamed(data: bytes, before: bytes, after: bytes) -> bytes:
    """Names that zipfile would not write."""
    assert len(before) == len(after)
    return data.replace(before, after)


def refusal(data: bytes, **limits: int) -> InvalidCode:
    with pytest.raises(InvalidCode) as refused:
        check_archive(data, CodeLimits(**limits))
    assert refused.value.fields["field"] == "code"
    assert refused.value.detail.startswith("code: ")
    return refused.value


def test_a_good_archive_is_described() -> None:
    data = archive(("main.py", b"def handler(): ..."), ("lib/", b""), ("lib/util.py", b"x = 1"))
    assert check_archive(data) == ArchiveInfo(hashlib.sha256(data).hexdigest(), len(data), 2, 23)


def test_stored_members_and_deep_folders_are_fine() -> None:
    path = "/".join(["deep"] * 50) + "/main.py"
    assert check_archive(archive((path, b"x"), method=zipfile.ZIP_STORED)).files == 1


@pytest.mark.parametrize("data", [b"", b"def handler(): ...", b"PK\x03\x04", b"PK" * 1000])
def test_bytes_that_are_no_zip_are_refused(data: bytes) -> None:
    assert "not a ZIP archive" in refusal(data).detail


def test_a_truncated_archive_is_refused() -> None:
    assert "not a ZIP" in refusal(archive(("main.py", b"x" * 1000))[:-10]).detail


def test_a_wrong_checksum_is_refused() -> None:
    data = bytearray(archive(("main.py", b"x = 'unchanged'"), method=zipfile.ZIP_STORED))
    data[data.index(b"unchanged")] ^= 1
    assert "'main.py' is corrupt" in refusal(bytes(data)).detail


def test_corrupt_compressed_bytes_are_refused() -> None:
    data = bytearray(archive(("main.py", bytes(range(256)) * 20)))
    data[60:80] = b"\xff" * 20
    assert "corrupt" in refusal(bytes(data)).detail


def test_every_single_changed_byte_is_refused_or_harmless() -> None:
    data = archive(("main.py", b"x = 'some content'"), ("a/b.py", b"y"))
    for index in range(len(data)):
        broken = bytearray(data)
        broken[index] ^= 0xFF
        try:
            check_archive(bytes(broken))
        except InvalidCode:
            pass  # any other exception would be a crash on hostile input


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/etc/passwd", "absolute"),
        ("C:/main.py", "absolute"),
        ("c:main.py", "absolute"),
        ("../main.py", "'..'"),
        ("a/../../main.py", "'..'"),
        ("./../main.py", "'..'"),
        ("a//main.py", "empty part"),
        ("..", "'..'"),
        (".", "ends in '.'"),
        ("a/.", "ends in '.'"),
        ("a\\..\\main.py", "backslash"),
        ("a\nb.py", "control"),
        ("n" * 256, "too long; at most 255"),
        ("é" * 128, "too long"),
        ("/".join(["part"] * 205), "1024 in all"),
    ],
)
def test_a_name_that_leads_elsewhere_or_nowhere_is_refused(name: str, says: str) -> None:
    refused = refusal(archive(("main.py", b"x"), (name, b"evil")))
    assert says in refused.detail


def test_a_name_with_nul_is_refused() -> None:
    data = renamed(archive(("main.py_hidden", b"x")), b"main.py_hidden", b"main.py\x00hidden")
    assert "control character" in refusal(data).detail


def with_second_name(name: str, second: bytes, crc_of: str | None = None) -> bytes:
    """An archive whose one entry has another name in the extra field of Unicode paths."""
    raw = (name if crc_of is None else crc_of).encode("cp437")
    content = struct.pack("<BL", 1, zlib.crc32(raw)) + second
    member = zipfile.ZipInfo(name)
    member.extra = struct.pack("<HH", 0x7075, len(content)) + content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer zipfile warns of an empty one when it reads it
        return archive((member, b"x = 1"))


def paths(data: bytes) -> list[str]:
    with open_archive(data) as opened:
        return [member.path for member in read_members(opened)]


def test_a_folder_packed_from_within_is_what_it_holds() -> None:
    """Archivers that are told `.` write the folder as `./` and its files as `./main.py`."""
    root, lib = special("./", stat.S_IFDIR), special("./lib/", stat.S_IFDIR)
    data = archive((root, b""), ("./main.py", b"x"), (lib, b""), ("./lib/././util.py", b"y"))
    assert check_archive(data).files == 2
    assert paths(data) == ["main.py", "lib", "lib/util.py"]


def test_a_file_under_two_spellings_of_its_path_is_there_twice() -> None:
    assert (
        "'main.py' is in the archive twice"
        in refusal(archive(("main.py", b"1"), ("./main.py", b"2"))).detail
    )
    assert "file and a folder" in refusal(archive(("a", b"1"), ("./a/./b", b"2"))).detail


def test_a_second_name_that_is_a_folder_makes_the_member_one() -> None:
    assert "holds no file" in refusal(with_second_name("main.py", b"lib/")).detail


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (b"../../evil.pth", "'..'"),
        (b"/etc/cron.d/evil", "absolute"),
        (b"a\\b.py", "backslash"),
        (b"a\x00b.py", "control character"),
        (b"\xff.py", "utf-8"),
        (b"n" * 256, "too long"),
    ],
)
def test_a_second_name_in_an_extra_field_is_checked_as_the_first(second: bytes, says: str) -> None:
    assert says in refusal(with_second_name("main.py", second)).detail.replace("UTF", "utf")


def test_a_second_name_is_the_one_name_on_every_version_of_python() -> None:
    assert paths(with_second_name("gr_e.py", "grüße.py".encode())) == ["grüße.py"]


@pytest.mark.parametrize("second", [b"", b"main.py"])
def test_a_second_name_that_says_nothing_new_changes_nothing(second: bytes) -> None:
    assert paths(with_second_name("main.py", second)) == ["main.py"]


def test_a_second_name_of_another_entry_is_not_taken() -> None:
    data = with_second_name("main.py", b"../evil.py", crc_of="before.py")
    assert paths(data) == ["main.py"]


def test_two_entries_whose_second_names_are_the_same_are_refused() -> None:
    one = zipfile.ZipInfo("a.py")
    two = zipfile.ZipInfo("b.py")
    for member in (one, two):
        content = struct.pack("<BL", 1, zlib.crc32(member.filename.encode())) + b"main.py"
        member.extra = struct.pack("<HH", 0x7075, len(content)) + content
    assert "twice" in refusal(archive((one, b"1"), (two, b"2"))).detail


def test_a_symbolic_link_is_refused() -> None:
    refused = refusal(archive(("main.py", b"x"), (special("link", stat.S_IFLNK), b"/etc/passwd")))
    assert "'link' is a symbolic link" in refused.detail


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_special_files_are_refused(kind: int) -> None:
    assert "neither a plain file" in refusal(archive((special("odd", kind), b""))).detail


def test_a_member_twice_is_refused() -> None:
    assert "twice" in refusal(archive(("main.py", b"1"), ("main.py", b"2"))).detail
    assert "twice" in refusal(archive(("lib/", b""), ("lib", b"2"))).detail


def test_a_file_that_is_also_a_folder_is_refused() -> None:
    assert "a file and a folder" in refusal(archive(("lib", b"1"), ("lib/x.py", b"2"))).detail
    far = archive(("lib/a/b/x.py", b"1"), ("lib/a/c/y.py", b"2"), ("lib", b"3"))
    assert "'lib' is a file and a folder" in refusal(far).detail


@pytest.mark.parametrize("members", [(), (("lib/", b""),)])
def test_an_archive_without_files_is_refused(members: tuple[tuple[str, bytes], ...]) -> None:
    assert "holds no file" in refusal(archive(*members)).detail


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(archive(("main.py", b"x")))
    for marker, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(marker) + offset] |= 1
    assert "'main.py' is encrypted" in refusal(bytes(data)).detail


def test_a_method_that_not_every_python_has_is_refused() -> None:
    assert "stored or deflate" in refusal(archive(("main.py", b"x"), method=14)).detail


def test_the_limits_are_named() -> None:
    many = archive(*((f"f{number}.py", b"x") for number in range(5)))
    assert check_archive(many, CodeLimits(code_files_max=5)).files == 5
    assert refusal(many, code_files_max=4).fields["limit"] == 4
    assert refusal(many, code_bytes_max=len(many) - 1).fields["limit"] == len(many) - 1
    assert check_archive(many, CodeLimits(code_unpacked_bytes_max=5)).unpacked_bytes == 5
    unpacked = refusal(many, code_unpacked_bytes_max=4)
    assert unpacked.fields["limit"] == 4
    assert "limits.code_unpacked_bytes_max" in unpacked.detail and "'f4.py'" in unpacked.detail


def test_folders_that_are_only_in_the_paths_of_files_are_counted() -> None:
    few = archive(("main.py", b"x"), *((f"{n}/a/b/c/x.py", b"x") for n in range(5)))  # 20 folders
    assert check_archive(few, CodeLimits(code_files_max=20)).files == 6
    refused = refusal(few, code_files_max=19)
    assert refused.fields["limit"] == 19 and "more than 19 folders" in refused.detail
    shared = archive(*((f"a/b/c/{n}.py", b"x") for n in range(5)))
    assert check_archive(shared, CodeLimits(code_files_max=5)).files == 5


def test_a_bomb_is_refused_by_its_ratio() -> None:
    refused = refusal(archive(("zeros", bytes(20 * 1024 * 1024))))
    assert "200 times" in refused.detail and "'zeros'" in refused.detail


def test_a_header_that_lies_about_the_size_does_not_help() -> None:
    """The directory says 10 bytes; what comes out counts, and here it is not what was said."""
    data = bytearray(archive(("zeros", bytes(3_000_000))))
    start = data.index(b"PK\x01\x02")
    data[start + 24 : start + 28] = struct.pack("<I", 10)
    assert "corrupt" in refusal(bytes(data)).detail


def test_packing_the_same_files_gives_the_same_bytes_in_any_order() -> None:
    files = [("b.py", b"2"), ("a/c.py", b"3"), ("a.py", b"1")]
    data = pack(files)
    assert data == pack(list(reversed(files)))
    assert check_archive(data).files == 3


def test_a_central_directory_of_very_many_entries_is_refused_before_it_is_read() -> None:
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    directory = (entry + b"a") * 500
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 500, 500, len(directory), 0, 0)
    with pytest.raises(InvalidCode, match="about 500 members; at most 100"):
        check_archive(directory + end, CodeLimits(code_files_max=100))


def test_an_archive_inside_the_archive_is_a_file() -> None:
    inner = pack([(f"{number}.txt", b"") for number in range(150)])
    data = archive(("main.py", b""), ("inner.zip", inner), method=zipfile.ZIP_STORED)
    assert check_archive(data, CodeLimits(code_files_max=100)).files == 2


@pytest.mark.parametrize("offset", [2**63 - 1, 2**63, 2**64 - 1])
def test_an_offset_that_no_file_can_have_is_refused(offset: int) -> None:
    """In the ZIP64 field of an entry; such numbers ended in an OverflowError."""
    data = pack([("a.py", b"x")])
    at = data.index(b"PK\x01\x02")
    entry, end = bytearray(data[at : at + 46 + 4]), bytearray(data[at + 46 + 4 :])
    field = struct.pack("<HHQ", 1, 8, offset)
    entry[30:32] = struct.pack("<H", len(field))
    entry[42:46] = b"\xff" * 4
    end[12:16] = struct.pack("<L", len(entry) + len(field))
    with pytest.raises(InvalidCode, match="corrupt"):
        check_archive(data[:at] + bytes(entry) + field + bytes(end))
