"""The settings of this door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from ...config import Secret, Section, Settings, about
from ...errors import ConfigInvalid


class FunctionGraphSettings(Section, frozen=True):
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

    def check(self, settings: Settings, sources: Mapping[str, str]) -> None:
        if self.auth_token and not settings.root_access_key_secret:
            raise ConfigInvalid(
                "functiongraph.auth_token is set and there are no root credentials: the token guards "
                "only FunctionGraph's door, every other one would be open. Set "
                "THENCE_ROOT_ACCESS_KEY_ID and THENCE_ROOT_ACCESS_KEY_SECRET, or leave the token out.",
                setting="functiongraph.auth_token",
                value="…",
                source=sources.get("functiongraph.auth_token", "default"),
            )


SECTION = FunctionGraphSettings
