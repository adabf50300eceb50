"""The demo's webhook receiver: checks every signature, and is busy the first time it is asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OLD_SECONDS = 300


class Receiver:
    """Listens on a free port of 127.0.0.1. `records`: what came with a right signature, by
    delivery id; a record that comes again is counted, not kept twice."""

    def __init__(self) -> None:
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self.records: dict[str, Any] = {}
        self.refused = 0
        self.busy = 1
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status = receiver.take(dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the demo's screen is not a log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/orders"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status that answers one request."""
        low = {name.lower(): value for name, value in headers.items()}
        with self._lock:
            if not self._signed(low, body):
                self.refused += 1
                return 401
            if self.busy:
                self.busy -= 1
                return 503
            self.records[low["webhook-id"]] = json.loads(body)
            return 204

    def _signed(self, headers: dict[str, str], body: bytes) -> bool:
        """Standard Webhooks: one of the signatures is ours, over id, time and body."""
        id, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not sent.isdecimal() or abs(time.time() - int(sent)) > OLD_SECONDS:
            return False
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{id}.{sent}.".encode() + body, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(mac).decode()
        signatures = headers.get("webhook-signature", "").split(" ")
        return any(hmac.compare_digest(expected, signature) for signature in signatures)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
