"""Functions in the store."""

from __future__ import annotations

from thence.catalog.function import FunctionSpec
from thence.lifecycle.policy import RetryWait

from .catalogue import delete_function, put_function
from .scene import NOW, Scene

SPEC = FunctionSpec(
    handler="a.b",
    environment={"K": "v"},
    retry_wait=RetryWait(first_seconds=2),
    on_success="queue:done",
    on_failure={"type": "bucket", "name": "b"},
)


async def test_a_function_comes_back_as_it_was_put(scene: Scene) -> None:
    function = await put_function(scene.store, "f", SPEC, "digest", 123, NOW)
    assert (function.name, function.revision, function.spec) == ("f", 1, SPEC)
    assert (function.code_digest, function.code_bytes) == ("digest", 123)
    assert (function.created_at, function.updated_at, function.deleted_at) == (NOW, NOW, None)
    assert await scene.store.functions() == [function]


async def test_putting_again_replaces_and_counts_the_revision(scene: Scene) -> None:
    first = await put_function(scene.store, "f", SPEC, "a", 1, NOW)
    second = await put_function(scene.store, "f", FunctionSpec(), "b", 2, NOW + 5)
    assert (second.id, second.revision, second.spec) == (first.id, 2, FunctionSpec())
    assert (second.created_at, second.updated_at) == (NOW, NOW + 5)


async def test_functions_are_listed_by_name(scene: Scene) -> None:
    for name in ("b", "c", "a"):
        await put_function(scene.store, name, SPEC, "d", 1, NOW)
    assert [function.name for function in await scene.store.functions()] == ["a", "b", "c"]


async def test_a_deleted_function_remains_while_invocations_of_it_do(scene: Scene) -> None:
    used = await put_function(scene.store, "used", SPEC, "d", 1, NOW)
    unused = await put_function(scene.store, "unused", SPEC, "d", 1, NOW)
    await scene.accept(scene.new(function=used.id))
    assert await delete_function(scene.store, used.id, NOW + 1) is True
    assert await delete_function(scene.store, used.id, NOW + 2) is False
    assert await delete_function(scene.store, unused.id, NOW + 1) is True
    assert await scene.store.functions() == []
    (kept,) = await scene.store.functions(deleted=True)
    assert (kept.id, kept.deleted_at) == (used.id, NOW + 1)


async def test_a_name_deployed_again_has_a_new_id(scene: Scene) -> None:
    first = await put_function(scene.store, "f", SPEC, "d", 1, NOW)
    await delete_function(scene.store, first.id, NOW)
    second = await put_function(scene.store, "f", SPEC, "d", 1, NOW)
    assert second.id > first.id and second.revision == 1
