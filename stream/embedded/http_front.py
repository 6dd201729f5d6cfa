"""ClickHouse's HTTP interface over the embedded engine: sockets, headers, statuses.

A thread per connection, a bounded number of them. Answers stream; one that fails after its first
byte ends with the server's exception block and a connection that closes without a proper end, so
that no client takes half a result for a whole one.
"""

from __future__ import annotations

import json
import secrets
import socket
import tempfile
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import urlsplit

import structlog

from stream.embedded.engine import Answer, Engine, EngineError
from stream.embedded.http_codes import content_type, error_code, http_status
from stream.embedded.http_request import Request, authenticate, decompressed
from stream.embedded.native_blocks import CUSTOM_SERIALIZATION, with_headers
from stream.embedded.statement import Refused

__all__ = ["Front"]

_MAX_CONNECTIONS = 64
_IDLE = 60.0  # seconds a connection may say nothing, within a request or between two
_READ = 64 << 10  # bytes
_IN_MEMORY = 8 << 20  # bytes of a finished answer; more waits in a file
_log = structlog.get_logger()


class Front(ThreadingHTTPServer):
    """Listens on `host:port` (0: a free one) and passes statements to `engine`.

    With a `password`, only user `default` with it is let in. `shutdown` and `drain` end it.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, engine: Engine, host: str, port: int, password: str = "") -> None:
        self.engine = engine
        self.password = password
        self._places = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._busy = 0
        self._idle = threading.Condition()
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            _turn_away(request)
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is our mistake and is logged."""
        _log.debug("clickhouse.connection_lost", exc_info=True)

    def count(self, change: int) -> None:
        """Requests being answered: +1 at the beginning, -1 at the end."""
        with self._idle:
            self._busy += change
            self._idle.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is being answered; False if something still is."""
        with self._idle:
            return self._idle.wait_for(lambda: self._busy == 0, seconds)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Undertone"
    sys_version = ""
    timeout = _IDLE
    wbufsize = 1 << 16  # head and body leave in one packet
    disable_nagle_algorithm = True  # without: 40 ms per answer, waiting for the client's ACK

    @property
    def front(self) -> Front:
        return cast(Front, self.server)

    def log_message(self, format: str, *args: Any) -> None:
        """No access log: posts and people stand in the queries."""

    def do_HEAD(self) -> None:
        self._send(200, b"", {})

    def do_GET(self) -> None:
        self._answer(readonly=True)

    def do_POST(self) -> None:
        self._answer(readonly=False)

    def _answer(self, *, readonly: bool) -> None:
        url = urlsplit(self.path)
        if url.path in ("/ping", "/replicas_status") or (self.path == "/" and readonly):
            self._send(200, b"Ok.\n", {})
            return
        if url.path != "/":
            self.close_connection = True  # its body stays unread
            self._send(404, b"There is no such handle: use / or /ping\n", {"Connection": "close"})
            return
        self.front.count(+1)
        self._body = _Body(self)
        self._begun = False
        try:
            self._refuse_browsers()
            authenticate(url.query, cast(Any, self.headers), self.front.password)
            encoding = self.headers.get("Content-Encoding", "")
            body = decompressed(self._body, encoding)
            self._run(Request(url.query, cast(Any, self.headers), body), readonly)
        except (Refused, EngineError) as error:
            self._send_error(str(error))
        except (OSError, EOFError):  # the client went away or fell silent: nobody to answer
            self.close_connection = True
        except Exception:
            _log.exception("clickhouse.request_failed")
            self._send_error("Code: 49. DB::Exception: the HTTP front failed (LOGICAL_ERROR)")
        finally:
            self.front.count(-1)

    def _refuse_browsers(self) -> None:
        """A web page in the user's browser must not be able to talk to the database behind it."""
        if self.headers.get("Origin") or self.headers.get("Sec-Fetch-Site", "none") != "none":
            raise Refused(497, "ACCESS_DENIED", "requests from web pages are not allowed")

    def _run(self, request: Request, readonly: bool) -> None:
        with self.front.engine.session(
            request.database, request.settings, request.parameters, readonly
        ) as session:
            answer = session.run(request.statement, request.output, request.data)
            headers = {
                "X-ClickHouse-Query-Id": _header_safe(request.query_id) or str(uuid.uuid4()),
                "X-ClickHouse-Timezone": self.front.engine.timezone,
                "X-ClickHouse-Server-Display-Name": "undertone",
            }
            if answer.format is not None:
                headers["X-ClickHouse-Format"] = answer.format
                headers["Content-Type"] = content_type(answer.format)
            if answer.summary:
                headers["X-ClickHouse-Summary"] = json.dumps(answer.summary)
            try:
                if answer.format == "Native" and request.revision >= CUSTOM_SERIALIZATION:
                    answer.chunks = with_headers(answer.chunks, request.revision)
                    answer.size = None
                if answer.size is None and not request.waits_for_end:
                    self._send_stream(answer, headers)
                else:
                    self._send_whole(answer, headers)
            finally:
                answer.close()

    def _send_whole(self, answer: Answer, headers: dict[str, str]) -> None:
        """Collect the answer first, so that a late error still gets its status."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
            for chunk in answer.chunks:
                kept.write(chunk)
            size = kept.tell()
            kept.seek(0)
            self._send_head(200, {**headers, "Content-Length": str(size)})
            while chunk := kept.read(1 << 20):
                self.wfile.write(chunk)

    def _send_stream(self, answer: Answer, headers: dict[str, str]) -> None:
        tag = secrets.token_hex(8)
        more = {"Transfer-Encoding": "chunked", "X-ClickHouse-Exception-Tag": tag}
        self._send_head(200, {**headers, **more})
        try:
            for chunk in answer.chunks:
                self._send_chunk(chunk)
        except (EngineError, Refused) as error:
            text = f"{error}\n"
            block = f"__exception__\r\n{tag}\r\n{text}{len(text.encode())} {tag}\r\n__exception__"
            self._send_chunk(f"{block}\r\n".encode())
            self.close_connection = True  # and no last chunk: this answer is not whole
            return
        self.wfile.write(b"0\r\n\r\n")

    def _send_chunk(self, chunk: bytes) -> None:
        if chunk:
            self.wfile.write(b"%x\r\n" % len(chunk) + chunk + b"\r\n")

    def _send_error(self, message: str) -> None:
        if self._begun:
            self.close_connection = True
            return
        code = error_code(message)
        headers = {
            "X-ClickHouse-Exception-Code": str(code),
            "Content-Type": "text/plain; charset=UTF-8",
        }
        if not self._body.drain():
            self.close_connection = True
            headers["Connection"] = "close"
        self._send(http_status(code), f"{message}\n".encode(errors="replace"), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._send_head(status, {**headers, "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self._begun = True
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()


class _Body:
    """The request's body as it arrives. Raises EOFError when it stops short of its length."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._file = handler.rfile
        self._handler = handler
        self._chunks = self._read()

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks

    def drain(self, limit: int = 16 << 20) -> bool:
        """Read what an early answer left unread; False if it is too much to be worth it."""
        size = 0
        try:
            for chunk in self._chunks:
                size += len(chunk)
                if size > limit:
                    return False
        except (OSError, EOFError, ValueError):
            return False
        return True

    def _read(self) -> Iterator[bytes]:
        headers = self._handler.headers
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            while size := int(self._line().split(b";")[0], 16):
                yield from self._exactly(size)
                self._line()
            while self._line():
                pass
        else:
            yield from self._exactly(int(headers.get("Content-Length") or 0))

    def _line(self) -> bytes:
        line = self._file.readline(1024)
        if not line.endswith(b"\n"):
            raise EOFError("request cut off")
        return line.strip()

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            chunk = self._file.read(min(size, _READ))
            if not chunk:
                raise EOFError("request cut off")
            size -= len(chunk)
            yield chunk


def _header_safe(text: str) -> str:
    return text[:128] if text.isascii() and text.isprintable() else ""


def _turn_away(connection: socket.socket) -> None:
    body = b"Code: 202. DB::Exception: Too many connections (TOO_MANY_SIMULTANEOUS_QUERIES)\n"
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nX-ClickHouse-Exception-Code: 202\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    try:
        connection.settimeout(1)
        connection.sendall(head.encode() + body)
    except OSError:
        return
