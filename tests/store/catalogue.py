"""Changes of the catalogue of one step each, whatever its revision is."""

from __future__ import annotations

from typing import Any, Protocol

from thence.catalog.entry import Entry
from thence.catalog.function import Function, FunctionSpec
from thence.catalog.step import (
    Changed,
    DeleteEntry,
    DeleteFunction,
    DeleteVersion,
    PublishVersion,
    PutEntry,
    PutFunction,
)


class Changes(Protocol):
    async def change(self, steps: Any, now: int) -> Changed: ...


async def put_function(
    store: Changes, name: str, spec: FunctionSpec, digest: str, size: int, now: int
) -> Function:
    (left,) = (await store.change([PutFunction(name, spec, digest, size)], now)).left
    assert isinstance(left, Function)
    return left


async def delete_function(store: Changes, family: int, now: int) -> bool:
    return (await store.change([DeleteFunction(family)], now)).left == [True]


async def publish(store: Changes, family: int, version: str, note: str, now: int) -> Function:
    (left,) = (await store.change([PublishVersion(family, version, note)], now)).left
    assert isinstance(left, Function)
    return left


async def delete_version(store: Changes, function_id: int, now: int) -> bool:
    return (await store.change([DeleteVersion(function_id)], now)).left == [True]


async def put_entry(
    store: Changes, kind: str, owner: str, name: str, data: bytes, now: int
) -> Entry:
    (left,) = (await store.change([PutEntry(kind, owner, name, data)], now)).left
    assert isinstance(left, Entry)
    return left


async def delete_entry(store: Changes, kind: str, owner: str, name: str, now: int = 0) -> bool:
    return (await store.change([DeleteEntry(kind, owner, name)], now)).left == [True]
