"""No setting is only stored: each one reaches what acts on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.doors.virtual import state_of

from thence import server
from thence.api.fc.section import FcSettings
from thence.clock import SystemClock
from thence.config.settings import Runtime, Secret
from thence.settings import Settings, known_settings
from thence.testing.runtime import ScriptedRuntime, Scripts

# Those that are not the engine's: the call or attribute that must see them.
ELSEWHERE = {
    "data_dir", "listen", "public_url", "root_access_key_id", "root_access_key_secret", "account_id",
    "region",
    "store", "log_level", "log_format", "grace_seconds", "limits.result_bytes_max",
    "limits.log_bytes_max", "limits.code_bytes_max", "limits.code_unpacked_bytes_max",
    "limits.code_files_max", "limits.batch_max", "limits.wait_seconds_max",
    "limits.connections_max", "limits.unproven_bytes_max", "limits.unread_bytes_max", "limits.session_hours",
    "limits.disk_reserve_bytes",
    "runtime.instances_max", "runtime.kept_free_percent",
    "runtime.idle_seconds", "runtime.start_seconds", "runtime.sandbox",
    "destinations.allow_networks", "fc.async_payload_bytes_max", "fc.sync_payload_bytes_max",
    "functiongraph.auth_token", "functiongraph.async_payload_bytes_max",
    "functiongraph.sync_payload_bytes_max", "functiongraph.gateway_seconds",
    "functiongraph.retry_attempts_default",
    "functiongraph.status_log_file_bytes_max", "functiongraph.status_log_files_max",
    "functiongraph.status_log_otlp_endpoint", "functiongraph.status_log_otlp_headers",
}  # fmt: skip
NUMBERS = [item for item in known_settings() if item.name not in ELSEWHERE]


def changed(name: str, value: Any) -> Settings:
    section, _, field = name.rpartition(".")
    settings = Settings()
    if not section:
        return msgspec.structs.replace(settings, **{field: value})
    part = msgspec.structs.replace(getattr(settings, section), **{field: value})
    return msgspec.structs.replace(settings, **{section: part})


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda item: item.name)
def test_every_number_of_the_engine_reaches_its_options(setting: Any) -> None:
    # What each option then does: test_what_shows_it.py.
    before = server.options(Settings())
    after = server.options(changed(setting.name, type(setting.default)(setting.default + 3)))
    differ = [
        name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)
    ]
    assert len(differ) == 1, differ


def noting(seen: dict[str, Any]) -> Any:
    """Makes a runtime that runs nothing, and notes what it was to be made with."""

    def make(*_: Any, **named: Any) -> ScriptedRuntime:
        seen.update(named)
        return ScriptedRuntime(SystemClock(), Scripts())

    return make


async def test_what_is_not_the_engines_reaches_the_runtime_the_door_and_the_senders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(server, "Pool", noting(seen))
    monkeypatch.setattr(server, "CodeLimits", lambda **named: seen.update(named))
    settings = Settings(data_dir=str(tmp_path / "data"), account_id="acc", region="moon")
    for name, value in (
        ("limits.result_bytes_max", 11), ("limits.log_bytes_max", 12),
        ("limits.code_bytes_max", 13), ("limits.code_unpacked_bytes_max", 14),
        ("limits.code_files_max", 15), ("limits.connections_max", 16),
        ("limits.unproven_bytes_max", 24), ("limits.disk_reserve_bytes", 25),
        ("limits.unread_bytes_max", 28),
        ("runtime.instances_max", 17), ("runtime.kept_free_percent", 50),
        ("runtime.idle_seconds", 18.0),
        ("runtime.start_seconds", 19.0), ("destinations.timeout_seconds", 20.0),
        ("fc.async_payload_bytes_max", 21), ("fc.sync_payload_bytes_max", 22),
        ("functiongraph.async_payload_bytes_max", 23),
    ):  # fmt: skip
        section, _, field = name.rpartition(".")
        part = msgspec.structs.replace(getattr(settings, section), **{field: value})
        settings = msgspec.structs.replace(settings, **{section: part})
    doors: list[Any] = []
    senders = server.Senders
    monkeypatch.setattr(
        server, "Senders", lambda given, kinds: (doors.append(given), senders(given, kinds))[1]
    )
    service = server.build(settings)
    expected = {
        "result_bytes_max": 11, "log_bytes_max": 12, "code_bytes_max": 13,
        "code_unpacked_bytes_max": 14, "code_files_max": 15, "instances_max": 17, "kept_free": 8,
        "idle_seconds": 18.0, "start_seconds": 19.0, "account_id": "acc", "region": "moon",
    }  # fmt: skip
    assert {name: seen[name] for name in expected} == expected
    assert state_of(service.doors, "fc").limits == FcSettings(21, 22)
    # What each of these then does: tests/functiongraph/.
    assert state_of(service.doors, "functiongraph").settings is settings.functiongraph
    reserve = service.engine.parts.room.reserve
    assert reserve is not None and (reserve.folder, reserve.bytes_wanted) == (tmp_path / "data", 25)
    assert (service.context.unproven.bytes_max, service.context.unread.bytes_max) == (24, 28)
    assert service.context.limits.connections_max == 16 and doors[0].timeout_seconds == 20.0
    assert (tmp_path / "data").is_dir()
    await service.engine.parts.sending.close()


def test_the_lists_above_know_every_setting() -> None:
    names = {setting.name for setting in known_settings()}
    assert names >= ELSEWHERE and len(NUMBERS) + len(ELSEWHERE) == len(names)
    assert not any(isinstance(number.default, Secret | str) for number in NUMBERS)


@pytest.mark.parametrize(("sandbox", "closed"), [("auto", True), ("off", False)])
async def test_the_sandbox_is_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Any, closed: bool
) -> None:
    # What a closed directory is then: tests/runtimes/test_sandbox.py.
    seen: dict[str, Any] = {}
    monkeypatch.setattr(server, "Pool", noting(seen))
    folder = tmp_path / "data"
    settings = Settings(data_dir=str(folder), runtime=Runtime(sandbox=sandbox))
    service = server.build(settings)
    assert seen["closed"] == (folder if closed else None)
    await service.engine.parts.sending.close()
