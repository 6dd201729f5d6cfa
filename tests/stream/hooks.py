"""A real HTTP receiver for tests: answers as told, and keeps what it was sent."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook

from stream.receivers import Receiver

SECRET = "whsec_" + base64.b64encode(b"undertone-test-secret-001").decode()
OTHER_SECRET = "whsec_" + base64.b64encode(b"undertone-test-secret-002").decode()

Answer = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def written(code: int, body: bytes) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def drip(request: BaseHTTPRequestHandler) -> None:
    """One byte of the answer now and then."""
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 200:
        request.wfile.write(bytes([byte]))
        time.sleep(0.05)


def flood(head: bytes) -> Answer:
    """`head`, and then bytes without end."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(head)
        for _ in range(10_000):
            request.wfile.write(b"x" * 65536)

    return answer


@dataclass
class Hook:
    """Answers with `answers` in turn, the last for ever."""

    port: int
    answers: list[Answer]
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def receiver(self, name: str = "marketing", path: str = "/hook", **changed: Any) -> Receiver:
        url = f"http://127.0.0.1:{self.port}{path}"
        fields = {"name": name, "url": url, "secrets": [SECRET], "allow_private": True}
        return Receiver(**(fields | changed))

    def verified(self, secret: str = SECRET) -> list[Any]:
        """The payloads, checked by the reference library."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.messages]


@contextmanager
def hook(*answers: Answer) -> Iterator[Hook]:
    """A receiver on 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.messages.append(({k.lower(): v for k, v in self.headers.items()}, body))
            turn = min(len(taken.messages), len(taken.answers)) - 1
            try:
                taken.answers[turn](self)
            except OSError:
                self.close_connection = True  # the sender had enough

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    taken = Hook(server.server_port, list(answers) or [status(204)])
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield taken
    server.shutdown()
    server.server_close()


@contextmanager
def listener() -> Iterator[tuple[int, list[bytes]]]:
    """A port that takes connections and keeps the first bytes of each."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(2)
                    heard.append(connection.recv(4096))

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
