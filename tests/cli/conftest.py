"""A real service in a process of its own, commands run against it, and a scripted HTTP server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from thence.cli import app, output

KEY_ID, KEY_SECRET = "tester", "a secret of the tests"


def clean_environment(**more: str) -> dict[str, str]:
    """Nothing of the settings of whoever runs the tests; `thence` on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THENCE_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"PATH": path, "PYTHONUNBUFFERED": "1"} | more


class Service:
    """`thence serve` on a free port, until it is stopped."""

    def __init__(self, folder: Path, arguments: tuple[str, ...] = (), **environment: str) -> None:
        self.data = folder / "data"
        settings = {
            "THENCE_DATA_DIR": str(self.data),
            "THENCE_LISTEN": "127.0.0.1:0",
            "THENCE_ROOT_ACCESS_KEY_ID": KEY_ID,
            "THENCE_ROOT_ACCESS_KEY_SECRET": KEY_SECRET,
        }
        self.environment = clean_environment(**settings | environment)
        self.log = (folder / "serve.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "thence", "serve", *arguments],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()  # it says so once, when it takes requests
        prefix = "listening on "
        assert line.startswith(prefix), (folder / "serve.log").read_text()
        self.url = line.removeprefix(prefix).strip()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        finally:
            self.process.kill()
            self.log.close()
            assert self.process.stdout is not None
            self.process.stdout.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("service"))
    yield running
    running.stop()


@dataclass
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Thence = Callable[..., Ran]


@pytest.fixture(autouse=True)
def fresh_consoles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has its own, of the width that it wants, whatever ran before it in this process.
    Where tests run in parallel processes, each of them is told the width of the screen."""
    monkeypatch.delenv("COLUMNS", raising=False)
    output.console.cache_clear()
    output.stderr_console.cache_clear()


@pytest.fixture
def thence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Thence:
    """Runs a command line in this process, without any service set."""
    for name in list(os.environ):
        if name.startswith("THENCE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        status = app.run(arguments)
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    return run


@pytest.fixture
def at_service(thence: Thence, service: Service, monkeypatch: pytest.MonkeyPatch) -> Thence:
    """The same, against the service."""
    monkeypatch.setenv("THENCE_URL", service.url)
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("THENCE_ROOT_ACCESS_KEY_SECRET", KEY_SECRET)
    return thence


@dataclass
class Scripted:
    """An HTTP server that answers what a test has put there: (status, headers, body) in order."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.requests.append((self.command, self.path, headers, body))
            status, more, content = script.answers.pop(0)
            self.send_response(status)
            if status >= 400 and content.startswith(b"{"):  # as the service says its own problems
                more = {"Content-Type": "application/problem+json", **more}
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *arguments: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield script
    server.shutdown()
    server.server_close()
    thread.join(5)
