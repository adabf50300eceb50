"""The contract of Alibaba Function Compute's Python runtimes: `handler(event: bytes, context)`.

`str` and `bytes` are answered as they are, everything else as JSON text. The context has the fields
of both generations: those of Python up to 3.10 (`credentials`, `service`) and those of 3.12
(`function.version_id`, `log_project`). Hooks are `initializer(context)` and `pre_stop(context)`.
Reference 9.1 and 10.

Credentials are those that the function's own environment names (ALIBABA_CLOUD_ACCESS_KEY_ID and the
two beside it), otherwise empty: this service has none to give to a function.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from ....wire.setup import Setup
from ..failure import HandlerFault, NotFound, describe
from ..result import bounded, standard_json
from .contract import Log, Plain, id_text, whole
from .lines import Lines

_LATEST = "LATEST"
_FORMAT = "%(asctime)s %(request_id)s [%(levelname)s] %(message)s"
_RUNTIME = "python3"  # where the door kept none
_WITHOUT_SERVICE = ""  # functions of FC 3.0 belong to no service


def details(kept: Mapping[str, Any]) -> dict[str, Any]:
    """From what the door keeps: `runtime`, and `project` and `logstore` of `logConfig`."""
    log = kept.get("logConfig")
    log = log if isinstance(log, dict) else {}
    return {
        "runtime": kept.get("runtime"),
        "log_project": log.get("project"),
        "log_store": log.get("logstore"),
    }


class Credentials:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.access_key_id = environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
        self.access_key_secret = environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
        self.security_token = environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")


class FunctionMeta:
    """`memory` in MB, `timeout` in seconds."""

    def __init__(self, setup: Setup, name: str, qualifier: str) -> None:
        self.name = name
        self.handler = setup.handler
        self.memory = setup.memory_mb
        self.timeout = whole(setup.timeout_seconds)
        self.version_id = _version(setup.version)
        self.qualifier = qualifier


class ServiceMeta:
    def __init__(self, setup: Setup, name: str, qualifier: str) -> None:
        self.name = name
        self.log_project = setup.details.get("log_project", "")
        self.log_store = setup.details.get("log_store", "")
        self.qualifier = qualifier
        self.version_id = _version(setup.version)


class Tracing:
    """`span_context` is the traceparent that came with the call."""

    def __init__(self, span_context: str) -> None:
        self.span_context = span_context
        self.span_baggages: dict[str, str] = {}
        self.jaeger_endpoint = ""


class Context:
    """The second argument of a handler, the only one of a hook."""

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
        service, function = split(setup.function_name)
        qualifier = _version(qualifier or setup.version)
        self.request_id = id_text(id)
        self.credentials = Credentials(setup.environment)
        self.function = FunctionMeta(setup, function, qualifier)
        self.service = ServiceMeta(setup, service, qualifier)
        self.region = setup.region
        self.account_id = setup.account_id
        self.logger = logging.getLogger()
        self.tracing = Tracing(traceparent)
        self.retry_count = retry_count
        self.log_project = self.service.log_project
        self.log_store = self.service.log_store


class FunctionCompute(Plain):
    """See the module."""

    context = Context
    event = None
    writes_log = True

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._lines = Lines(_FORMAT, milliseconds=True)
        self._qualifier = ""

    def environment(self) -> dict[str, str]:
        setup = self._setup
        service, function = split(setup.function_name)
        return {
            "FC_FUNC_CODE_PATH": setup.code_path,
            "FC_FUNCTION_MEMORY_SIZE": str(setup.memory_mb),
            "FC_RUNTIME_VERSION": setup.details.get("runtime", _RUNTIME),
            "FC_ACCOUNT_ID": setup.account_id,
            "FC_FUNCTION_HANDLER": setup.handler,
            "FC_FUNCTION_NAME": function,
            "FC_SERVICE_NAME": service,
            "FC_VER_ID": _version(setup.version),
            "FC_QUALIFIER": _version(setup.version),
            "FC_REGION": setup.region,
            "FC_INSTANCE_ID": setup.instance,
        }

    def open_log(self, log: Log) -> None:
        self._log = log
        self._lines.install()
        log("FunctionCompute python3 runtime inited.")

    def begin(self, what: str, context: Context) -> None:
        self._lines.request_id = context.request_id
        qualifier = context.service.qualifier
        if qualifier != self._qualifier:
            # There, an instance serves one qualifier; here, those of one version share theirs.
            self._qualifier = os.environ["FC_QUALIFIER"] = qualifier
        self._log(f"FC {what} Start RequestId: {context.request_id}")

    def end(self, what: str, failed: bool, duration_us: int) -> None:
        error = ", Error: Unhandled function error" if failed else ""
        self._log(f"FC {what} End RequestId: {self._lines.request_id}{error}")

    def result(self, returned: Any) -> tuple[bytes, bool]:
        raw = isinstance(returned, (str, bytes, bytearray, memoryview))
        if isinstance(returned, str):
            data = returned.encode("utf-8", "replace")
        else:
            data = bytes(returned) if raw else standard_json(returned)
        return bounded(data, self._setup.result_bytes_max), raw

    def describe(self, error: BaseException) -> tuple[bytes, bytes, bytes]:
        if isinstance(error, NotFound):
            return describe(_not_found(error))
        return describe(error)

    def pre_stop_id(self) -> bytes:
        return os.urandom(16)


def split(name: str) -> tuple[str, str]:
    """(service, function): `s$f` is function `f` of service `s`, as FC 2.0 has it."""
    service, _, function = name.rpartition("$")
    return service or _WITHOUT_SERVICE, function


def _version(version: str) -> str:
    return _LATEST if version == "latest" else version


def _not_found(error: NotFound) -> HandlerFault:
    if not error.function:
        return HandlerFault("ImportModuleError", f"Unable to import module '{error.module}'")
    return HandlerFault(
        "HandlerNotFound", f"Handler '{error.function}' is missing on module '{error.module}'"
    )
