"""The servers that are measured: started in a fresh directory, asked, ended, whatever happens."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from .usage import Usage, memory_bytes, usage

START_SECONDS = 60.0
STOP_SECONDS = 40.0
ASK_SECONDS = 60.0
LOOK_SECONDS = 0.02
_LISTENING = "listening on http://"


class ServerFailed(RuntimeError):
    """A server did not start, or answered what it must not."""


class Server:
    """A subprocess that says where it listens."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._heard = threading.Event()
        self.host, self.port = "", 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._heard.wait(START_SECONDS) or not self.port:
            self.kill()
            said = log.read_text("utf-8", "replace")[-2000:]
            raise ServerFailed(f"{' '.join(command)} did not say where it listens:\n{said}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def usage(self) -> Usage:
        return usage(self.pid)

    def memory_bytes(self) -> int:
        return memory_bytes(self.pid)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._log.write(line)
            self._log.flush()
            _, found, rest = line.decode("utf-8", "replace").partition(_LISTENING)
            if found and not self.port:
                self.host, _, port = rest.split()[0].rstrip("/.,").rpartition(":")
                self.port = int("".join(filter(str.isdigit, port)))
                self._heard.set()
        self._heard.set()

    def kill(self) -> None:
        """End it with -9 and wait until it is gone."""
        self._process.kill()
        self._gone()

    def stop(self) -> None:
        """Ask it to end; after a while, make it end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._gone()

    def _gone(self) -> None:
        self._process.wait(STOP_SECONDS)
        self._reader.join(5)
        self._log.close()


class Service(Server):
    """`thence serve` on a data directory, and the few requests of its native door that we need."""

    def __init__(self, directory: Path) -> None:
        # Nothing of the caller's configuration may change what is measured.
        kept = {n: v for n, v in os.environ.items() if not n.startswith("THENCE_")}
        environment = kept | {
            "THENCE_DATA_DIR": str(directory / "data"),
            "THENCE_LISTEN": "127.0.0.1:0",
            "THENCE_LOG_LEVEL": "warning",
        }
        self.directory = directory
        command = [sys.executable, "-m", "thence", "serve"]
        super().__init__(command, environment, directory / "serve.log")

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        """The decoded answer. Raises ServerFailed unless the status is 2xx."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=ASK_SECONDS)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status // 100 != 2:
            raise ServerFailed(f"{method} {path}: {answer.status} {data[:500]!r}")
        return json.loads(data) if data else None

    def deploy(self, name: str, source: str, **settings: Any) -> None:
        """Deploy a function of one file."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("main.py", source)
        spec = {"runtime": "python", "handler": "main.handler", **settings}
        spec["code"] = base64.b64encode(archive.getvalue()).decode()
        self.ask("PUT", f"/v1/functions/{name}", json.dumps(spec).encode())

    def succeeded(self) -> int:
        """How many invocations have succeeded since the store was made."""
        return int(self.ask("GET", "/v1/stats")["succeeded"])

    def delivered(self) -> int:
        """How many records were delivered since the store was made."""
        functions = self.ask("GET", "/v1/stats")["functions"]
        return sum(function["deliveries_delivered"] for function in functions)

    def wait_succeeded(
        self, count: int, seconds: float, look_seconds: float = LOOK_SECONDS
    ) -> None:
        """Return when so many have succeeded, looking every `look_seconds`. Raises ServerFailed
        after `seconds`."""
        _wait(self.succeeded, count, seconds, "invocations succeeded", look_seconds)

    def wait_delivered(self, count: int, seconds: float) -> None:
        """Return when so many records are delivered. Raises ServerFailed after `seconds`."""
        _wait(self.delivered, count, seconds, "records were delivered")


def _wait(
    reached: Callable[[], int],
    count: int,
    seconds: float,
    what: str,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    end = time.monotonic() + seconds
    while (now := reached()) < count:
        if time.monotonic() > end:
            raise ServerFailed(f"{now} of {count} {what} within {seconds:g} s")
        time.sleep(look_seconds)


def bare_server(kind: str, directory: Path) -> Server:
    """A server that answers 202 and does nothing: `asgi` or `raw`."""
    command = [sys.executable, "-m", "thence.bench.bare", kind]
    return Server(command, dict(os.environ), directory / f"bare-{kind}.log")


@contextmanager
def fresh_directory() -> Iterator[Path]:
    """A directory of its own for one measure; gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="thence-bench-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


S = TypeVar("S", bound=Server)


@contextmanager
def running(server: S) -> Iterator[S]:
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def fresh_service() -> Iterator[Service]:
    """`thence serve` on an empty data directory."""
    with fresh_directory() as directory, running(Service(directory)) as service:
        yield service
