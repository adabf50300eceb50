"""What a plan needs to know of the service: its settings, functions and configurations, each asked for
once, when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from ...api.fc.arn import Home
from ...catalog.code import CodeLimits
from ...catalog.function import LATEST
from ..client import Client
from .door_rules import called_functions
from .fc_client import V2, V3, FcClient, segment


class ServiceFacts:
    """All raise Refused, Unreachable. A function is named as the service names it: `service$function`
    in FC 2.0."""

    def __init__(self, client: Client, client_of: Callable[[str], FcClient]) -> None:
        self._client = client
        self._client_of = client_of
        self._functions: dict[tuple[str, str], bool] = {}
        self._called: dict[str, dict[str, list[str]]] = {}

    @cached_property
    def _settings(self) -> dict[str, Any]:
        settings = self._client.items("/v1/settings")
        return {str(setting["name"]): setting["value"] for setting in settings}

    @property
    def home(self) -> Home:
        return Home(str(self._settings["region"]), str(self._settings["account_id"]))

    @property
    def code_limits(self) -> CodeLimits:
        names = CodeLimits.__struct_fields__
        return CodeLimits(**{name: int(self._settings[f"limits.{name}"]) for name in names})

    def has(self, function: str, qualifier: str = LATEST) -> bool:
        key = (function, qualifier)
        if key not in self._functions:
            query = {} if qualifier == LATEST else {"qualifier": qualifier}
            found = self._client_of(V3).find(f"/functions/{segment(function)}", **query)
            self._functions[key] = found is not None
        return self._functions[key]

    def tags(self, function: str) -> list[dict[str, str]]:
        found = self._client_of(V3).find(f"/functions/{segment(function)}") or {}
        return list(found.get("tags") or ())

    def called_by(self, function: str) -> dict[str, list[str]]:
        """The functions that its asynchronous configurations send to, by qualifier. Who plans others
        puts them in there."""
        if function not in self._called:
            service, inside, name = function.partition("$")
            path, query = "/async-invoke-configs", {"functionName": function}
            if inside:
                home = f"/services/{segment(service)}/functions/{segment(name)}"
                path, query = f"{home}/async-invoke-configs", {}
            answer = self._client_of(V2 if inside else V3).find(path, **query, limit=100) or {}
            self._called[function] = {
                _qualifier(config): [called for called, _ in called_functions(config, self.home)]
                for config in answer.get("configs", ())
            }
        return self._called[function]


def _qualifier(config: dict[str, Any]) -> str:
    """Of a configuration that the service shows: in its ARN, which LATEST is left out of, or beside."""
    written = str(config.get("qualifier") or "")
    return (
        written
        or str(config.get("functionArn", "")).partition(":functions/")[2].partition("/")[2]
        or "LATEST"
    )
