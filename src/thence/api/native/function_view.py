"""A function as the native door shows it."""

from __future__ import annotations

from typing import Any

import msgspec

from ...catalog.function import (
    Function,
    render_spec,
)
from ...clock import iso
from ...engine.engine import Engine


class FunctionLinks(msgspec.Struct):
    self: str
    invocations: str
    invoke: str
    versions: str
    aliases: str
    async_configs: str
    control: str


class Deployed(msgspec.Struct, kw_only=True):
    """What is deployed, or was published: its configuration, without the secrets of its
    destinations."""

    name: str
    revision: int
    code_digest: str  # sha256 of the archive, hex
    code_bytes: int
    created_at: str
    updated_at: str
    runtime: str
    handler: str
    event: str
    timeout_seconds: float
    memory_mb: int
    concurrency: int
    environment: dict[str, str]
    description: str
    max_retries: int
    max_event_age_seconds: int
    retry_wait: dict[str, Any]
    on_success: Any
    on_failure: Any
    contract: str
    initializer: str
    initializer_timeout_seconds: int
    pre_stop: str
    pre_stop_timeout_seconds: int
    listed: bool


class FunctionShown(Deployed, kw_only=True):
    """A deployed function, with the asynchronous configuration that counts for calls of `latest`, and
    what holds it back: `limit`, the slots of all its versions together (null: each has its own), and
    `disabled`, why it takes no calls (null: it takes them)."""

    limit: int | None
    disabled: str | None
    versions: list[str]  # published, oldest first
    aliases: dict[str, str]  # to their main version
    links: FunctionLinks


def show(engine: Engine, function: Function) -> FunctionShown:
    name = function.name
    path, control = f"/v1/functions/{name}", engine.functions.control(name)
    return FunctionShown(
        limit=control.limit,
        disabled=control.disabled,
        versions=[version.version for version in engine.functions.versions(name)],
        aliases={alias.name: alias.version for alias in engine.functions.aliases(name)},
        links=FunctionLinks(
            path,
            f"{path}/invocations",
            f"{path}/invoke",
            f"{path}/versions",
            f"{path}/aliases",
            f"{path}/async-configs",
            f"{path}/control",
        ),
        **deployed(engine, function),
    )


def deployed(engine: Engine, function: Function) -> dict[str, Any]:
    """The fields of Deployed, with the asynchronous configuration that counts for calls of that
    version."""
    spec = render_spec(function.spec)
    del spec["attributes"]
    config = engine.functions.effective_config(function.name, function.version)
    for which in ("max_retries", "max_event_age_seconds", "listed"):
        spec[which] = getattr(config, which)
    spec["retry_wait"] = msgspec.to_builtins(config.retry_wait)
    for which, target in (
        ("on_success", config.destination(success=True)),
        ("on_failure", config.destination(success=False)),
    ):
        spec[which] = None if target is None else target.shown()
    return {
        "name": function.name,
        "revision": function.revision,
        "code_digest": function.code_digest,
        "code_bytes": function.code_bytes,
        "created_at": iso(function.created_at) or "",
        "updated_at": iso(function.updated_at) or "",
        **spec,
    }
