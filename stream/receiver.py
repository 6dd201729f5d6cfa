"""A webhook receiver as a customer would write it: checks the signature, drops repeats.

For the demo, the tests, and as an example in `docs/alerts.md`. Verification is the
`standardwebhooks` library's, not ours, so that it can disagree with our signing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from stream.background_http import BackgroundServer, QuietHandler

_LARGEST = 64 * 1024  # bytes of a body


class Receiver(BackgroundServer):
    """Listens on 127.0.0.1 while the context lasts. `secret` is a `whsec_…`."""

    def __init__(self, secret: str, on_message: Callable[[Any], None] = lambda _: None) -> None:
        self.verified: dict[str, Any] = {}
        """Payload by webhook-id: each message once, however often it came."""
        self.received_at: dict[str, datetime] = {}
        """Wall clock of the first arrival of each."""
        self.repeats = 0
        self.refused = 0
        self._on_message = on_message
        self._lock = threading.Lock()
        receiver, webhook = self, Webhook(secret)

        class Handler(QuietHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(min(length, _LARGEST)).decode("utf-8", "replace")
                headers = {name.lower(): value for name, value in self.headers.items()}
                try:
                    webhook.verify(body, headers)
                except (WebhookVerificationError, ValueError):
                    receiver.refused += 1
                    self.answer(401)
                    return
                receiver._take(headers["webhook-id"], json.loads(body))
                self.answer(204)

        super().__init__(Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def _take(self, webhook_id: str, payload: Any) -> None:
        with self._lock:
            if webhook_id in self.verified:
                self.repeats += 1
                return
            self.verified[webhook_id] = payload
            self.received_at[webhook_id] = datetime.now(UTC)
        self._on_message(payload)
