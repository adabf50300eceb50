"""`thence serve` as a process of its own: started, asked, killed, looked for in /proc.

Nothing here sleeps: it waits for lines of output, for processes to end (pidfd) and for answers.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
GONE_SECONDS = 30.0
ASK_SECONDS = 60.0
GRACE_SECONDS = 20.0
LISTENING = "listening on http://127.0.0.1:"


class Program:
    """One data directory and the process that serves it now, if any.

    settings: environment variables without `THENCE_`, in any case.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.data = folder / "data"
        self.scratch = folder / "tmp"  # instances' directories: names every process of ours
        self.scratch.mkdir(exist_ok=True)
        kept = {n: v for n, v in os.environ.items() if not n.startswith("THENCE_")}
        self._environment = kept | {
            "TMPDIR": str(self.scratch),
            "THENCE_DATA_DIR": str(self.data),
            "THENCE_LISTEN": "127.0.0.1:0",
            "THENCE_LOG_LEVEL": "info",
            "THENCE_GRACE_SECONDS": str(GRACE_SECONDS),
            # So that what a killed server ran is soon known to be lost.
            "THENCE_LEASES_LEASE_SECONDS": "1",
            # A delivery that was under way is tried again after twice this and half a minute.
            "THENCE_DESTINATIONS_TIMEOUT_SECONDS": "1",
            **{f"THENCE_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.python = sys.executable
        self.under: list[str] = []  # a command that runs the one that follows it
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._said: list[str] = []
        self._heard = threading.Condition()
        self.port = 0
        self.up = threading.Event()
        """Set while the server takes requests, as far as we know."""

    # ------------------------------------------------------------ life

    def spawn(self) -> None:
        """Start the process and do not wait for it."""
        assert self._process is None, "it runs already"
        self.port = 0
        self._said = []
        self._process = subprocess.Popen(
            [*self.under, self.python, "-m", "thence", "serve"],
            env=self._environment,
            cwd=self.scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def start(self) -> None:
        """Start it and return when it listens."""
        self.spawn()
        with self._heard:
            self._heard.wait_for(lambda: self.port or self._ended(), START_SECONDS)
        assert self.port, f"it does not listen:\n{self.said}"
        self.up.set()

    def kill(self) -> None:
        """kill -9, and return when it and all it started are gone."""
        self.up.clear()
        if self._process is not None:
            self._process.kill()
            self._gone()
        left = wait_gone(self.family(), GONE_SECONDS) or self.family()
        assert not left, f"processes outlive a killed server: {left}"

    def terminate(self) -> int:
        """SIGTERM; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self, seconds: float = GRACE_SECONDS + 10) -> int:
        """The exit status of a process that ends by itself."""
        assert self._process is not None
        status = self._process.wait(seconds)
        self.up.clear()
        self._gone()
        return status

    def outlives(self, seconds: float) -> bool:
        """Whether it still runs after `seconds`; returns sooner when it has ended."""
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """Its output so far, this run."""
        return "".join(self._said)

    def family(self) -> list[int]:
        """The processes of this data directory other than the server: fork server and instances."""
        mark = str(self.scratch).encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            if mark in line:
                found.append(int(entry.name))
        return found

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode("utf-8", "replace")
            self._said.append(line)
            _, found, rest = line.partition(LISTENING)
            if found:
                with self._heard:
                    self.port = int(rest.split()[0].rstrip("/"))
                    self._heard.notify_all()
        with self._heard:
            self._heard.notify_all()

    def _ended(self) -> bool:
        return self._reader is not None and not self._reader.is_alive()

    def _gone(self) -> None:
        assert self._process is not None and self._reader is not None
        self._process.wait(GONE_SECONDS)
        self._process = None
        # Instances hold no copy of its output, so this ends when the server has.
        self._reader.join(GONE_SECONDS)
        assert not self._reader.is_alive(), "something still holds the killed server's output"

    # ------------------------------------------------------------ asking

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """(status, headers by lower-case name, JSON or bytes). Raises OSError, HTTPException."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASK_SECONDS)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        is_json = "json" in found.get("content-type", "") and data
        return answer.status, found, json.loads(data) if is_json else data

    def until_answers(
        self, path: str = "/livez", seconds: float = 60.0, status: int = 200, says: str = ""
    ) -> None:
        """Return once it answers `status` there, with `says` in the detail of a problem; for a
        service that has not said that it listens."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found, _, answer = self.ask("GET", path)
                if found == status and (not says or says in answer["detail"]):
                    return
            except (OSError, http.client.HTTPException):
                pass  # not yet
            assert not self._ended(), self.said
            select.select([], [], [], 0.1)
        raise AssertionError(f"no answer at {path} within {seconds:g} s:\n{self.said}")

    def get(self, path: str) -> Any:
        status, _, answer = self.ask("GET", path)
        assert status == 200, (path, status, answer)
        return answer

    def deploy(self, name: str, source: str, **spec: Any) -> None:
        """A function of one file, quick to retry unless told otherwise."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("main.py", source)
        wait = {"first_seconds": 0.05, "factor": 1.0, "cap_seconds": 0.05, "jitter": "none"}
        code = base64.b64encode(archive.getvalue()).decode()
        body = {"runtime": "python", "retry_wait": wait, "code": code, **spec}
        status, _, answer = self.ask(
            "PUT", f"/v1/functions/{name}", json.dumps(body).encode(),
            Content_Type="application/json",
        )  # fmt: skip
        assert status in (200, 201), answer

    def verify(self) -> None:
        """`thence verify` has nothing to say about the data directory of a server that has ended."""
        done = subprocess.run(
            [sys.executable, "-m", "thence", "verify", "--data-dir", str(self.data), "--json"],
            env=self._environment,
            cwd=self.scratch,
            capture_output=True,
            timeout=ASK_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["problems"] == []

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Return when the condition holds. Looks again whenever something happens in the service
        (its event stream), and now and then."""
        end = time.monotonic() + seconds
        with socket.create_connection(("127.0.0.1", self.port), ASK_SECONDS) as stream:
            stream.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while not condition():
                assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
                if select.select([stream], [], [], 0.2)[0]:
                    assert stream.recv(1 << 20), f"the event stream ended: {what}"

    def until_done(self, seconds: float = 120.0) -> dict[str, Any]:
        """Return the statistics once nothing waits, runs or is owed any more."""
        stats: dict[str, Any] = {}

        def done() -> bool:
            stats.update(self.get("/v1/stats"))
            owed = sum(function["deliveries_pending"] for function in stats["functions"])
            return stats["waiting"] + stats["running"] + owed == 0

        try:
            self.until(done, seconds, "all is final and delivered")
        except AssertionError as error:
            raise AssertionError(f"{error}: {json.dumps(stats, indent=1)}") from None
        return stats


def wait_gone(pids: list[int], seconds: float) -> list[int]:
    """Wait until these processes have ended; those that have not."""
    end = time.monotonic() + seconds
    left = []
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            left.append(pid)
        os.close(handle)
    return left
