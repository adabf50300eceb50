"""Aliases of a function: names for a version, with shares of the calls for others.

Which version runs a call is chosen when it is accepted; all its attempts keep that one.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field
from starlette.responses import Response

from ...catalog.alias import Alias, WrongShare, shares
from ...clock import iso
from ...engine.plan import Plan
from ...errors import InvalidInput
from ..shared.answer import answer, empty
from ..shared.rest.call import Call
from .paging import after_name, cut


class AliasBody(Struct, forbid_unknown_fields=True):
    """An alias as a whole: what is left out has its default. `weights`: the share of the calls, 0 to
    1, that other versions get, together at most 1; `version` gets the rest and stands in none of
    them."""

    version: str
    weights: dict[str, Any] = field(default_factory=dict)
    description: str = ""


class AliasShown(Struct):
    name: str
    function: str
    version: str
    weights: dict[str, float]
    description: str
    created_at: str
    updated_at: str


class AliasPage(Struct):
    items: list[AliasShown]
    cursor: str | None


async def put(call: Call) -> Response:
    engine, name, alias = call.context.engine, call.path["name"], call.path["alias"]
    engine.functions.get(name)
    body = await call.json(AliasBody)
    wanted = Alias(alias, body.version, _shares(body.weights), body.description)
    created = False

    async def decide() -> Plan:
        nonlocal created
        created = not engine.functions.has_alias(name, alias)
        return engine.functions.plans.put_alias(name, wanted, create=created)

    await engine.functions.change(decide)
    headers = {"location": f"/v1/functions/{name}/aliases/{alias}"} if created else {}
    return answer(show(name, engine.functions.alias(name, alias)), 201 if created else 200, headers)


async def get(call: Call) -> Response:
    name = call.path["name"]
    return answer(show(name, call.context.engine.functions.alias(name, call.path["alias"])))


async def listed(call: Call) -> Response:
    name, after = call.path["name"], after_name(call)
    found = [alias for alias in call.context.engine.functions.aliases(name) if alias.name > after]
    page, following = cut(found, call.query["limit"], lambda alias: alias.name)
    return answer(AliasPage([show(name, alias) for alias in page], following))


async def delete(call: Call) -> Response:
    await call.context.engine.functions.delete_alias(call.path["name"], call.path["alias"])
    return empty()


def show(function: str, alias: Alias) -> AliasShown:
    return AliasShown(
        alias.name,
        function,
        alias.version,
        alias.weights,
        alias.description,
        iso(alias.created_at) or "",
        iso(alias.updated_at) or "",
    )


def _shares(weights: dict[str, Any]) -> dict[str, float]:
    """Their sum and their versions the engine checks. Raises InvalidInput."""
    try:
        return shares(weights, "", others_max=len(weights))
    except WrongShare as wrong:
        where = f"weights.{wrong.version[:40]}"
        raise InvalidInput(
            f"{where}: {str(wrong.share)[:40]!r} is not a share of calls; send a number from 0 to 1.",
            field=where,
            limit=1,
        ) from None
