"""What deploy makes of a folder, a file, an archive."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from thence.catalog.code import check_archive, pack
from thence.cli.source import SETTINGS_FILE, check_handler, function_name, read_source
from thence.errors import InvalidInput


def names(archive: bytes) -> list[str]:
    check_archive(archive)  # what we send, the service takes
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.namelist()


def test_a_folder_is_packed_without_hidden_files_caches_and_its_settings(tmp_path: Path) -> None:
    folder = tmp_path / "my-func"
    for name in (
        "main.py",
        "lib/part.py",
        ".env",
        "__pycache__/main.pyc",
        "old.pyc",
        ".git/config",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1")
    (folder / "thence.function.toml").write_text('max_retries = 1\non_success = "queue:q"\n')
    source = read_source(folder)
    assert names(source.archive) == ["lib/part.py", "main.py"]
    assert source.settings == {"max_retries": 1, "on_success": "queue:q", "handler": "main.handler"}
    assert source.name == "my-func"


def test_the_same_folder_gives_the_same_archive(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1")
    assert read_source(tmp_path).archive == read_source(tmp_path).archive


def test_the_only_module_of_a_folder_has_the_handler(tmp_path: Path) -> None:
    (tmp_path / "unzip.py").write_text("")
    assert read_source(tmp_path).settings["handler"] == "unzip.handler"


def test_a_file_is_a_function_of_its_name(tmp_path: Path) -> None:
    file = tmp_path / "unzip.py"
    file.write_text("x = 1")
    source = read_source(file)
    assert (source.name, source.settings["handler"]) == ("unzip", "unzip.handler")
    assert names(source.archive) == ["unzip.py"]


def test_an_archive_is_sent_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "thing.zip"
    file.write_bytes(pack([("main.py", b"")]))
    assert read_source(file).archive == file.read_bytes()


def test_the_settings_file_may_name_the_function(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "thence.function.toml").write_text('name = "other"')
    source = read_source(tmp_path)
    assert source.name == "other"
    assert "name" not in source.settings


def test_a_link_out_of_the_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "main.py").write_text("")
    (folder / "data.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(InvalidInput, match=r"data\.txt is a link"):
        read_source(folder)


def test_nothing_of_a_folder_is_left_out_in_silence(tmp_path: Path) -> None:
    """Nor does what is no file hold the command: a pipe would for ever, a device fills the memory."""

    def make(folder: Path, name: str) -> None:
        match name:
            case "pipe":
                os.mkfifo(folder / name)
            case "settings":
                os.mkfifo(folder / SETTINGS_FILE)
            case "device":
                (folder / name).symlink_to("/dev/zero")
            case "deep":
                (folder / "deep" / "lib").mkdir(parents=True)
                (folder / "deep" / "link").symlink_to("lib")
            case "dead":
                (folder / name).symlink_to("gone")
            case "loop":
                (folder / name).symlink_to(name)
            case "undecodable":
                open(os.fsencode(folder) + b"/\xff.txt", "w").close()

    for name, sentence in {
        "pipe": "pipe is a dead link or no plain file; take it out",
        "settings": "it is no plain file",
        "device": "device is a link to a file outside of the folder",
        "deep": "deep/link is a link to a folder; put the folder itself there",
        "dead": "dead is a dead link",
        "loop": "loop (cannot be read|is a dead link)",  # by the version of Python
        "undecodable": "has a name that is not UTF-8; rename it",
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "main.py").write_text("def handler(event, context): ...")
        make(folder, name)
        with pytest.raises(InvalidInput, match=sentence):
            read_source(folder)


def test_a_link_to_a_file_of_the_folder_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1")
    (tmp_path / "other.py").symlink_to("main.py")
    archive = zipfile.ZipFile(io.BytesIO(read_source(tmp_path, "f").archive))
    assert archive.read("other.py") == b"x = 1"


def test_a_deep_folder_is_packed(tmp_path: Path) -> None:
    """Deeper than Python calls itself; what the service takes of it is said by the service."""
    folder = tmp_path / "f"
    folder.mkdir()
    at = os.open(folder, os.O_DIRECTORY)
    for _ in range(1_200):
        os.mkdir("d", dir_fd=at)
        at, before = os.open("d", os.O_DIRECTORY, dir_fd=at), at
        os.close(before)
    os.close(os.open("x.py", os.O_CREAT, dir_fd=at))
    os.close(at)
    [name] = zipfile.ZipFile(io.BytesIO(read_source(folder).archive)).namelist()
    assert name == "d/" * 1_200 + "x.py"
    shutil.move(folder / "d", tmp_path / "moved")
    subprocess.run(["rm", "-rf", str(tmp_path / "moved")], check=True)


def test_an_empty_folder_and_a_broken_settings_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no file to deploy"):
        read_source(tmp_path)
    (tmp_path / "thence.function.toml").write_text("= nothing")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_source(tmp_path)


@pytest.mark.parametrize("text", ["environment = 5", 'retry_wait = "long"'])
def test_a_setting_that_must_be_a_table_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "thence.function.toml").write_text(text)
    (tmp_path / "main.py").write_text("")
    with pytest.raises(InvalidInput, match=r"write \[(environment|retry_wait)\]"):
        read_source(tmp_path)


def test_a_handler_needs_a_module_in_the_archive() -> None:
    archive = pack([("main.py", b""), ("pack/mod.py", b""), ("fast.cpython-311.so", b"")])
    for handler in ("main.handler", "pack.mod.handler", "fast.handler"):
        check_handler(archive, handler)
    with pytest.raises(InvalidInput, match=r"there is no other\.py"):
        check_handler(archive, "other.handler")
    check_handler(b"no archive", "other.handler")  # the service says what is wrong with it


def test_a_module_in_an_archive_that_was_packed_from_within_is_found() -> None:
    check_handler(pack([("./main.py", b"")]), "main.handler")


def test_the_folder_of_a_project_is_told_as_one() -> None:
    archive = pack([("s.yaml", b""), ("code/main.py", b"")])
    with pytest.raises(InvalidInput, match=r"There is s\.yaml: name that file"):
        check_handler(archive, "main.handler")


def test_a_folder_around_the_code_is_named_where_the_module_is_not_at_the_top() -> None:
    with pytest.raises(
        InvalidInput, match=r"There is hello/main\.py: deploy what is inside of hello"
    ):
        check_handler(pack([("hello/main.py", b"")]), "main.handler")


@pytest.mark.parametrize("file", ["a-b.py", "a b.py", "ä.py", "job/a-b.py"])
def test_a_file_that_no_handler_can_be_in_is_refused_with_another_name(
    tmp_path: Path, file: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("def handler(event, context): ...")
    target = path.parent if "/" in file else path
    with pytest.raises(InvalidInput, match=r"Rename the file, such as to (a_b|main)\.py"):
        read_source(target, "f")


def test_code_is_no_field_of_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "thence.function.toml").write_text('code = "elsewhere.zip"')
    with pytest.raises(InvalidInput, match="code: the code is what lies beside this file"):
        read_source(tmp_path)


@pytest.mark.parametrize("file", ["hello", "my-job", "_x", "hello.py", "my-job.zip"])
def test_a_function_is_called_as_its_folder_or_file(tmp_path: Path, file: str) -> None:
    assert function_name(tmp_path / file) == file.partition(".")[0]


@pytest.mark.parametrize(
    ("file", "near"),
    [
        ("my job", "my-job"),  # or two folders would be one function in silence
        ("grüße", "grusse"),
        ("7zip", "f-7zip"),
        ("a.b.py", "a-b"),
        ("日本", "f"),
    ],
)
def test_a_name_that_a_function_cannot_have_is_refused_with_one_that_is_near(
    tmp_path: Path, file: str, near: str
) -> None:
    with pytest.raises(InvalidInput, match=f"--name {near} ") as refused:
        function_name(tmp_path / file)
    assert refused.value.fields["value"] in file


def test_two_folders_that_differ_behind_a_dot_are_not_one_function(tmp_path: Path) -> None:
    for version in ("job.v1", "job.v2"):
        (tmp_path / version).mkdir()
        with pytest.raises(InvalidInput, match=f"--name job-{version[4:]}"):
            function_name(tmp_path / version)


def test_a_name_that_is_given_counts_whatever_the_source_says(tmp_path: Path) -> None:
    folder = tmp_path / "my job"
    folder.mkdir()
    (folder / "main.py").write_text("")
    (folder / "thence.function.toml").write_text('name = "other"')
    source = read_source(folder, "mine")
    assert source.name == "mine" and "name" not in source.settings


@pytest.mark.parametrize("file", ["README.md", "Makefile", "main.pyc"])
def test_a_file_that_is_no_code_makes_no_function(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("# Hello")
    with pytest.raises(InvalidInput, match=r"a folder, a \.py file or a \.zip archive"):
        read_source(tmp_path / file)


@pytest.mark.parametrize(
    "option", ["--name x", "--retry-first 1s", "--retry-cap 1m", "--env A=B", "--no-check"]
)
def test_an_option_of_a_function_is_refused_by_its_name_for_a_project(
    thence: Any, tmp_path: Path, option: str
) -> None:
    (tmp_path / "s.yaml").write_text("resources: {}\n")
    ran = thence("deploy", str(tmp_path / "s.yaml"), *option.split())
    assert ran.status == 2
    assert f"{option.split()[0]}: what a project deploys is written in its file." in ran.err
