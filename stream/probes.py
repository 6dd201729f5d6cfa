"""`/healthz`, `/readyz` and `/metrics` for a process without a board: the consumers."""

from __future__ import annotations

import json

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stream.background_http import BackgroundServer, QuietHandler
from stream.errors import UsageError
from stream.health import Health
from stream.metrics import REGISTRY


def probes(health: Health, host: str, port: int) -> BackgroundServer:
    """A server to enter. Raises UsageError where the port is taken."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self.answer(200, generate_latest(REGISTRY), CONTENT_TYPE_LATEST)
            elif self.path in ("/healthz", "/readyz"):
                problems = health.problems() if self.path == "/readyz" else []
                body = json.dumps({"ok": not problems, "problems": problems}).encode()
                self.answer(503 if problems else 200, body, "application/json")
            else:
                self.answer(404, b"/healthz, /readyz or /metrics\n")

    try:
        return BackgroundServer(Handler, host, port)
    except OSError as error:
        raise UsageError(
            f"web.probe_port {port}: cannot listen on {host} ({error.strerror}); "
            "set UNDERTONE_WEB__PROBE_PORT to a free port"
        ) from None
