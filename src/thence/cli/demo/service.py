"""The service that the demo starts, kills and starts again: a process of its own."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from ...errors import StartupError
from ..client import Client

START_SECONDS = 30.0
STOP_SECONDS = 30.0
_LISTENING = b"listening on http://"


class Service:
    """`thence serve` on `folder`/data, on a free port of 127.0.0.1, with credentials of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "serve.log"
        self.key_id, self.key_secret = "demo", secrets.token_urlsafe(24)
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """Nothing of the caller's own settings; waits short enough to watch."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("THENCE_")}
        return kept | {
            "PYTHONUNBUFFERED": "1",
            "THENCE_DATA_DIR": str(self.data),
            "THENCE_LISTEN": self.url.removeprefix("http://") or "127.0.0.1:0",
            "THENCE_ROOT_ACCESS_KEY_ID": self.key_id,
            "THENCE_ROOT_ACCESS_KEY_SECRET": self.key_secret,
            "THENCE_DESTINATIONS_ALLOW_NETWORKS": "127.0.0.0/8",
            "THENCE_LEASES_LEASE_SECONDS": "2",
            # How soon a record that was on its way when the service was killed is sent again.
            "THENCE_DESTINATIONS_TIMEOUT_SECONDS": "2",
            "THENCE_LOG_FORMAT": "console",
        }

    def start(self) -> Client:
        """Start it, wait until it takes requests; a client of it. Raises StartupError."""
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "thence", "serve"],
                env=self.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends it in order
            )
        self.url = self._listening(before)
        return Client(self.url, f"{self.key_id}:{self.key_secret}")

    def kill(self) -> None:
        """End it with -9, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit status (-9 where it did not end in time)."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        return int(self._process.returncode)

    def _listening(self, offset: int) -> str:
        assert self._process is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            said = self.log.read_bytes()[offset:]
            _, found, rest = said.partition(_LISTENING)
            if found and b"\n" in rest:
                return "http://" + rest.split()[0].decode()
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        tail = self.log.read_text("utf-8", "replace")[-1500:]
        raise StartupError(f"The demo's service did not start. It said:\n{tail}")
