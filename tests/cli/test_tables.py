"""Tables at the width of a screen, and in a pipe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from thence.cli import output

ID = "0197b2c4-5d1e-7000-8a11-3f0c5a7e9b42"
COLUMNS = ("id", "state", "accepted", "error")
ROWS = [
    (ID, "succeeded", "2026-01-02 03:04:05.678", None),
    (ID, "failed", "2026-01-02 03:04:05.679", "ValueError: " + "no such order " * 5),
]


@pytest.fixture(autouse=True)
def fresh_console() -> Iterator[None]:
    output.console.cache_clear()
    yield
    output.console.cache_clear()


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    output.print_table(COLUMNS, ROWS, "", optional=("accepted", "state"), prose="error")
    return capsys.readouterr().out.splitlines()


def test_in_a_pipe_every_row_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = printed(capsys)
    assert len(lines) == 3
    assert lines[2].split()[:2] == [ID, "failed"]
    assert "order no such order no such order" in lines[2]


@pytest.mark.parametrize(("width", "left"), [("100", 4), ("80", 3), ("60", 2), ("20", 2)])
def test_on_a_narrow_screen_columns_are_left_out_and_no_id_is_broken(
    width: str, left: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    lines = printed(capsys)
    assert lines[0].split() == [name for name in ("id", "state", "accepted", "error")
                                if left == 4 or name in ("id", "error")
                                or (left == 3 and name == "state")]  # fmt: skip
    assert sum(line.startswith(ID) for line in lines) == 2
    assert max(map(len, lines)) <= max(int(width), 36 + 2 + output.PROSE_WIDTH)
