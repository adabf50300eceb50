"""The contract of Huawei FunctionGraph's Python runtimes: `handler(event: parsed JSON, context)`.

The return value becomes JSON. The context is read with getters. Hooks are `initializer(context)` and
a pre-stop function without arguments. Reference 13.1 and 14.2; the lines around a run are those of
4.1. An empty payload is an empty object. There is no agency here, so keys and tokens are empty.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from ....wire.setup import Setup
from ..failure import InvalidEvent, unreadable
from ..result import bounded, standard_json
from .contract import Log, Plain, id_text, remaining_ms, whole
from .lines import Lines

_FORMAT = "%(asctime)s %(request_id)s %(request_id)s %(levelname)s %(message)s"
_LINE_BYTES_MAX = 90 * 1024  # reference 13.1
_DEFAULT_PACKAGE = "default"
_decode = msgspec.json.Decoder().decode


def details(kept: Mapping[str, Any]) -> dict[str, Any]:
    """From what the door keeps: `project_id`."""
    return {"project_id": kept.get("project_id")}


class Context:
    """The second argument of a handler, the only one of the initializer."""

    def __init__(
        self,
        setup: Setup,
        id: bytes,
        attempt: int,
        retry_count: int,
        accepted_at_ms: int,
        previous_attempt_may_have_run: bool,
        content_type: str,
        traceparent: str,
        qualifier: str,
        ends_ns: int,
    ) -> None:
        self._setup = setup
        self._id = id_text(id)
        self._traceparent = traceparent
        self._alias = "" if qualifier == setup.version else qualifier
        self._ends_ns = ends_ns

    def getRequestID(self) -> str:
        return self._id

    def get_invoke_id(self) -> str:
        """The request id: an invocation has no second id here."""
        return self._id

    def get_trace_id(self) -> str:
        """The trace of the call's traceparent, or empty."""
        parts = self._traceparent.split("-")
        return parts[1] if len(parts) == 4 else ""

    def getRemainingTimeInMilliSeconds(self) -> int:
        return remaining_ms(self._ends_ns)

    def getRunningTimeInSeconds(self) -> int | float:
        """The function's timeout, whatever its name says."""
        return whole(self._setup.timeout_seconds)

    def getUserData(self, key: str, default: str | None = None) -> str | None:
        return self._setup.environment.get(key, default)

    def getFunctionName(self) -> str:
        return split(self._setup.function_name)[1]

    def getPackage(self) -> str:
        return split(self._setup.function_name)[0]

    def getVersion(self) -> str:
        return self._setup.version

    def getAlias(self) -> str:
        """The alias that the call named, or empty."""
        return self._alias

    def getMemorySize(self) -> int:
        return self._setup.memory_mb

    def getCPUNumber(self) -> int:
        return millicores(self._setup.memory_mb)

    def getProjectID(self) -> str:
        return project(self._setup)

    def getLogger(self) -> logging.Logger:
        return logging.getLogger()

    def _empty(self) -> str:
        return ""

    getAccessKey = getSecretKey = _empty
    getSecurityAccessKey = getSecuritySecretKey = getSecurityToken = getToken = _empty
    getWorkflowID = getWorkflowRunID = getWorkflowStateID = _empty

    def set_state(self, state: Any) -> None:
        """Keep something for later runs of the same instance."""
        _States.kept = state

    def get_state(self) -> Any:
        return _States.kept


class _States:
    """What a handler keeps in its instance."""

    kept: Any = None


class FunctionGraph(Plain):
    """See the module."""

    context = Context
    writes_log = True
    pre_stop_takes_context = False

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._lines = Lines(_FORMAT, milliseconds=False, line_bytes_max=_LINE_BYTES_MAX)
        self._cpu_seconds = 0.0

    def event(self, payload: bytes) -> Any:
        if not payload:
            return {}
        try:
            return _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidEvent(
                "InvalidEvent", f"the event ({len(payload)} bytes) {unreadable(error)}. Send JSON."
            ) from None

    def result(self, returned: Any) -> tuple[bytes, bool]:
        return bounded(standard_json(returned), self._setup.result_bytes_max), False

    def environment(self) -> dict[str, str]:
        setup = self._setup
        package, function = split(setup.function_name)
        return {
            "RUNTIME_PROJECT_ID": project(setup),
            "RUNTIME_FUNC_NAME": function,
            "RUNTIME_FUNC_VERSION": setup.version,
            "RUNTIME_PACKAGE": package,
            "RUNTIME_HANDLER": setup.handler,
            "RUNTIME_TIMEOUT": str(whole(setup.timeout_seconds)),
            "RUNTIME_USERDATA": json.dumps(setup.environment),
            "RUNTIME_CPU": str(millicores(setup.memory_mb)),
            "RUNTIME_MEMORY": str(setup.memory_mb),
            "RUNTIME_CODE_ROOT": setup.code_path,
            "RUNTIME_MAX_RESP_BODY_SIZE": str(setup.result_bytes_max),
            "RUNTIME_INITIALIZER_HANDLER": setup.initializer,
            "RUNTIME_INITIALIZER_TIMEOUT": str(whole(setup.initializer_timeout_seconds)),
        }

    def open_log(self, log: Log) -> None:
        self._log = log
        self._lines.install()

    def begin(self, what: str, context: Context) -> None:
        id = self._lines.request_id = context.getRequestID()
        self._cpu_seconds = time.process_time()
        named = _named(what, id)
        self._log(f"{_instant()} Start {named}, version: {self._setup.version}")

    def end(self, what: str, failed: bool, duration_us: int) -> None:
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cpu = (time.process_time() - self._cpu_seconds) / max(duration_us / 1e6, 1e-6)
        self._log(
            f"{_instant()} Finish {_named(what, self._lines.request_id)}, "
            f"duration: {duration_us / 1000:.3f}ms, "
            f"billing duration: {-(-duration_us // 1000)}ms, memory used: {memory_mb:.3f}MB, "
            f"billing memory: {self._setup.memory_mb}MB, cpu used: {cpu:.3f}U"
        )

    def pre_stop_id(self) -> bytes:
        return os.urandom(16)


def split(name: str) -> tuple[str, str]:
    """(package, function): `p$f` is function `f` of package `p`."""
    package, _, function = name.rpartition("$")
    return package or _DEFAULT_PACKAGE, function


def project(setup: Setup) -> str:
    """The project that the function was created in; where the door kept none, the account."""
    return setup.details.get("project_id", setup.account_id)


def millicores(memory_mb: int) -> int:
    """What the vendor gives a function of that memory (reference 4.3)."""
    return memory_mb * 100 // 128 + 200


def _named(what: str, id: str) -> str:
    return f"{what.lower()} request '{id}'"


def _instant() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
