"""Routes of what belongs to one function: versions, aliases, asynchronous configurations, triggers,
control."""

from __future__ import annotations

from ..shared.rest.parameter import CURSOR, LIMIT
from ..shared.rest.route import Route
from . import aliases, async_configs, control, triggers, versions
from .aliases import AliasBody, AliasPage, AliasShown
from .async_configs import AsyncConfigBody, AsyncConfigPage, AsyncConfigShown
from .control import ControlBody, ControlShown
from .triggers import TriggerBody, TriggerPage, TriggerShown
from .versions import PublishBody, VersionPage, VersionShown

ONE = "/v1/functions/{name}"
VERSION = ONE + "/versions/{version}"
ALIAS = ONE + "/aliases/{alias}"
TRIGGER = ONE + "/triggers/{trigger}"
CONFIG = ONE + "/async-configs/{qualifier}"

VERSIONS = (
    Route(
        "GET",
        f"{ONE}/versions",
        versions.listed,
        "Published versions of a function, newest first",
        {200: VersionPage},
        (LIMIT, CURSOR),
    ),
    Route(
        "POST",
        f"{ONE}/versions",
        versions.publish,
        "Publish what is deployed as a version, which never changes",
        {201: VersionShown},
        body=PublishBody,
        example={"note": "first release"},
    ),
    Route("GET", VERSION, versions.get, "One version", {200: VersionShown}),
    Route(
        "DELETE",
        VERSION,
        versions.delete,
        "Delete a version; what waits for it ends as invalid",
        {204: None},
    ),
)

ALIASES = (
    Route(
        "GET",
        f"{ONE}/aliases",
        aliases.listed,
        "Aliases of a function by name",
        {200: AliasPage},
        (LIMIT, CURSOR),
    ),
    Route(
        "PUT",
        ALIAS,
        aliases.put,
        "Create an alias (201), or replace it (200)",
        {201: AliasShown, 200: AliasShown},
        body=AliasBody,
        example={"version": "1", "weights": {"2": 0.1}, "description": "2 gets a tenth"},
    ),
    Route("GET", ALIAS, aliases.get, "One alias", {200: AliasShown}),
    Route("DELETE", ALIAS, aliases.delete, "Delete an alias", {204: None}),
)

ASYNC_CONFIGS = (
    Route(
        "GET",
        f"{ONE}/async-configs",
        async_configs.listed,
        "Asynchronous configurations of a function by qualifier",
        {200: AsyncConfigPage},
        (LIMIT, CURSOR),
    ),
    Route(
        "PUT",
        CONFIG,
        async_configs.put,
        "Create the asynchronous configuration of a qualifier (201), or replace it (200)",
        {201: AsyncConfigShown, 200: AsyncConfigShown},
        body=AsyncConfigBody,
        example={"max_retries": 1, "max_event_age_seconds": 3600, "on_failure": "queue:dead"},
    ),
    Route(
        "GET",
        CONFIG,
        async_configs.get,
        "The asynchronous configuration of a qualifier",
        {200: AsyncConfigShown},
    ),
    Route(
        "DELETE",
        CONFIG,
        async_configs.delete,
        "Delete it; what the version was deployed with counts then",
        {204: None},
    ),
)

TRIGGERS = (
    Route(
        "GET",
        f"{ONE}/triggers",
        triggers.listed,
        "Triggers of a function by name",
        {200: TriggerPage},
        (LIMIT, CURSOR),
    ),
    Route(
        "PUT",
        TRIGGER,
        triggers.put,
        "Create a trigger (201), or replace it (200)",
        {201: TriggerShown, 200: TriggerShown},
        body=TriggerBody,
        example={"type": "tide", "config": {}, "qualifier": "latest", "enabled": True},
    ),
    Route("GET", TRIGGER, triggers.get, "One trigger and what it does", {200: TriggerShown}),
    Route(
        "DELETE",
        TRIGGER,
        triggers.delete,
        "Delete a trigger; what it fired goes on",
        {204: None},
    ),
)

CONTROL = (
    Route(
        "GET",
        f"{ONE}/control",
        control.get,
        "The limit over all versions, and whether the function is disabled",
        {200: ControlShown},
    ),
    Route(
        "PUT",
        f"{ONE}/control",
        control.put,
        "Limit all versions together; disable a function, or enable it",
        {200: ControlShown},
        body=ControlBody,
        example={"limit": None, "disabled": "maintenance", "abort": True},
    ),
)

FAMILY: tuple[Route, ...] = (*VERSIONS, *ALIASES, *ASYNC_CONFIGS, *TRIGGERS, *CONTROL)
