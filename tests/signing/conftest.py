"""A key, a clock that stands still, and what tests of every scheme ask."""

from __future__ import annotations

import pytest

from thence.signing.interface import Key, Refused
from thence.signing.window import Window
from thence.testing.clock import VirtualClock

NOW = 1_795_359_253_000  # 2026-11-22T14:54:13Z, when the vendor's requests were captured


def keys(*known: Key):
    return {key.access_key_id: key for key in known}.get


def at(ms: int = NOW, **limits: int) -> Window:
    return Window(VirtualClock(ms), **limits)


def refusal(verify, *arguments, **named) -> str:
    """The kind of the refusal."""
    with pytest.raises(Refused) as caught:
        verify(*arguments, **named)
    assert caught.value.fields["kind"] == caught.value.kind
    return caught.value.kind


def changed(headers, **values: str | None):
    """The headers with others in their place, or without (None); `_` stands for `-`."""
    wanted = {name.replace("_", "-").encode(): value for name, value in values.items()}
    kept = [pair for pair in headers if pair[0] not in wanted]
    return kept + [(n, v.encode("latin-1")) for n, v in wanted.items() if v is not None]
