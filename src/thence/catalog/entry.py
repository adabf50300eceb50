"""Things of the catalogue beside functions, as the store keeps them: aliases, asynchronous
configurations, controls, and what vendors' doors keep (services, tags, log targets)."""

from __future__ import annotations

from msgspec import Struct


class Entry(Struct, frozen=True):
    """`kind` and `owner` and `name` are its key. `owner` is a family's id as text where it belongs
    to a function (and goes with it), else whatever the door that keeps it says. `data` is JSON."""

    kind: str
    owner: str
    name: str
    data: bytes
    created_at: int
    updated_at: int
