"""The status log of one service: its sinks, and whoever follows the journal for each. Files always; an
OpenTelemetry collector beside them where the settings name one, each at its own pace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from ... import __version__
from ...config import Settings
from ...engine.engine import Engine
from ...engine.stats import Stats
from ...notices import Notices
from ..metrics.families import counter
from ..metrics.tally import Tally
from .log_files import LogFiles
from .log_follow import Follower
from .log_noted import bring_up_to_date
from .log_otlp import LogOtlp
from .log_sink import Sink
from .section import FunctionGraphSettings

FOLDER = "status-log"
GROUP, STREAM = "function-async-log-group", "function-async-log-stream"


class StatusLogs:
    def __init__(self, settings: Settings) -> None:
        ours = settings.section(FunctionGraphSettings)
        self._settings = settings
        self.folder = Path(settings.data_dir) / FOLDER
        self.files = LogFiles(
            self.folder, ours.status_log_file_bytes_max, ours.status_log_files_max
        )
        self.group = f"{GROUP}-{settings.account_id}"
        self.stream = f"{STREAM}-{settings.account_id}"
        self.followers: list[Follower] = []

    async def start(self, engine: Engine, notices: Notices) -> None:
        """The engine has started."""
        region, project = self._settings.region, self._settings.account_id
        await bring_up_to_date(engine)
        for sink in self._sinks(engine):
            place = self.folder / f"{sink.name}.position"
            follower = Follower(sink, place, engine, notices, region, project)
            self.followers.append(follower)
            await follower.start()

    async def stop(self) -> None:
        """Before the engine stops. What happens after it is written by the next start. Idempotent."""
        followers, self.followers = self.followers, []
        for follower in followers:
            await follower.stop()

    async def begin(self) -> None:
        """What is committed from now on is looked through, once a function is noted. Raises
        StoreUnavailable, OSError."""
        for follower in self.followers:
            await follower.begin()

    def series(self, _stats: Stats | None, _tally: Tally) -> Iterator[Metric]:
        """For Prometheus."""
        yield counter(
            "status_log_lines_lost",
            "Lines of FunctionGraph's status log that a sink refused or that could not be made.",
            {
                (follower.sink.name,): follower.sink.lost + follower.lost
                for follower in self.followers
            },
            ("sink",),
        )

    def _sinks(self, engine: Engine) -> list[Sink]:
        ours = self._settings.section(FunctionGraphSettings)
        sinks: list[Sink] = [self.files]
        if ours.status_log_otlp_endpoint:
            attributes = {
                "service.name": "thence",
                "service.version": __version__,
                "log.group": self.group,
                "log.stream": self.stream,
            }
            headers = otlp_headers(ours.status_log_otlp_headers.reveal())
            sinks.append(
                LogOtlp(ours.status_log_otlp_endpoint, headers, attributes, engine.clock.now)
            )
        return sinks


def otlp_headers(text: str) -> dict[str, str]:
    """`name=value,name=value`, as OTEL_EXPORTER_OTLP_HEADERS has them."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
