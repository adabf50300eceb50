"""A settings file may be a stranger's: within bounds, and refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from thence.cli.source import SETTINGS_FILE, read_source
from thence.config.toml import NAME_PARTS_MAX, TOML_BYTES_MAX, parse
from thence.errors import ConfigInvalid, InvalidInput
from thence.settings import load

DEEP = ".".join("a" * 50_000)  # tomllib alone takes half a minute for it
MISTAKES = {
    f"{DEEP} = 1": "a name has more than 16 parts",
    f"[{DEEP}]": "a name has more than 16 parts",
    f"x = {{{DEEP} = 1}}": "a name has more than 16 parts",
    " . ".join(["'a'"] * 20_000) + " = 1": "a name has more than 16 parts",
    f'x = """\n"""\n{DEEP} = 1 # """': "a name has more than 16 parts",
    "x = " + "9" * 5_000: "a number of over 64 bits",
    "x = 0x" + "9" * 5_000: "x: a number of over 64 bits",
    "[a]\nx = [nan]": "a.x: nan is no number that can be used",
    "a.x = 1e999": "a.x: inf is no number that can be used",
    "x = " + "[" * 100_000: "values are nested over 64 deep",
    "x = "
    + ("{" + ".".join("a" * 16) + " = ") * 200
    + "1"
    + "}" * 200: "values are nested over 64",
    "x = '" + "y" * TOML_BYTES_MAX: f"larger than {TOML_BYTES_MAX} bytes",
    "= 1": "Invalid statement",
}


@pytest.mark.parametrize("text", MISTAKES, ids=MISTAKES.values())
def test_what_no_settings_file_needs_is_refused_at_once(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=MISTAKES[text]):
        parse(text.encode())
    for name in (SETTINGS_FILE, "thence.toml"):
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput, match=MISTAKES[text]):
        read_source(tmp_path, "f")
    with pytest.raises(ConfigInvalid, match=MISTAKES[text]):
        load(config=tmp_path / "thence.toml", environment={})


def test_dots_in_texts_and_comments_are_no_parts_of_names() -> None:
    dots = "a" + ".a" * 100
    text = (
        f"# {dots} = 1 '''\nx = '{dots}' # {dots}\n\"{dots}\" = \"\\\"{dots}\"\n"
        f'y = \'\'\'\n{dots} = 1\n\'\'\'\nz = """\n\\"""{dots}"""""\r\nn = [{"1.5, " * 100}]\n'
    )
    found = parse(text.encode())
    assert found["x"] == dots and found[dots] == f'"{dots}' and len(found["n"]) == 100
    assert found["y"] == f"{dots} = 1\n" and found["z"] == f'"""{dots}""'


def test_as_many_parts_as_are_taken_are_taken() -> None:
    found = parse((".".join("a" * NAME_PARTS_MAX) + " = 1").encode())
    for _ in range(NAME_PARTS_MAX):
        found = found["a"]
    assert found == 1
    assert parse(b"x = 9223372036854775807\ny = -1.5")["y"] == -1.5


def test_a_file_as_editors_of_windows_write_it_is_read() -> None:
    found = parse(b'\xef\xbb\xbfa = 1\r\nb = """x\r\ny"""\r\n')
    assert found == {"a": 1, "b": "x\ny"}
