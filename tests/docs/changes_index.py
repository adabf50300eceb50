"""Writes changes/README.md: `make index`. A test looks whether it is up to date."""

from __future__ import annotations

import re
from pathlib import Path

CHANGES = Path(__file__).parents[2] / "changes"
HEAD = """# Changes

A note for every change of some size: what changed, why it matters, what to do on upgrade. The number is
the piece of work that it belongs to; the newest stand first. `make index` writes this page.

| note | about |
|---|---|
"""


def number(note: Path) -> int:
    return int(note.name.partition("-")[0])


def index() -> str:
    notes = [path for path in CHANGES.glob("*.md") if path.name != "README.md"]
    rows = []
    for note in sorted(notes, key=lambda note: (-number(note), note.name)):
        title = note.read_text("utf-8").partition("\n")[0]
        about = re.sub(r"^# (\d+: )?", "", title)
        rows.append(f"| [{note.stem}]({note.name}) | {about} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    (CHANGES / "README.md").write_text(index(), "utf-8")
