"""The vendors' doors: limits, defaults and credentials of each."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from .secret import Secret, about


class Fc(Struct, frozen=True):
    """The door of Function Compute (limits: reference 3.3)."""

    async_payload_bytes_max: Annotated[
        int, about("Largest payload of an asynchronous call at this door.", ge=1, le=1 << 30)
    ] = 128 * 1024
    sync_payload_bytes_max: Annotated[
        int, about("Largest payload of a synchronous call at this door.", ge=1, le=1 << 30)
    ] = 32 * 1024 * 1024
    platform_wait_cap_seconds: Annotated[
        float,
        about(
            "Longest wait between two attempts of a Function Compute function that end in platform "
            "errors. 0 = no cap: it doubles until `platform.budget_seconds` are over.",
            ge=0,
            le=86_400,
        ),
    ] = 0.0


class FunctionGraph(Struct, frozen=True):
    """The door of FunctionGraph (limits: reference 4.3)."""

    auth_token: Annotated[
        Secret,
        about(
            "What `X-Auth-Token` must hold; without one that header is not taken. Needs the root "
            "credentials."
        ),
    ] = Secret()
    async_payload_bytes_max: Annotated[
        int, about("Largest payload of an asynchronous call at this door.", ge=1, le=1 << 30)
    ] = 256 * 1024
    sync_payload_bytes_max: Annotated[
        int, about("Largest payload of a synchronous call at this door.", ge=1, le=1 << 30)
    ] = 6 * 1024 * 1024
    retry_attempts_default: Annotated[
        int,
        about(
            "Retries where asynchronous settings leave out `max_async_retry_attempts`. The vendor's "
            "console page says 3, its API reference 1.",
            ge=0,
            le=3,
        ),
    ] = 3
    gateway_seconds: Annotated[
        float,
        about("A synchronous call without an answer by then is answered 504.", ge=1, le=86_400),
    ] = 90.0
    status_log_file_bytes_max: Annotated[
        int,
        about(
            "A file of the status log that has so many bytes is followed by the next one.",
            ge=1,
            le=1 << 34,
        ),
    ] = 64 * 1024 * 1024
    status_log_files_max: Annotated[
        int, about("So many files of the status log are kept.", ge=1, le=100_000)
    ] = 10
    status_log_otlp_endpoint: Annotated[
        str,
        about(
            "Where the status log is sent as OpenTelemetry logs too, the whole address: "
            "`http://127.0.0.1:4318/v1/logs`.",
            pattern="^(https?://[^ ]+)?$",
        ),
    ] = ""
    status_log_otlp_headers: Annotated[
        Secret, about("Headers of these requests: `name=value`, separated by commas.")
    ] = Secret()
