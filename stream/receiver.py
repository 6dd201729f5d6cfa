"""A webhook receiver as a customer would write it: checks the signature, drops repeats.

For the demo, the tests, and as an example in `docs/alerts.md`. Verification is the
`standardwebhooks` library's, not ours, so that it can disagree with our signing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

_LARGEST = 64 * 1024  # bytes of a body


class Receiver:
    """Listens on 127.0.0.1 while the context lasts. `secret` is a `whsec_…`."""

    def __init__(self, secret: str, on_message: Callable[[Any], None] = lambda _: None) -> None:
        self.verified: dict[str, Any] = {}
        """Payload by webhook-id: each message once, however often it came."""
        self.received_at: dict[str, datetime] = {}
        """Wall clock of the first arrival of each."""
        self.repeats = 0
        self.refused = 0
        receiver, webhook = self, Webhook(secret)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(min(length, _LARGEST)).decode("utf-8", "replace")
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    webhook.verify(body, headers)
                except (WebhookVerificationError, ValueError):
                    receiver.refused += 1
                    self._answer(401)
                    return
                receiver._take(headers["webhook-id"], json.loads(body), on_message)
                self._answer(204)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing on the terminal."""

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def _take(self, webhook_id: str, payload: Any, on_message: Callable[[Any], None]) -> None:
        with self._lock:
            if webhook_id in self.verified:
                self.repeats += 1
                return
            self.verified[webhook_id] = payload
            self.received_at[webhook_id] = datetime.now(UTC)
        on_message(payload)

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="receiver",
            daemon=True,
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
